//go:build !race

package irc

import (
	"testing"

	"gatehouse/gateway/transport"
)

// inGarden is a link that is in a channel, without a connection.
func inGarden(tb testing.TB) *link {
	tb.Helper()
	n, err := testOptions().New(transport.Env{})
	if err != nil {
		tb.Fatal(err)
	}
	s := newSession(n.(*network), transport.Account{User: romeo}, nowhere{})
	tb.Cleanup(s.disconnect)
	l := newLink(s, s.network.servers["net"], "romeo")
	s.mu.Lock()
	l.isOnline()
	err = l.join(garden, "#garden", transport.JoinOptions{})
	l.joinLine()
	s.mu.Unlock()
	for _, b := range []string{":romeo!r@h JOIN #garden", ":s 324 romeo #garden +", ":s 353 romeo = #garden :romeo juliet", ":s 366 romeo #garden :End"} {
		if err == nil {
			err = l.receiveLine([]byte(b))
		}
	}
	if err != nil || !l.channel("#garden").shown() {
		tb.Fatal("not in the channel", err)
	}
	s.events.deliver()
	return l
}

var spoken = []byte("@time=2030-01-02T03:04:05.678Z;msgid=2MTX~1700000000~17;account=juliet :juliet!~j@verona.example PRIVMSG #garden :O Romeo, Romeo, wherefore art thou Romeo?")

// lineIn is a message from the line to the event, as it is delivered.
func (l *link) lineIn(tb testing.TB) {
	if err := l.receiveLine(spoken); err != nil {
		tb.Fatal(err)
	}
	l.session.events.deliver()
}

// lineOut is a message until its line is handed to the connection.
func (l *link) lineOut(tb testing.TB) {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	m := transport.Message{Chat: garden, Text: "But soft! What light through yonder window breaks?", Request: "a request"}
	if _, err := l.sendToChannel(m, l.channel("#garden")); err != nil {
		tb.Fatal(err)
	}
	for l.lines.n > 0 {
		l.lines.dropFirst()
	}
	l.settleUpTo(l.barrier, nil)
}

func BenchmarkLineIn(b *testing.B) {
	l := inGarden(b)
	b.ReportAllocs()
	for b.Loop() {
		l.lineIn(b)
	}
}

func BenchmarkLineOut(b *testing.B) {
	l := inGarden(b)
	b.ReportAllocs()
	for b.Loop() {
		l.lineOut(b)
	}
}

func TestLinesAllocateLittle(t *testing.T) {
	l := inGarden(t)
	for _, way := range []struct {
		name string
		one  func(testing.TB)
		most float64
	}{
		{"in", l.lineIn, 3}, // the line as text, its parts, the event
		{"out", l.lineOut, 0},
	} {
		way.one(t)
		n := testing.AllocsPerRun(200, func() { way.one(t) })
		for range 4 { // others of this process may be at work
			n = min(n, testing.AllocsPerRun(200, func() { way.one(t) }))
		}
		if n > way.most {
			t.Errorf("a line %s: %v allocations, more than %v", way.name, n, way.most)
		}
	}
}
