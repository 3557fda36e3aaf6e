package e2e

import (
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
)

// redacting is a server with message-redaction, which does what the
// specification's examples show: authors and the operator may take a message
// back.
func (w *world) redacting() *ircv3server.Server {
	authors := map[string]*ircv3server.Client{} // by msgid
	return w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common("draft/message-redaction"),
		Commands: map[string]ircv3server.Handler{
			"PRIVMSG": func(c *ircv3server.Client, m ircmsg.Message) {
				out, id := c.Message(m.Command, m.Params...), c.NextID()
				authors[id] = c
				for name, value := range m.ClientOnlyTags() {
					out.SetTag(name, value)
				}
				out.SetTag("msgid", id)
				c.Spread(m.Params[0], out)
			},
			"REDACT": func(c *ircv3server.Client, m ircmsg.Message) {
				target, id := m.Params[0], m.Params[1]
				author, known := authors[id]
				switch {
				case !known:
					c.Fail("REDACT", "UNKNOWN_MSGID", target, id, "This message does not exist or is too old")
				case author != c && c.Channel(target).Members[0] != c:
					c.Fail("REDACT", "REDACT_FORBIDDEN", target, id, "You are not authorised to delete this message")
				default:
					c.Relay(m)
				}
			},
		},
	})
}

func TestMessagesAreTakenBack(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := w.redacting().Addr()
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
	juliet.gets(":romeo!", "REDACT "+channel+" "+spam+" spam")
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
	juliet.sends("NICK capulet", "REDACT "+channel+" "+theirs+" :bad example")
	for _, who := range []*person{romeo, benvolio} { // it is hers under whatever nick
		if r := who.gets(message, from(room+"/capulet"), has("retract")).Find("retract"); r.Attr("id") != theirs || r.Find("moderated") != nil {
			t.Errorf("her retraction is %s", r)
		}
	}
	results, fin := benvolio.reads(room, queryOfAll)
	if got := texts(results, fin); got != "by the rules" {
		t.Errorf("the archive still has %q", got)
	}
	buried := map[string]bool{}
	for _, r := range results {
		if e := r.Find("result", "forwarded", "message", "retracted"); e != nil && e.Attr("stamp") != "" {
			buried[r.Find("result").Attr("id")] = e.Find("moderated") != nil
		}
	}
	if len(buried) != 3 || buried[first] || !buried[spam] || buried[theirs] {
		t.Errorf("tombstones, and whether they are a moderator's: %v", buried)
	}
}
