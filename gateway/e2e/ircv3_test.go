package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// A native is somebody with an IRC client that shows lines as they come, tags
// and all.
type native struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Scanner
}

// ircv3 starts a server with the extensions that a scenario is about.
func (w *world) ircv3(o ircv3server.Options) *ircv3server.Server {
	w.t.Helper()
	s, err := ircv3server.Start(o)
	check(w.t, err)
	w.t.Cleanup(s.Close)
	return s
}

func (w *world) native(address, nick, channel, caps string) *native {
	w.t.Helper()
	conn, err := net.Dial("tcp", address)
	check(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	n := &native{t: w.t, conn: conn, lines: bufio.NewScanner(conn)}
	n.sends("CAP REQ :"+caps, "NICK "+nick, "USER "+nick+" 0 * :"+nick, "CAP END")
	n.gets(" 001 ")
	n.sends("JOIN " + channel)
	n.gets(" 366 ")
	return n
}

func (n *native) sends(lines ...string) {
	n.t.Helper()
	for _, line := range lines {
		_, err := fmt.Fprintf(n.conn, "%s\r\n", line)
		check(n.t, err)
	}
}

// gets waits for a line that has all of the parts, and gives it.
func (n *native) gets(parts ...string) string {
	n.t.Helper()
	check(n.t, n.conn.SetReadDeadline(time.Now().Add(patience)))
next:
	for n.lines.Scan() {
		line := n.lines.Text()
		if token, ok := strings.CutPrefix(line, "PING "); ok {
			n.sends("PONG " + token)
		}
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		return line
	}
	n.t.Fatalf("no line with %q: %v", parts, n.lines.Err())
	return ""
}

// tagIn gives the value of a tag.
func tagIn(line, name string) string {
	tags, _, _ := strings.Cut(strings.TrimPrefix(line, "@"), " ")
	for t := range strings.SplitSeq(tags, ";") {
		if key, value, _ := strings.Cut(t, "="); key == name {
			return value
		}
	}
	return ""
}

func repliesTo(id string) match {
	return func(s xmppclient.Stanza) bool { r := s.Find("reply"); return r != nil && r.Attr("id") == id }
}

// Two people on the gateway and one on IRC see the same replies, reactions and
// who writes, in the same order. The room says beforehand that they cross.
func TestWhatMessagesAreBesideTextCrosses(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)))
	juliet := w.native(address, "juliet", channel, "message-tags echo-message server-time")
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	both := []*person{romeo, benvolio}
	romeo.joins(room, "romeo")
	benvolio.joins(room, "benvolio")
	all := func(matches ...match) {
		t.Helper()
		for _, who := range both {
			who.gets(append(matches, message, in(room), typed("groupchat"))...)
		}
	}
	features := map[string]bool{}
	for _, f := range romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`).Find("query").FindAll("feature") {
		features[f.Attr("var")] = true
	}
	for name, want := range map[string]bool{
		reactions: true, "urn:xmpp:reply:0": true, "http://jabber.org/protocol/chatstates": true,
		"urn:xmpp:message-retract:1": false, "urn:xmpp:message-moderate:1": false, "urn:xmpp:message-correct:0": false,
	} {
		if features[name] != want {
			t.Errorf("the room has the feature %s: %v, want %v", name, features[name], want)
		}
	}

	romeo.says(room, "groupchat", "m1", "But, soft!", "")
	name := tagIn(juliet.gets(" PRIVMSG ", "But, soft!"), "msgid")
	for _, who := range both {
		if got := idIn(who.gets(message, body("But, soft!"))); got != name {
			t.Errorf("the message is %q here and %q on IRC", got, name)
		}
	}
	juliet.sends("@+reply=" + name + " PRIVMSG " + channel + " :Ay me!")
	all(from(room+"/juliet"), repliesTo(name))
	juliet.sends("@+draft/react=👍;+draft/reply="+name+" TAGMSG "+channel, "@+draft/react=🐢;+reply="+name+" TAGMSG "+channel)
	all(from(room+"/juliet"), reactsTo(name, "👍"))
	all(from(room+"/juliet"), reactsTo(name, "👍", "🐢"))
	juliet.sends("@+draft/unreact=👍;+reply=" + name + " TAGMSG " + channel)
	all(from(room+"/juliet"), reactsTo(name, "🐢"))

	benvolio.says(room, "groupchat", "b1", "", reaction(name, "❤️"))
	juliet.gets(":benvolio!", "TAGMSG", "+draft/react=❤️", "+reply="+name)
	romeo.gets(message, from(room+"/benvolio"), reactsTo(name, "❤️"))
	benvolio.gets(message, from(room+"/benvolio"), id("b1"), reactsTo(name, "❤️"))
	benvolio.says(room, "groupchat", "b2", "", reaction(name))
	juliet.gets(":benvolio!", "TAGMSG", "+draft/unreact=❤️", "+reply="+name)
	romeo.gets(message, from(room+"/benvolio"), reactsTo(name))
	benvolio.gets(message, from(room+"/benvolio"), id("b2"), reactsTo(name))
	benvolio.says(room, "groupchat", "b3", "> But, soft!\nWho is there?", `<reply xmlns="urn:xmpp:reply:0" id="`+name+`"/>`+
		`<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="0" end="13"/></fallback>`)
	juliet.gets("PRIVMSG "+channel+" :Who is there?", "+reply="+name)
	all(from(room+"/benvolio"), repliesTo(name))
	benvolio.says(room, "groupchat", "b4", "What light", "")
	all(body("What light"))
	benvolio.says(room, "groupchat", "b5", "What lights", `<replace xmlns="urn:xmpp:message-correct:0" id="b4"/>`)
	juliet.gets("PRIVMSG "+channel, "s/light/lights/")
	benvolio.gets(message, id("b5"), body("What lights"), has("replace"))

	romeo.says(room, "groupchat", "c1", "", `<composing xmlns="http://jabber.org/protocol/chatstates"/>`+noStore)
	juliet.gets(":romeo!", "TAGMSG", "+typing=active")
	benvolio.gets(message, from(room+"/romeo"), has("composing"))
	juliet.sends("@+typing=active TAGMSG " + channel)
	all(from(room+"/juliet"), has("composing"))
	juliet.sends("PRIVMSG " + channel + " :Romeo!")
	all(from(room+"/juliet"), has("active"))
	all(from(room+"/juliet"), body("Romeo!"))

	romeo.says("juliet%verona@"+ircHost, "chat", "p1", "psst", "")
	private := tagIn(juliet.gets("PRIVMSG juliet", "psst"), "msgid")
	juliet.sends("@+draft/react=👂;+reply=" + private + " TAGMSG romeo")
	romeo.gets(message, from("juliet%verona@"+ircHost), reactsTo("p1", "👂"))
	romeo.says(room, "groupchat", "e1", "", `<retract xmlns="urn:xmpp:message-retract:1" id="`+name+`"/>`)
	romeo.gets(message, typed("error"), id("e1"), condition("feature-not-implemented"))
}
