package e2e

import (
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	muc     = "chapel@conference.localhost"
	mucHost = `Component "conference.localhost" "muc"
	modules_enabled = { "muc_mam" }
	muc_room_locking = false
`
)

// linked starts a gateway that benvolio administers, with romeo in a MUC of the
// server's own.
func linked(t *testing.T, address func(*world) string) (w *world, romeo, benvolio *person, irc string) {
	w = newWorld(t)
	w.onProsody(servers.ProsodyOptions{Host: mucHost})
	irc = address(w)
	w.top = "admins = [\"benvolio@localhost\"]\n"
	w.start(w.irc("throttle = { burst = 100, interval = \"1ms\" }\n" + plain("verona", irc)))
	romeo, benvolio = w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(muc, "romeo")
	return w, romeo, benvolio, irc
}

func (p *person) links(more ...string) {
	p.t.Helper()
	if note := p.does(ircHost, "plumb", append([]string{"room=#garden%verona", "muc=" + muc}, more...)...); !strings.Contains(note, "are linked") {
		p.t.Fatalf("not linked: %s", note)
	}
}

func TestAChannelIsLinkedWithAMUC(t *testing.T) {
	w, romeo, benvolio, address := linked(t, ircServers["InspIRCd"])
	juliet := w.native(address, "juliet", channel, "message-tags echo-message server-time")
	benvolio.links()
	romeo.gets(presence, from(muc+"/bridge"), typed(""))
	juliet.gets(":bridge!", " JOIN ", channel)
	if note := benvolio.does(ircHost, "plumb", "room=#garden%verona", "muc="+muc); !strings.Contains(note, "linked already") {
		t.Errorf("linked twice: %s", note)
	}

	// What is said.
	romeo.says(muc, "groupchat", "m1", "But, soft!", "")
	softHere := idIn(romeo.gets(message, from(muc+"/romeo"), body("But, soft!")))
	softThere := tagIn(juliet.gets(":bridge!", "PRIVMSG "+channel+" :<romeo> But, soft!"), "msgid")
	juliet.sends("@+reply=" + softThere + " PRIVMSG " + channel + " :Ay me!")
	ayThere := tagIn(juliet.gets(":juliet!", "Ay me!"), "msgid")
	got := romeo.gets(message, from(muc+"/bridge"), repliesTo(softHere), body("> But, soft!\n<juliet> Ay me!"))
	ayHere := idIn(got)
	romeo.says(muc, "groupchat", "m2", "> Ay me!\nShe speaks", `<reply xmlns="urn:xmpp:reply:0" id="`+ayHere+`" to="`+muc+`/bridge"/>`+
		`<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="0" end="9"/></fallback>`)
	juliet.gets(":bridge!", "+reply="+ayThere, "PRIVMSG "+channel+" :<romeo> She speaks")

	// What is thought, and who writes.
	romeo.says(muc, "groupchat", "m3", "", reaction(ayHere, "❤️"))
	juliet.gets(":bridge!", "TAGMSG", "+draft/react=❤️", "+reply="+ayThere)
	juliet.sends("@+draft/react=👍;+reply=" + softThere + " TAGMSG " + channel)
	romeo.gets(message, from(muc+"/bridge"), reactsTo(softHere, "👍"))
	juliet.sends("@+draft/unreact=👍;+reply=" + softThere + " TAGMSG " + channel)
	romeo.gets(message, from(muc+"/bridge"), reactsTo(softHere))
	romeo.says(muc, "groupchat", "", "", `<composing xmlns="http://jabber.org/protocol/chatstates"/>`)
	juliet.gets(":bridge!", "+typing=active")
	juliet.sends("@+typing=active TAGMSG " + channel)
	romeo.gets(message, from(muc+"/bridge"), has("composing"))

	// What one side has and the other can't carry is put into words.
	romeo.says(muc, "groupchat", "m4", "But, loud!", `<replace xmlns="urn:xmpp:message-correct:0" id="m1"/>`)
	juliet.gets(":bridge!", "PRIVMSG "+channel+" :<romeo> s/soft!/loud!/")
	romeo.says(muc, "groupchat", "m5", "", `<retract xmlns="urn:xmpp:message-retract:1" id="`+softHere+`"/>`)
	romeo.gets(message, from(muc+"/bridge"), func(s xmppclient.Stanza) bool {
		return strings.Contains(s.Body(), "is still seen in")
	})
	juliet.sends("TOPIC " + channel + " :Moon")
	romeo.gets(message, from(muc+"/bridge"), body("* juliet has set the subject: Moon"))
	juliet.sends("MODE " + channel + " +o bridge")
	juliet.gets("MODE " + channel + " +o")
	check(t, romeo.Send(`<message to="`+muc+`" type="groupchat"><subject>Sun</subject></message>`))
	juliet.gets(":bridge!", "TOPIC "+channel, "Sun")
	romeo.says(muc, "groupchat", "m6", "/me listens", "")
	juliet.gets(":bridge!", ":* romeo listens")

	// Thrown out, it comes back.
	juliet.sends("KICK " + channel + " bridge :enough")
	romeo.gets(message, from(muc+"/bridge"), func(s xmppclient.Stanza) bool {
		return strings.Contains(s.Body(), "can't be reached just now (it was kicked out of the room: enough)")
	})
	if note := benvolio.does(ircHost, "plumbs"); !strings.Contains(note, "enough") {
		t.Errorf("the list does not say what is wrong: %s", note)
	}
	romeo.says(muc, "groupchat", "m7", "wait for me", "")
	juliet.gets(":bridge!", " JOIN ", channel)
	juliet.gets(":bridge!", "<romeo> wait for me")
	romeo.gets(message, from(muc+"/bridge"), func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), " is back") })

	if note := benvolio.does(ircHost, "unplumb", "link="+linkIn(benvolio)); !strings.Contains(note, "no longer linked") {
		t.Errorf("not unlinked: %s", note)
	}
	romeo.gets(presence, from(muc+"/bridge"), typed("unavailable"))
	juliet.gets(":bridge!", "PART", channel)
	for _, s := range romeo.All() {
		if message(s) && s.From() == muc+"/bridge" && (strings.Contains(s.Body(), "<romeo>") || strings.Contains(s.Body(), "<bridge>")) {
			t.Errorf("it comes back: %s", s)
		}
	}
}

