package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// deedOnIRC says what a line does to a message, as deed does of a stanza.
func deedOnIRC(line string) string {
	m, err := ircmsg.ParseLine(line)
	if err != nil {
		return ""
	}
	tags := m.AllTags()
	switch to := tags["+reply"]; {
	case m.Command == "TAGMSG" && tags["+draft/react"] != "":
		return m.Nick() + " reacts with " + tags["+draft/react"] + " to " + to
	case m.Command == "PRIVMSG" && to != "":
		return m.Nick() + " replies to " + to
	case m.Command == "REDACT":
		return m.Nick() + " takes back " + m.Params[1]
	}
	return ""
}

func deed(s xmppclient.Stanza) string {
	_, nick, _ := strings.Cut(s.From(), "/")
	if e := s.Find("reactions"); e != nil {
		return nick + " reacts with " + e.Find("reaction").Text + " to " + e.Attr("id")
	}
	if e := s.Find("reply"); e != nil {
		return nick + " replies to " + e.Attr("id")
	}
	if e := s.Find("retract"); e != nil {
		return nick + " takes back " + e.Attr("id")
	}
	return ""
}

// Three people react, reply and take back at once: two on XMPP and one on IRC
// see the same, in the same order.
func TestEverybodySeesTheSameDeedsInTheSameOrder(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := w.redacting().Addr()
	w.start(w.irc(plain("verona", address)))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(room, "romeo")
	benvolio.joins(room, "benvolio")
	juliet := w.native(address, "juliet", channel, "message-tags echo-message draft/message-redaction")

	ids := map[string]string{} // by text
	for _, n := range []string{"1", "2"} {
		romeo.says(room, "groupchat", "r"+n, "romeo "+n, "")
		benvolio.says(room, "groupchat", "b"+n, "benvolio "+n, "")
		juliet.sends("PRIVMSG " + channel + " :juliet " + n)
		for _, who := range []string{"romeo ", "benvolio ", "juliet "} {
			text := who + n
			ids[text] = idIn(romeo.gets(message, in(room), body(text)))
			if got := idIn(benvolio.gets(message, in(room), body(text))); got != ids[text] {
				t.Fatalf("%q is %q for one and %q for another", text, ids[text], got)
			}
		}
	}

	acts := func(who *person, nick, other string) {
		who.says(room, "groupchat", nick+"-react", "", reaction(ids[other+" 2"], "👍"))
		who.says(room, "groupchat", nick+"-reply", "I answer", `<reply xmlns="urn:xmpp:reply:0" id="`+ids["juliet 2"]+`"/>`)
		who.says(room, "groupchat", nick+"-retract", "", `<retract xmlns="urn:xmpp:message-retract:1" id="`+ids[nick+" 1"]+`"/>`)
	}
	acts(romeo, "romeo", "benvolio")
	juliet.sends("@+draft/react=🌹;+reply="+ids["romeo 2"]+" TAGMSG "+channel, "@+reply="+ids["benvolio 2"]+" PRIVMSG "+channel+" :Ay me")
	acts(benvolio, "benvolio", "romeo")
	juliet.sends("REDACT " + channel + " " + ids["juliet 1"] + " :nothing")

	const all = 9
	var onIRC []string
	check(t, juliet.conn.SetReadDeadline(time.Now().Add(patience)))
	for len(onIRC) < all && juliet.lines.Scan() {
		if d := deedOnIRC(juliet.lines.Text()); d != "" {
			onIRC = append(onIRC, d)
		}
	}
	if len(onIRC) != all {
		t.Fatalf("IRC saw %q", onIRC)
	}
	isDeed := func(s xmppclient.Stanza) bool { return message(s) && in(room)(s) && deed(s) != "" }
	for name, who := range map[string]*person{"romeo": romeo, "benvolio": benvolio} {
		for range all {
			who.gets(isDeed)
		}
		var seen []string
		for _, s := range who.All() {
			if isDeed(s) {
				seen = append(seen, deed(s))
			}
		}
		if !slices.Equal(seen, onIRC) {
			t.Errorf("%s saw\n%s\nand IRC\n%s", name, strings.Join(seen, "\n"), strings.Join(onIRC, "\n"))
		}
	}
}
