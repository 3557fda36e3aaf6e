package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// linked starts two InspIRCds that are one network.
func (w *world) linked() (one, two *servers.InspIRCd) {
	w.t.Helper()
	servers.Need(w.t, "inspircd", "ii")
	port, err := servers.FreePort()
	check(w.t, err)
	link := func(name string) string {
		return fmt.Sprintf(`<link name=%q ipaddr="127.0.0.1" port="%d" allowmask="127.0.0.1" sendpass="pox" recvpass="pox">`, name, port)
	}
	start := func(name, extra string) *servers.InspIRCd {
		w.t.Helper()
		s, err := servers.StartInspIRCd(limited(w.t), filepath.Join(w.dir, name), servers.InspIRCdOptions{
			Name: name, Modules: []string{"spanningtree"}, Extra: extra,
		})
		check(w.t, err)
		w.t.Cleanup(func() { s.Close() })
		return s
	}
	one = start("one.verona.test", fmt.Sprintf(`<bind address="127.0.0.1" port="%d" type="servers">`, port)+link("two.verona.test"))
	two = start("two.verona.test", link("one.verona.test")+`<autoconnect period="1s" server="one.verona.test">`)
	return one, two
}

func TestANetsplitIsALineInTheRoom(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	one, two := w.linked()
	w.start(w.irc(plain("verona", one.Addr)))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	w.ircUser(two.Addr, "juliet", channel)
	romeo.gets(presence, from(room+"/juliet"), typed(""))

	two.Kill()
	romeo.gets(message, from(room), func(s xmppclient.Stanza) bool {
		return strings.Contains(s.Body(), "etsplit") && strings.Contains(s.Body(), "juliet is gone")
	})
	// who is in the room is told truly all the time
	items := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#items"/>`)
	if strings.Contains(items.String(), "juliet") || !strings.Contains(items.String(), "romeo") {
		t.Errorf("in the room are %s", items)
	}

	check(t, two.Start(limited(t)))
	w.ircUserIn(two.Addr, "juliet", "-again", channel)
	romeo.gets(message, from(room), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "over for juliet") })
	for _, s := range romeo.All() {
		if s.Kind() == "presence" && s.From() == room+"/juliet" && s.Type() == "unavailable" {
			t.Errorf("the split is shown as a leave: %s", s)
		}
	}
}
