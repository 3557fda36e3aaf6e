package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// A redactingServer is an IRC server with message-redaction, which no server in
// Debian has. It knows one channel, whose first member is its operator, and
// does what the specification's examples show.
type redactingServer struct {
	mu      sync.Mutex
	members []*redactingClient
	said    map[string]string // nick by msgid
}

type redactingClient struct {
	server *redactingServer
	conn   net.Conn
	nick   string
}

func (w *world) redactingServer() string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(w.t, err)
	s := &redactingServer{said: map[string]string{}}
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.t.Cleanup(func() { conn.Close() })
			clients.Go(func() { (&redactingClient{server: s, conn: conn}).serve() })
		}
	})
	w.t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func (c *redactingClient) sends(format string, args ...any) {
	fmt.Fprintf(c.conn, format+"\r\n", args...)
}

func (c *redactingClient) serve() {
	lines := bufio.NewScanner(c.conn)
	for lines.Scan() {
		line, tags := lines.Text(), ""
		if strings.HasPrefix(line, "@") {
			tags, line, _ = strings.Cut(line[1:], " ")
		}
		head, text, _ := strings.Cut(line, " :")
		words := strings.Fields(head)
		if text != "" {
			words = append(words, text)
		}
		label := ""
		if l := tagIn("@"+tags+" ", "label"); l != "" {
			label = "label=" + l + ";"
		}
		c.server.mu.Lock()
		c.takes(words, label)
		c.server.mu.Unlock()
	}
}

// takes handles one command.
func (c *redactingClient) takes(words []string, label string) {
	s := c.server
	switch words[0] {
	case "CAP":
		const caps = "batch echo-message labeled-response message-tags draft/message-redaction"
		switch words[1] {
		case "LS":
			c.sends(":s CAP * LS :%s", caps)
		case "REQ":
			c.sends(":s CAP * ACK :%s", strings.Join(words[2:], " "))
		}
	case "NICK":
		c.nick = words[1]
	case "USER":
		c.sends(":s 001 %s :Welcome", c.nick)
		c.sends(":s 422 %s :No MOTD", c.nick)
	case "PING":
		c.sends(":s PONG s :%s", words[1])
	case "JOIN":
		s.members = append(s.members, c)
		s.all(":%s!u@h JOIN %s", c.nick, words[1])
		names := "@"
		for _, m := range s.members {
			names += m.nick + " "
		}
		c.sends(":s 353 %s = %s :%s", c.nick, words[1], names)
		c.sends(":s 366 %s %s :End", c.nick, words[1])
	case "PRIVMSG":
		id := fmt.Sprint(100 + len(s.said))
		s.said[id] = c.nick
		for _, m := range s.members {
			own := ""
			if m == c {
				own = label
			}
			m.sends("@%smsgid=%s :%s!u@h PRIVMSG %s :%s", own, id, c.nick, words[1], words[2])
		}
	case "REDACT":
		author, known := s.said[words[2]]
		switch {
		case !known:
			c.sends("@%sx :s FAIL REDACT UNKNOWN_MSGID %s %s :This message does not exist or is too old", label, words[1], words[2])
		case author != c.nick && s.members[0] != c:
			c.sends("@%sx :s FAIL REDACT REDACT_FORBIDDEN %s %s :You are not authorised to delete this message", label, words[1], words[2])
		default:
			for _, m := range s.members {
				own := ""
				if m == c {
					own = label
				}
				m.sends("@%smsgid=r :%s!u@h REDACT %s", own, c.nick, strings.Join(words[1:3], " ")+" :"+strings.Join(words[3:], " "))
			}
		}
	}
}

func (s *redactingServer) all(format string, args ...any) {
	for _, m := range s.members {
		m.sends(format, args...)
	}
}

func TestMessagesAreTakenBack(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := w.redactingServer()
	w.start(w.irc(plain("verona", address)))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(room, "romeo") // first in, so an operator
	benvolio.joins(room, "benvolio")
	juliet := w.native(address, "juliet", channel, "message-tags draft/message-redaction")

	retract := func(id string) string { return `<retract xmlns="urn:xmpp:message-retract:1" id="` + id + `"/>` }
	said := func(by *person, id, text string) string {
		by.says(room, "groupchat", id, text, "")
		juliet.gets("PRIVMSG "+channel, text)
		name := idIn(romeo.gets(message, in(room), body(text)))
		if got := idIn(benvolio.gets(message, in(room), body(text))); got != name {
			t.Errorf("%q is %q for one and %q for another", text, name, got)
		}
		return name
	}
	features := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`).String()
	for _, f := range []string{"urn:xmpp:message-retract:1", "urn:xmpp:message-moderate:1"} {
		if !strings.Contains(features, f) {
			t.Errorf("the room lacks the feature %s", f)
		}
	}

	first := said(benvolio, "b1", "an example")
	benvolio.says(room, "groupchat", "b2", "I took it back", retract(first)+`<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:message-retract:1"/>`)
	juliet.gets(":benvolio!", "REDACT "+channel+" "+first)
	for _, who := range []*person{romeo, benvolio} {
		r := who.gets(message, from(room+"/benvolio"), has("retract")).Find("retract")
		if r.Attr("id") != first || r.Find("moderated") != nil {
			t.Errorf("the retraction is %s", r)
		}
	}

	spam := said(benvolio, "b3", "join my network for cold hard chats")
	moderate := func(id string) string {
		return `<moderate xmlns="urn:xmpp:message-moderate:1" id="` + id + `"><retract xmlns="urn:xmpp:message-retract:1"/><reason>spam</reason></moderate>`
	}
	if answer := romeo.asks(room, "set", moderate(spam)); answer.Type() != "result" {
		t.Errorf("the moderator gets %s", answer)
	}
	juliet.gets(":romeo!", "REDACT "+channel+" "+spam+" :spam")
	for _, who := range []*person{romeo, benvolio} {
		r := who.gets(message, from(room), has("retract")).Find("retract")
		if r.Attr("id") != spam || r.Find("moderated").Attr("by") != room+"/romeo" || r.Find("reason").Text != "spam" {
			t.Errorf("the moderation is %s", r)
		}
	}

	own := said(romeo, "r1", "by the rules")
	if answer := benvolio.asks(room, "set", moderate(own)); answer.Condition() != "forbidden" {
		t.Errorf("who may not moderate gets %s", answer)
	}
	benvolio.says(room, "groupchat", "b4", "", retract("nothing"))
	benvolio.gets(message, typed("error"), id("b4"), condition("item-not-found"))

	juliet.sends("PRIVMSG " + channel + " :O Romeo")
	theirs := idIn(romeo.gets(message, from(room+"/juliet"), body("O Romeo")))
	benvolio.gets(message, from(room+"/juliet"), body("O Romeo"))
	juliet.sends("REDACT " + channel + " " + theirs + " :bad example")
	for _, who := range []*person{romeo, benvolio} {
		who.gets(message, from(room+"/juliet"), has("retract"))
	}
}
