package irc

import (
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestUserIsShownAsOnXMPP(t *testing.T) {
	withSettings(t, transport.Values{"follow_profile": {"true"}}, func(w *world, set *fakeSettings) {
		if w.session.Portrays() {
			t.Error("there is nobody to be shown to")
		}
		c := w.portraysIn()
		c.expect(subscribe, "JOIN #garden")
		if !w.session.Portrays() {
			t.Fatal("the user is not shown")
		}
		c.admits("romeo", "#garden", "@juliet romeo")
		w.joined()
		c.expect("MODE #garden")
		w.session.Portray(transport.Face{Name: "Romeo Montague", Picture: roses})
		c.expect("METADATA * SET avatar "+roses, "METADATA * SET display-name :Romeo Montague", "SETNAME :Romeo Montague")
		w.session.Portray(transport.Face{Name: "Romeo Montague", Picture: roses})
		w.session.Portray(transport.Face{Name: "Romeo", Picture: "javascript:alert(1)"})
		c.expect("METADATA * SET avatar", "METADATA * SET display-name Romeo", "SETNAME Romeo")
		set.set("net", transport.Values{"follow_profile": {"true"}, "realname": {"Somebody"}, "display_name": {"Nobody"}})
		w.session.Reconfigured("net")
		c.expect("METADATA * SET display-name Nobody", "SETNAME Somebody")
		set.set("net", transport.Values{"realname": {"Somebody"}})
		w.session.Reconfigured("net")
		c.expectNothing(10 * time.Second)
		w.session.Portray(transport.Face{Name: "Romeo Montague", Picture: roses})
		c.expectNothing(10 * time.Second)
		if w.session.Portrays() {
			t.Error("the user does not want it any more")
		}
	})
}
