package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	chapel  = "chapel@conference.example.net"
	bridge  = "bridge@" + verona
	mucUser = "{http://jabber.org/protocol/muc#user}x"
)

// A chapelOf is a foreign MUC that is linked with verona's garden.
type chapelOf struct {
	*world
	self string // the plumb's address there
	next int
}

func plumbStory(t *testing.T, tell func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.verona.info.Rooms = true
		w.store = newMemory()
		w.start()
		tell(w)
	})
}

// plumbs links the two by a command, and lets the gateway into the chapel.
func (w *world) plumbs(more ...string) *chapelOf {
	w.t.Helper()
	got := w.startsRaw(castle, "plumb")
	w.executes(castle, verona, "plumb", sessionOf(got)+"|"+filled(append([]string{"room=#garden", "muc=" + chapel}, more...)...))
	found := w.ExpectInAnyOrder(completed(castle, verona, "plumb"), joinOf("bridge"))
	c := &chapelOf{world: w}
	c.self = found[1].From.String()
	c.admits("bridge")
	return c
}

func joinOf(nick string) Matcher {
	return Presence(To(chapel+"/"+nick), Type(""), Has("{http://jabber.org/protocol/muc}x/history@maxstanzas", "0"))
}

func (c *chapelOf) admits(nick string) {
	c.t.Helper()
	c.comes("juliet", "participant")
	c.Send(fmt.Sprintf(`<presence from='%s/%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/></x></presence>`, chapel, nick, c.self))
	c.Send(fmt.Sprintf(`<message from='%s/juliet' to='%s' type='groupchat' id='old'><body>long ago</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>`, chapel, c.self))
	c.Send(fmt.Sprintf(`<message from='%s' to='%s' type='groupchat'><subject>Wedding</subject></message>`, chapel, c.self))
	c.settle()
}

func (c *chapelOf) comes(nick, role string) {
	c.Send(fmt.Sprintf(`<presence from='%s/%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='%s'/></x></presence>`, chapel, nick, c.self, role))
}

// says has an occupant of the chapel send something.
func (c *chapelOf) hears(nick, id, payloads string) {
	c.t.Helper()
	c.next++
	c.Send(fmt.Sprintf(`<message from='%s/%s' to='%s' type='groupchat' id='%s'>%s<stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='c-%s'/></message>`,
		chapel, nick, c.self, id, payloads, chapel, id))
	c.settle()
}

// shows reflects what the plumb said in the chapel.
func (c *chapelOf) shows(got stanza.Received, stanzaID string) {
	c.t.Helper()
	body, _ := got.ReadBody()
	c.Send(fmt.Sprintf(`<message from='%s/bridge' to='%s' type='groupchat' id='%s'><body>%s</body><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='%s'/></message>`,
		chapel, c.self, got.ID, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(body), chapel, stanzaID))
	c.settle()
}

