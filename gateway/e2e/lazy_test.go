package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// Somebody who wants that sees in a channel those alone who say or do
// something, until they ask for everybody.
func TestAHugeChannelShowsThoseWhoSpeak(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := w.ircv3(ircv3server.Options{Caps: ircv3server.Common("draft/no-implicit-names")}).Addr()
	w.start(w.irc(plain("verona", address)))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	juliet := w.native(address, "juliet", channel, "message-tags")
	w.native(address, "nurse", channel, "message-tags")
	romeo.configures(room, "occupants", "seen")
	romeo.joins(room, "romeo")
	benvolio.joins(room, "benvolio") // who has not wanted that, and sees all
	items := func(p *person) (names []string) {
		for _, item := range p.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#items"/>`).Find("query").FindAll("item") {
			_, nick, _ := strings.Cut(item.Attr("jid"), "/")
			names = append(names, nick)
		}
		return names
	}
	if got := items(benvolio); len(got) != 4 {
		t.Errorf("benvolio sees %s", got)
	}
	romeo.gets(presence, from(room+"/benvolio")) // who came in behind
	if got := items(romeo); len(got) != 2 {
		t.Errorf("romeo sees %s", got)
	}
	juliet.sends("PRIVMSG " + channel + " :Ay me!")
	beside := func(s xmppclient.Stanza) bool { return presence(s) || s.Body() != "" }
	if first := romeo.gets(in(room), beside, func(s xmppclient.Stanza) bool { return strings.HasSuffix(s.From(), "/juliet") }); !presence(first) {
		t.Errorf("she speaks before she is there: %s", first)
	}
	romeo.gets(message, from(room+"/juliet"), body("Ay me!"))

	admins := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/muc#admin"><item affiliation="admin"/></query>`)
	if got := admins.FindAll("query"); len(got) != 1 || !strings.Contains(admins.String(), `nick="juliet"`) || strings.Contains(admins.String(), `nick="nurse"`) {
		t.Errorf("the admins are %s", admins)
	}
	romeo.gets(presence, from(room+"/nurse"))
	if got := items(romeo); len(got) != 4 {
		t.Errorf("romeo sees %s", got)
	}
}
