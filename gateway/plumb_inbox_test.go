package gateway_test

import (
	"fmt"
	"strings"
	"testing"
)

// A MUC of hundreds shows all of them at the join, before the gateway itself.
func TestALargeMUCIsJoined(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs("joins=true")
		w.ExpectNothing()
		release := w.gateway.BusyPlumbs()
		for i := range 10 {
			c.comes(fmt.Sprint("guest", i), "participant")
		}
		c.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='307'/><status code='110'/></x></presence>`, chapel, c.self))
		c.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/></x></presence>`, chapel, c.self))
		w.settle()
		release()
		w.settle()
		// It heard that it was thrown out and is in again, and asks who else is.
		w.Expect(joinOf("bridge"))
		if got := w.linked(); !strings.Contains(got, "joined as bridge, with 0 others") || !strings.Contains(got, "10 left out") {
			t.Errorf("the list: %s", got)
		}
		if got := w.said(); !strings.HasSuffix(got, chapel+" is back.") {
			t.Errorf("verona hears %q", got)
		}
		c.comes("guest1", "participant")
		c.comes("guest2", "participant")
		c.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/></x></presence>`, chapel, c.self))
		w.settle()
		if got := w.linked(); !strings.Contains(got, "joined as bridge, with 2 others") {
			t.Errorf("the list: %s", got)
		}
		w.saidIs("who was there before", "")
	})
}
