package component

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// An endless conn is a server that takes everything and says what it is given.
type benchConn struct {
	net.Conn
	in io.Reader
}

func (c benchConn) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (benchConn) Write(b []byte) (int, error)        { return len(b), nil }
func (benchConn) Close() error                       { return nil }
func (benchConn) SetReadDeadline(t time.Time) error  { return nil }
func (benchConn) SetWriteDeadline(t time.Time) error { return nil }

// BenchmarkSend is a message from Send to the write call, with its barriers.
func BenchmarkSend(b *testing.B) {
	c := NewGroup(nil).Add(Options{Domain: domain})
	s := newStream(c, benchConn{}, nil)
	s.number = c.out.hold()
	c.out.open(time.Now())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.write()
	}()
	confirm := time.NewTicker(time.Millisecond)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-confirm.C:
				c.out.mu.Lock()
				n := c.out.covered
				c.out.mu.Unlock()
				c.out.confirm(s.number, n)
			case <-stop:
				return
			}
		}
	}()
	m := message("It is the east, and Juliet is the sun. Arise, fair sun, and kill the envious moon.")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
	s.fail(&problem{})
	<-done
	confirm.Stop()
	close(stop)
}

// BenchmarkReceive is a message from the bytes to the handler.
func BenchmarkReceive(b *testing.B) {
	n := 0
	s := newBenchReader(b, NewGroup(func(*stanza.Received) { n++ }))
	b.SetBytes(int64(len(benchMessage)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := s.in.Next()
		if err != nil {
			b.Fatal(err)
		}
		s.take(e)
	}
	if n == 0 {
		b.Fatal("nothing was handled")
	}
}

const benchMessage = `<message from="romeo@example.org/orchard" to="juliet@irc.example.org" type="chat" id="ktx72v49" xml:lang="en">` +
	`<body>It is the east, and Juliet is the sun. Arise, fair sun, and kill the envious moon.</body>` +
	`<request xmlns="urn:xmpp:receipts"/><active xmlns="http://jabber.org/protocol/chatstates"/></message>`

// newBenchReader reads the same message again and again.
func newBenchReader(tb testing.TB, g *Group) *stream {
	c := g.Add(Options{Domain: domain})
	in := wire.NewReader(io.MultiReader(
		strings.NewReader(`<stream:stream xmlns="jabber:component:accept" xmlns:stream="http://etherx.jabber.org/streams">`),
		&repeat{text: benchMessage}), wire.DefaultLimits)
	if _, err := in.Open(); err != nil {
		tb.Fatal(err)
	}
	return newStream(c, benchConn{}, in)
}

type repeat struct {
	text string
	at   int
}

func (r *repeat) Read(b []byte) (int, error) {
	n := copy(b, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}