// linkIn gives the first link that can be ended.
func linkIn(p *person) string {
	p.t.Helper()
	return p.runs(ircHost, "unplumb", "").Find("command", "x", "field", "option", "value").Text
}

// relaying is a server with RELAYMSG as Ergo has it, for operators: ferry is one,
// whoever comes first.
func relaying(w *world) string {
	return w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common("draft/relaymsg=/"),
		Commands: map[string]ircv3server.Handler{
			"RELAYMSG": func(c *ircv3server.Client, m ircmsg.Message) {
				ch := c.Channel(m.Params[0])
				if c.Nick != "ferry" {
					c.Fail("RELAYMSG", "PRIVS_NEEDED", "You cannot relay messages to this channel")
					return
				}
				out := c.Message("PRIVMSG", m.Params[0], m.Params[2])
				out.Source = m.Params[1] + "!~u@host.test"
				for name, value := range m.ClientOnlyTags() {
					out.SetTag(name, value)
				}
				out.SetTag("msgid", c.NextID())
				out.SetTag("draft/relaymsg", c.Nick)
				ch.Send(out)
			},
		},
	}).Addr()
}

func TestThoseInTheMUCHaveTheirOwnNicks(t *testing.T) {
	w, romeo, benvolio, address := linked(t, relaying)
	benvolio.links("nick=ferry", "puppets=5")
	romeo.gets(presence, from(muc+"/ferry"), typed(""))
	benvolio.joins(room, "benvolio")
	juliet := w.native(address, "juliet", channel, "message-tags")
	romeo.gets(presence, from(muc+"/juliet"), typed(""))

	romeo.says(muc, "groupchat", "m1", "But, soft!", "")
	softHere := idIn(romeo.gets(message, from(muc+"/romeo"), body("But, soft!")))
	soft := tagIn(juliet.gets(":romeo/xmpp!", "draft/relaymsg=ferry", "PRIVMSG "+channel+" :But, soft!"), "msgid")
	benvolio.gets(message, from(room+"/romeo/xmpp"), body("But, soft!"))
	juliet.sends("@+reply=" + soft + " PRIVMSG " + channel + " :Ay me!")
	ay := romeo.gets(message, from(muc+"/juliet"), repliesTo(softHere), body("> But, soft!\nAy me!"))
	romeo.says(muc, "groupchat", "m2", "She speaks", `<reply xmlns="urn:xmpp:reply:0" id="`+idIn(ay)+`" to="`+muc+`/juliet"/>`)
	juliet.gets(":romeo/xmpp!", "+reply=", "She speaks")
	romeo.says(muc, "groupchat", "m3", "/me sighs", "")
	juliet.gets(":romeo/xmpp!", "\x01ACTION sighs\x01")
	romeo.says(muc, "groupchat", "m4", "/mode +i", "")
	juliet.gets(":romeo/xmpp!", "/mode +i")
	juliet.sends("@+draft/react=👍;+reply=" + soft + " TAGMSG " + channel)
	romeo.gets(message, from(muc+"/juliet"), reactsTo(softHere, "👍"))
	juliet.sends("PART " + channel + " :good night")
	romeo.gets(presence, from(muc+"/juliet"), typed("unavailable"))
	if len(romeo.Unread(func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), "xmpp>") })) > 0 {
		t.Error("what was relayed comes back")
	}
}
