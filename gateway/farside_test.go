package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

// What people on the network do, and what goes wrong there.

const (
	inGarden  = transport.Address("#garden")
	inBalcony = transport.Address("#balcony")
)

func member(nick string) transport.Member {
	return transport.Member{Nick: nick, Role: transport.Participant, Who: transport.Address(nick), Host: "capulet.example"}
}

func (n *network) enters(a transport.Address, m transport.Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.room(a)
	r.members = append(r.members, m)
	n.others(a, "", transport.MemberChanged{Room: a, Member: m})
}

func (n *network) goes(a transport.Address, nick string, why transport.Departure, by, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.room(a)
	i := slices.IndexFunc(r.members, named(nick))
	m := r.members[i]
	r.members = slices.Delete(r.members, i, i+1)
	n.others(a, "", transport.MemberLeft{Room: a, Member: m, Why: why, By: by, Reason: reason})
}

func (n *network) speaks(a transport.Address, m transport.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m.Chat = a
	n.others(a, "", transport.MessageReceived{Message: m})
}

func (n *network) takesNick(a transport.Address, was, nick string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.renames(a, was, nick)
}

func (n *network) changesSubject(a transport.Address, by, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.setsSubject(a, by, text)
}

// throwsOut takes a user out of a room.
func (n *network) throwsOut(user string, e transport.RoomLeft) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.room(e.Room)
	r.members = slices.DeleteFunc(r.members, named(r.inside[user]))
	delete(r.inside, user)
	n.links[user].tell(e)
}

// tells brings any event to a user.
func (n *network) tells(user string, e ...transport.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range e {
		n.links[user].tell(e)
	}
}

func (n *network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *network) refuses(call string, err error) { n.change(func() { n.refused[call] = err }) }
func (n *network) denies(call string, err error)  { n.change(func() { n.denied[call] = err }) }
func (n *network) ignores(call string)            { n.change(func() { n.silent[call] = true }) }
func (n *network) stalls(user string)             { n.change(func() { n.stalled[user] = true }) }

// messages gives what was sent.
func (n *network) messages() []transport.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sent)
}

// forgetMessages forgets what was sent.
func (n *network) forgetMessages() { n.change(func() { n.sent = nil }) }

// request gives the note of the last message sent.
func (n *network) request() transport.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[len(n.sent)-1].Request
}

func (n *network) called(t *testing.T, want ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if diff := cmp.Diff(want, n.calls); diff != "" {
		t.Errorf("calls of the network (- want, + got):\n%s", diff)
	}
	n.calls = nil
}

// callsOf counts the calls that begin with a word, and forgets none.
func (n *network) callsOf(word string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.calls {
		if strings.HasPrefix(c+" ", word+" ") {
			count++
		}
	}
	return count
}

func because(r transport.Reason) error { return &transport.Error{Reason: r, Text: "so it is"} }
