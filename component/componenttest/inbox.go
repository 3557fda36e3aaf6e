package componenttest

import (
	"testing"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// An Inbox has the stanzas that have come, oldest first, for a test to expect.
type Inbox struct {
	Patience time.Duration // of Expect and ExpectInAnyOrder; virtual in a bubble

	t     testing.TB
	queue queue[stanza.Received]
}

func newInbox(t testing.TB) *Inbox {
	in := &Inbox{t: t, Patience: expectLimit}
	in.queue.init()
	return in
}

// InboxOf gives what comes for a bare address, and for all below it, an inbox of
// its own, in which nothing else disturbs. It ends with the test.
func (s *Server) InboxOf(t testing.TB, address string) *Inbox {
	in := newInbox(t)
	s.mu.Lock()
	s.inboxes[address] = in
	s.mu.Unlock()
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inboxes, address)
	})
	return in
}

// Wrong says what is wrong with a stanza; nothing if the matcher fits.
func (m Matcher) Wrong(r stanza.Received) string { return m.wrong(r.Element) }

// Custom makes a matcher of what a test knows itself. Wrong gives "" for what
// fits.
func Custom(name string, wrong func(stanza.Received) string) Matcher {
	return Matcher{name, func(e *wire.Element) string {
		return wrong(stanza.Received{Element: e})
	}}
}