// said gives the last text that reached verona, and as whom.
func (w *world) said() string {
	w.t.Helper()
	sent := w.verona.messages()
	w.verona.forgetMessages()
	var lines []string
	for _, m := range sent {
		line := m.Text
		if m.As != "" {
			line = m.As + ": " + line
		}
		if m.ReplyTo != nil {
			line += " → " + string(m.ReplyTo.ID)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (w *world) saidIs(what, want string) {
	w.t.Helper()
	w.settle()
	if got := w.said(); got != want {
		w.t.Errorf("%s: verona gets %q, want %q", what, got, want)
	}
}

// inVerona has somebody in verona's garden speak.
func (w *world) inVerona(nick string, id transport.MessageID, text string, reply *transport.Reply) {
	w.t.Helper()
	w.verona.tells(bridge, transport.MessageReceived{Message: transport.Message{ID: id, Chat: "#garden", Nick: nick, Text: text, ReplyTo: reply}})
	w.settle()
}

func inChapel(body string, more ...Matcher) Matcher {
	return Message(append([]Matcher{To(chapel), Type("groupchat"), Body(body)}, more...)...)
}

func (w *world) linked() string {
	w.t.Helper()
	w.executes(castle, verona, "plumbs", "")
	return Values(w.Expect(completed(castle, verona, "plumbs")), noteOf)[0]
}

func TestTwoLinkedRoomsTalkTogether(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.ExpectNothing()
		w.saidIs("what was said before", "")

		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.saidIs("a text", "<juliet> Ay me!")
		c.hears("juliet", "m2", "<body>/me sighs</body>")
		w.saidIs("an action", "* juliet sighs")
		c.hears("nurse", "m3", "<body>one&#10;&lt;romeo&gt; two</body>")
		w.saidIs("lines", "<nurse> one\n<nurse> <romeo> two")
		c.hears("bridge", "m4", "<body>its own</body>")
		w.saidIs("its own", "")
		w.ExpectNothing()

		w.inVerona("romeo", "v1", "She speaks", nil)
		first := w.Expect(inChapel("<romeo> She speaks"))
		c.shows(first, "c-v1")
		w.inVerona("romeo", "v2", "/me hides", nil)
		c.shows(w.Expect(inChapel("* romeo hides")), "c-v2")
		w.saidIs("nothing comes back", "")
		w.ExpectNothing()

		// What each says about the other's words finds them.
		c.hears("juliet", "m5", "<body>Who?</body><reply xmlns='urn:xmpp:reply:0' id='c-v1' to='"+chapel+"/bridge'/>")
		w.saidIs("a reply that is not carried", "<juliet> romeo: Who?")
		w.verona.carry(everything | transport.CarriesNames)
		c.hears("juliet", "m6", "<body>Who?</body><reply xmlns='urn:xmpp:reply:0' id='c-v1' to='"+chapel+"/bridge'/>")
		w.saidIs("a reply that is carried", "juliet: Who? → v1")
		c.hears("juliet", "m7", "<body>/mode +o juliet</body>")
		w.saidIs("what would be a command", "juliet: /mode +o juliet")
		w.inVerona("romeo", "v3", "I", &transport.Reply{ID: "v1"})
		got := w.Expect(inChapel("> She speaks\n<romeo> I", Has("{urn:xmpp:reply:0}reply@id", "c-v1"), Has("{urn:xmpp:reply:0}reply@to", chapel+"/bridge"),
			Has("{urn:xmpp:fallback:0}fallback/body@end", "13")))
		c.shows(got, "c-v3")
	})
}

func TestWhatIsThoughtIsMergedWhereOneSpeaksForMany(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.verona.carry(everything)
		c := w.plumbs()
		w.inVerona("romeo", "v1", "She speaks", nil)
		c.shows(w.Expect(inChapel("<romeo> She speaks")), "c-v1")
		react := func(nick, id string, emoji ...string) {
			c.hears(nick, "r-"+nick+id+strings.Join(emoji, ""), reactions(id, emoji...))
		}
		reacts := func(what string, want ...string) {
			t.Helper()
			if got := w.verona.reactions(); !slices.Equal(got, want) {
				t.Errorf("%s: verona is told %q, want %q", what, got, want)
			}
		}
		react("juliet", "c-v1", "👍")
		reacts("a reaction", "#garden v1 + [👍] - []")
	})
}

func reactions(id string, emoji ...string) string {
	xml := "<reactions xmlns='urn:xmpp:reactions:0' id='" + id + "'>"
	for _, e := range emoji {
		xml += "<reaction>" + e + "</reaction>"
	}
	return xml + "</reactions>"
}

// reactions gives the calls of React since the last time.
func (n *network) reactions() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, call := range n.calls {
		if rest, is := strings.CutPrefix(call, "react "); is {
			all = append(all, strings.Join(strings.Fields(rest), " "))
		}
	}
	n.calls = nil
	return all
}
