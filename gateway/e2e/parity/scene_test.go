package parity

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const (
	mucUser  = "{http://jabber.org/protocol/muc#user}x"
	commands = "{http://jabber.org/protocol/commands}command"
	form     = "{jabber:x:data}x"
)

// A scene is one scenario: people and rooms that nobody else has, on a component
// that all scenes share.
type scene struct {
	t       *testing.T
	stage   *stage
	number  int64
	domain  string
	network string // what stands behind the name in addresses; "%verona" or nothing
}

// play begins a scene on the component with the networks verona and mantua. It
// goes on side by side with others.
func play(t *testing.T) *scene { return playOn(t, irc, "%verona") }

// playFixed begins one on the component of verona alone.
func playFixed(t *testing.T) *scene { return playOn(t, fixed, "") }

// places are the two kinds of components: with %network in addresses and without.
var places = []struct {
	name string
	play func(*testing.T) *scene
}{{"with a network", play}, {"on the fixed network", playFixed}}

func playOn(t *testing.T, domain, network string) *scene {
	t.Helper()
	st := onStage(t)
	t.Parallel()
	return &scene{t: t, stage: st, number: st.scenes.Add(1), domain: domain, network: network}
}

// server is the address of the network itself.
func (s *scene) server() string {
	if s.network == "" {
		return s.domain
	}
	return strings.TrimPrefix(s.network, "%") + "@" + s.domain
}

// A person has an XMPP account and a nick on IRC.
type person struct {
	*Inbox
	scene *scene
	bare  string
	nick  string
}

func (s *scene) person(name string) *person {
	nick := fmt.Sprintf("%s%d", name, s.number)
	p := &person{scene: s, nick: nick, bare: nick + "@example.org"}
	p.Inbox = s.stage.xmpp.InboxOf(s.t, p.bare)
	p.Patience = patience
	return p
}

// A client is one of a person's clients.
type client struct {
	*person
	jid string
}

func (p *person) at(resource string) *client { return &client{p, p.bare + "/" + resource} }

// client gives a person who has one client.
func (s *scene) client(name string) *client { return s.person(name).at("home") }

// address is somebody's address outside of rooms.
func (s *scene) address(nick string) string {
	return strings.ToLower(nick) + s.network + "@" + s.domain
}

// A room is a channel, and how XMPP clients know it.
type room struct{ jid, channel string }

// room gives a channel that only this scene has.
func (s *scene) room(name string) room {
	channel := fmt.Sprintf("%s%d", name, s.number)
	return room{jid: channel + s.network + "@" + s.domain, channel: channel}
}

// sends sends a stanza in the client's name. In the text, single quotes may be
// used.
func (c *client) sends(format string, args ...any) {
	c.scene.t.Helper()
	xml := fmt.Sprintf(format, args...)
	kind := strings.TrimLeft(strings.FieldsFunc(xml, func(r rune) bool { return r == ' ' || r == '>' })[0], "<")
	c.scene.stage.xmpp.Send(strings.Replace(xml, "<"+kind, "<"+kind+" from='"+c.jid+"'", 1))
}

// expects waits for the person's next stanza, which must be for this client.
func (c *client) expects(matchers ...Matcher) stanza.Received {
	c.scene.t.Helper()
	return c.Expect(append([]Matcher{To(c.jid)}, matchers...)...)
}

// gets matches what is for this client; for ExpectInAnyOrder.
func (c *client) gets(matchers ...Matcher) Matcher { return All(append(matchers, To(c.jid))...) }

// hasNothingMore fails the test if anything has come for the person that nobody
// expected: all that was sent before the answer to a ping comes before it.
func (c *client) hasNothingMore() {
	c.scene.t.Helper()
	c.sends(`<iq to='%s' type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>`, c.scene.domain)
	c.expects(IQ(Type("result"), ID("last"), From(c.scene.domain)))
}

// asksToJoin sends the presence that enters a room, with what goes into its <x/>.
func (c *client) asksToJoin(r room, inside ...string) {
	c.scene.t.Helper()
	c.asksToJoinAs(r, c.nick, inside...)
}

func (c *client) asksToJoinAs(r room, nick string, inside ...string) {
	c.scene.t.Helper()
	c.sends(`<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'>%s</x></presence>`, r.jid, nick, strings.Join(inside, ""))
}

// joins enters a room, whoever is in it, and waits for the subject, which ends
// the join.
func (c *client) joins(r room, inside ...string) {
	c.scene.t.Helper()
	c.asksToJoin(r, inside...)
	c.awaits(Message(From(r.jid), Type("groupchat"), Has("subject")))
}

// awaits skips what comes until something fits.
func (c *client) awaits(matcher Matcher) stanza.Received {
	c.scene.t.Helper()
	wanted := c.gets(matcher)
	for {
		if got := c.Expect(); wanted.Wrong(got) == "" {
			return got
		}
	}
}

// says says something in a room.
func (c *client) says(r room, text string) {
	c.scene.t.Helper()
	c.sends(`<message to='%s' type='groupchat' id='%s'><body>%s</body></message>`, r.jid, idOf(text), text)
}

func idOf(text string) string { return "m-" + strings.ReplaceAll(text, " ", "-") }

