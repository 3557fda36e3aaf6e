package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	linkingStory(t, false, tell)
}

// linkingStory is one where everybody may link rooms of theirs.
func linkingStory(t *testing.T, linking bool, tell func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.linking = linking
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

// taken gives the calls of one kind since the last time.
func (n *network) taken(name string) (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, call := range n.calls {
		if strings.HasPrefix(call, name+" ") {
			all = append(all, strings.TrimRight(call, " "))
		}
	}
	n.calls = nil
	return all
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
		react("nurse", "c-v1", "👍", "🐢")
		reacts("another's, of which one is there", "#garden v1 + [🐢] - []")
		react("juliet", "c-v1")
		reacts("one that another still has")
		react("nurse", "c-v1", "🐢")
		reacts("the last of them", "#garden v1 + [] - [👍]")
		react("nurse", "c-unknown", "🐢")
		w.saidIs("a reaction to what nobody knows", "* nurse reacted 🐢 to a message")

		w.verona.change(func() { w.verona.nextID = "v2" })
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.said()
		veronas := func(nick string, add, remove []string) {
			w.verona.tells(bridge, transport.MessageReacted{Reaction: transport.Reaction{Chat: "#garden", Nick: nick, To: "v2", Add: add, Remove: remove}})
			w.settle()
		}
		emoji := func(want ...string) {
			t.Helper()
			w.Expect(Message(To(chapel), Has("{urn:xmpp:reactions:0}reactions@id", "c-m1"), Has("{urn:xmpp:reactions:0}reactions/reaction", want...)))
		}
		veronas("romeo", []string{"❤️"}, nil)
		emoji("❤️")
		veronas("tybalt", []string{"❤️"}, nil)
		w.ExpectNothing()
		veronas("tybalt", []string{"👎"}, nil)
		emoji("❤️", "👎")
		veronas("romeo", nil, []string{"❤️"})
		veronas("tybalt", nil, []string{"❤️"})
		emoji("👎")
	})
}

func TestWhatIsCorrectedAndTakenBackCrosses(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		c.hears("juliet", "m1", "<body>But, sofd!</body>")
		w.said()
		c.hears("juliet", "m2", "<body>But, soft!</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>")
		w.saidIs("a correction", "<juliet> s/sofd!/soft!/")
		c.hears("juliet", "m3", "<body>But, loud!</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>")
		w.saidIs("another", "<juliet> s/soft!/loud!/")
		c.hears("nurse", "m4", "<body>Peter!</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>")
		w.saidIs("a correction of another's", "<nurse> * Peter!")
		c.hears("juliet", "m5", "<retract xmlns='urn:xmpp:message-retract:1' id='c-m1'/>")
		c.shows(w.Expect(inChapel("What was taken back here is still seen in "+garden+".")), "c-x")

		w.verona.carry(everything)
		w.verona.change(func() { w.verona.nextID = "v6" })
		c.hears("juliet", "m6", "<body>Ay me!</body>")
		c.hears("nurse", "m7", "<retract xmlns='urn:xmpp:message-retract:1' id='c-m6'/>")
		if w.verona.callsOf("retract") > 0 {
			t.Error("the nurse takes juliet's words back")
		}
		c.hears("juliet", "m8", "<retract xmlns='urn:xmpp:message-retract:1' id='c-m6'/>")
		if got := w.verona.taken("retract"); !slices.Equal(got, []string{"retract #garden  v6"}) {
			t.Errorf("juliet takes her words back: %q", got)
		}

		w.inVerona("romeo", "v1", "She speaks", nil)
		spoken := w.Expect(inChapel("<romeo> She speaks"))
		c.shows(spoken, "c-v1")
		w.verona.tells(bridge, transport.MessageCorrected{Of: "v1", Message: transport.Message{ID: "v2", Chat: "#garden", Nick: "romeo", Text: "She sings"}})
		c.shows(w.Expect(inChapel("<romeo> She sings", Has("{urn:xmpp:message-correct:0}replace@id", spoken.ID))), "c-v2")
		w.verona.tells(bridge, transport.MessageRetracted{Retraction: transport.Retraction{Chat: "#garden", ID: "v1", By: "romeo"}})
		w.Expect(Message(To(chapel), Has("{urn:xmpp:message-retract:1}retract@id", "c-v1")))
	})
}

func TestWhoWritesAndWhatIsTalkedOfCrosses(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.verona.carry(everything)
		c := w.plumbs("joins=true")
		state := func(name string) { c.hears("juliet", "", "<"+name+" xmlns='http://jabber.org/protocol/chatstates'/>") }
		composing := func(what string, want ...string) {
			t.Helper()
			if got := w.verona.taken("composing"); !slices.Equal(got, want) {
				t.Errorf("%s: verona is told %q, want %q", what, got, want)
			}
		}
		state("composing")
		composing("somebody writes", "composing #garden  1")
		state("composing")
		composing("still")
		state("active")
		composing("no more", "composing #garden  0")
		state("composing")
		composing("again", "composing #garden  1")
		w.pass(40 * time.Second)
		composing("and then goes", "composing #garden  0")

		topic := func(nick, text string) {
			c.hears(nick, "t"+text, "<subject>"+text+"</subject>")
		}
		topic("juliet", "Moon")
		if got := w.verona.taken("subject"); !slices.Equal(got, []string{"subject #garden Moon"}) {
			t.Errorf("the subject: %q", got)
		}
		w.verona.denies("subject", because(transport.Forbidden))
		topic("juliet", "Sun")
		w.saidIs("a subject that can't be set", "* juliet has set the subject: Sun")
		w.verona.change(func() { w.verona.setsSubject("#garden", "romeo", "Stars") })
		got := w.Expect(Message(To(chapel), Type("groupchat"), Subject("Stars"), HasNot("body")))
		c.Send(fmt.Sprintf(`<message from='%s' to='%s' id='%s' type='error'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`, chapel, c.self, got.ID))
		c.shows(w.Expect(inChapel("* romeo has set the subject: Stars")), "c-1")

		c.comes("nurse", "participant")
		w.saidIs("who comes", "* nurse has come in")
		w.verona.change(func() {
			w.verona.others("#garden", "", transport.MemberChanged{Room: "#garden", Member: transport.Member{Nick: "tybalt", Role: transport.Participant}, Joined: true})
		})
		w.Expect(inChapel("* tybalt has come in"))
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
	for _, call := range n.taken("react") {
		all = append(all, strings.Join(strings.Fields(call)[1:], " "))
	}
	return all
}
