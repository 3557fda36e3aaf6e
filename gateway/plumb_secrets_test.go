package gateway_test

import (
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
)

func TestPasswordsOfLinkedRoomsAreKeptEncrypted(t *testing.T) {
	plumbStory(t, func(w *world) {
		knows := func() Matcher {
			return Presence(To(chapel+"/bridge"), Type(""), Has("{http://jabber.org/protocol/muc}x/password", "hush"))
		}
		w.plumbs("muc-password=hush")
		items, err := w.store.Records(verona).OfUser(t.Context(), "", "gateway plumb")
		if err != nil || len(items) != 1 || strings.Contains(string(items[0].Value), "hush") {
			t.Errorf("what is kept of the link: %s, %v", items, err)
		}
		w.stop()
		w.Skip()
		w.start()
		w.Expect(knows())

		got := w.startsRaw(castle, "unplumb")
		w.executes(castle, verona, "unplumb", sessionOf(got)+"|"+filled("link="+items[0].Key))
		w.settle()
		w.Skip()
		if all, err := w.store.Settings().All(t.Context(), verona, ""); err != nil || len(all) != 0 {
			t.Errorf("still there: %v, %v", all, err)
		}
	})
}