// saysTo says something in private.
func (c *client) saysTo(address, text string) {
	c.scene.t.Helper()
	c.sends(`<message to='%s' type='chat' id='%s'><body>%s</body></message>`, address, idOf(text), text)
}

func (c *client) leaves(r room) {
	c.scene.t.Helper()
	c.sends(`<presence to='%s/%s' type='unavailable'/>`, r.jid, c.nick)
}

// asks sends an iq and waits for its answer.
func (c *client) asks(typ, to, payload string, matchers ...Matcher) stanza.Received {
	c.scene.t.Helper()
	c.sends(`<iq to='%s' type='%s' id='ask'>%s</iq>`, to, typ, payload)
	return c.expects(append([]Matcher{IQ(From(to), ID("ask"))}, matchers...)...)
}

// occupant matches the presence of somebody in a room.
func occupant(r room, nick string, more ...Matcher) Matcher {
	return Presence(append([]Matcher{From(r.jid + "/" + nick), Type("")}, more...)...)
}

// self matches a client's own presence in a room.
func self(r room, nick string, more ...Matcher) Matcher {
	return occupant(r, nick, append(more, StatusCodes("110"))...)
}

// gone matches the presence of somebody who is in a room no more.
func gone(r room, nick string, more ...Matcher) Matcher {
	return Presence(append([]Matcher{From(r.jid + "/" + nick), Type("unavailable"), Has(mucUser + "/item")}, more...)...)
}

// standing matches somebody's standing in a room.
func standing(affiliation, role string) Matcher {
	return All(Has(mucUser+"/item@affiliation", affiliation), Has(mucUser+"/item@role", role))
}

// realJID matches the address of somebody in a room.
func realJID(address string) Matcher { return Has(mucUser+"/item@jid", address) }

// inRoom matches what somebody said in a room.
func inRoom(r room, nick, text string, more ...Matcher) Matcher {
	return Message(append([]Matcher{From(r.jid + "/" + nick), Type("groupchat"), Body(text)}, more...)...)
}

// subject matches a room's subject; without a nick, that of a room that has
// none yet.
func subject(r room, nick, text string, more ...Matcher) Matcher {
	from := r.jid
	if nick != "" {
		from += "/" + nick
	}
	return Message(append([]Matcher{From(from), Type("groupchat"), Subject(text), HasNot("body")}, more...)...)
}

// privately matches a private message.
func privately(from, text string, more ...Matcher) Matcher {
	return Message(append([]Matcher{From(from), Type("chat"), Body(text)}, more...)...)
}

func result(more ...Matcher) Matcher { return IQ(append(more, Type("result"))...) }

// host is how IRC sees a person, as user@host.
func (s *scene) host(c *client) string { return c.nick + "@127.0.0.1" }

// field matches one value of a form's field, wherever in the stanza the form is.
// Without a value it matches a field that has none.
func field(name string, value ...string) Matcher {
	return Custom(fmt.Sprintf("field %s=%q", name, value), func(r stanza.Received) string {
		f := findField(r.Element, name)
		if f == nil {
			return "there is no field " + name
		}
		var got []string
		for c := range f.Children() {
			if c.Name == "value" {
				got = append(got, c.Content())
			}
		}
		if len(value) == 0 && len(got) == 0 || len(value) > 0 && (slices.Contains(got, value[0]) || value[0] == "*" && len(got) > 0) {
			return ""
		}
		return fmt.Sprintf("field %s is %q, want %q", name, got, value)
	})
}

// fieldOfType matches a field by its type.
func fieldOfType(name, typ string) Matcher {
	return Custom("field "+name+" of type "+typ, func(r stanza.Received) string {
		f := findField(r.Element, name)
		if f == nil {
			return "there is no field " + name
		}
		if got := f.Attr("type"); got != typ {
			return fmt.Sprintf("field %s is of type %q, want %q", name, got, typ)
		}
		return ""
	})
}

func noField(name string) Matcher {
	return Custom("no field "+name, func(r stanza.Received) string {
		if findField(r.Element, name) != nil {
			return "there is a field " + name
		}
		return ""
	})
}

func findField(e *wire.Element, name string) *wire.Element {
	for c := range e.Children() {
		if c.Name == "field" && c.Attr("var") == name {
			return c
		}
		if f := findField(c, name); f != nil {
			return f
		}
	}
	return nil
}

func (s *scene) gateway() string { return s.domain }

// port is where verona listens.
func (s *scene) port() string { return port(s.stage.verona) }

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// admin gives the administrator. There is one, so these scenes play one after
// the other.
func (s *scene) admin() *person {
	s.t.Helper()
	s.stage.admin.Lock()
	s.t.Cleanup(s.stage.admin.Unlock)
	p := &person{scene: s, nick: fmt.Sprintf("escalus%d", s.number), bare: escalus}
	p.Inbox = s.stage.xmpp.InboxOf(s.t, p.bare)
	p.Patience = patience
	return p
}

func lines(text string) []string { return strings.Split(text, "\n") }
func sameSet(got, want []string) bool {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	return slices.Equal(got, want)
}

// throttle is how many lines the stage lets through at once, as forms have it.
func (s *scene) throttle() string { return "-1" }

func (s *scene) tlsPort() string { return port(s.stage.veronaTLS) }
