package irc

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/transport"
)

const (
	garden = transport.Address("#garden%net")
	romeo  = "romeo@xmpp.example.org"
)

// A world is a session with a scripted IRC server on the other end of a pipe.
type world struct {
	t       *testing.T
	network *network
	events  chan transport.Event
	session *session
	dialled chan *fakeConn
	mu      sync.Mutex // guards what follows
	conns   []*fakeConn
	refusal error // of the next dials
}

func off() *bool { return new(bool) }

func testOptions() *Options {
	o := Defaults()
	o.Network = map[string]NetworkOptions{"net": {Address: "irc.example.org", TLS: off()}}
	return o
}

// inWorld runs a story in virtual time.
func inWorld(t *testing.T, o *Options, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n, err := o.New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{
			t: t, network: n.(*network),
			events: make(chan transport.Event, 10000), dialled: make(chan *fakeConn, 100),
		}
		w.network.dial = w.dial
		opened, err := n.Open(transport.Account{User: romeo}, w)
		if err != nil {
			t.Fatal(err)
		}
		w.session = opened.(*session)
		t.Cleanup(w.close)
		story(w)
	})
}

// Deliver implements transport.Sink.
func (w *world) Deliver(ctx context.Context, e transport.Event) error {
	select {
	case w.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) close() {
	w.session.Close(context.Background(), "bye")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.conn.Close()
		close(c.gone)
	}
}

func (w *world) dial(context.Context, *server, *linkSettings, door) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal != nil {
		return nil, w.refusal
	}
	ours, theirs := net.Pipe()
	c := &fakeConn{
		t: w.t, conn: theirs,
		lines: make(chan string, 1000), outbox: make(chan string, 1000), gone: make(chan struct{}),
	}
	c.autoPong.Store(true)
	go c.read()
	go c.write()
	w.conns = append(w.conns, c)
	w.dialled <- c
	return ours, nil
}

// refuses makes the next dials fail.
func (w *world) refuses(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusal = err
}

// next waits for the next event.
func (w *world) next() transport.Event {
	w.t.Helper()
	select {
	case e := <-w.events:
		return e
	case <-time.After(10 * time.Minute):
		w.t.Fatal("no event")
		return nil
	}
}

// sees compares the next events with those wanted, times and causes aside.
func (w *world) sees(want ...transport.Event) {
	w.t.Helper()
	for i, e := range want {
		got := w.next()
		if d := cmp.Diff(e, got, roughly); d != "" {
			w.t.Fatalf("event %d (-want +got):\n%s", i, d)
		}
	}
}

// roughly compares errors by reason and code, and times, identities and titles
// not at all.
var roughly = cmp.Options{
	cmpopts.IgnoreFields(transport.Member{}, "Identity", "Titles"),
	cmpopts.IgnoreFields(transport.Message{}, "Sender"),
	cmpopts.IgnoreFields(transport.Subject{}, "Sender"),
	cmpopts.IgnoreFields(transport.Reaction{}, "Sender"),
	cmpopts.IgnoreFields(transport.Retraction{}, "Sender"),
	cmpopts.IgnoreFields(transport.ComposingChanged{}, "Sender"),
	cmp.Comparer(func(a, b time.Time) bool { return true }),
	cmp.Comparer(func(a, b time.Duration) bool { return (a == 0) == (b == 0) }),
	cmp.FilterValues(func(a, b error) bool { return true }, cmp.Comparer(func(a, b error) bool {
		x, xok := a.(*transport.Error)
		y, yok := b.(*transport.Error)
		if !xok || !yok {
			return a == nil && b == nil
		}
		return x.Reason == y.Reason && x.Redirect == y.Redirect && (x.Code == y.Code || x.Code == "" || y.Code == "")
	})),
}

// because is an error as roughly compares it.
func because(r transport.Reason) error { return &transport.Error{Reason: r} }

func (w *world) seesNothing() {
	w.t.Helper()
	synctest.Wait()
	select {
	case e := <-w.events:
		w.t.Fatalf("unexpected event %#v", e)
	default:
	}
}

// accepts takes the next connection as far as the registration.
func (w *world) accepts() *fakeConn {
	w.t.Helper()
	select {
	case c := <-w.dialled:
		return c
	case <-time.After(10 * time.Minute):
		w.t.Fatal("nobody connects")
		return nil
	}
}

// welcomes registers a client without capabilities.
func (w *world) welcomes(nick string, isupport ...string) *fakeConn {
	w.t.Helper()
	c := w.accepts()
	c.expect("CAP LS 302", "NICK "+nick)
	c.expectPrefix("USER ")
	c.welcome(nick, isupport...)
	w.sees(transport.LinkUp{Server: "net"})
	return c
}

func (w *world) joins(room transport.Address, nick string) {
	w.t.Helper()
	if err := w.session.Join(context.Background(), room, nick, transport.JoinOptions{}); err != nil {
		w.t.Fatalf("Join: %v", err)
	}
}

// inGarden is a link with one room, where juliet is an operator.
func (w *world) inGarden(isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.welcomes("romeo", isupport...)
	c.expect("JOIN #garden")
	c.admits("romeo", "#garden", "@juliet romeo")
	if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 2 {
		w.t.Fatalf("not joined: %#v", e)
	}
	c.expect("MODE #garden")
	return c
}

// alsoIn joins another room over a link that is up.
func (w *world) alsoIn(c *fakeConn, channel, names string) {
	w.t.Helper()
	w.joins(transport.Address(channel+"%net"), "romeo")
	c.expect("JOIN " + channel)
	c.admits("romeo", channel, names)
	if e, ok := w.next().(transport.RoomJoined); !ok {
		w.t.Fatalf("not joined: %#v", e)
	}
	c.expect("MODE " + channel)
}

func (w *world) says(chat transport.Address, text string) error {
	_, err := w.session.Send(context.Background(), transport.Message{Chat: chat, Text: text, Request: "said"})
	return err
}

// A fakeConn is the server's end of one connection.
type fakeConn struct {
	t        *testing.T
	conn     net.Conn
	lines    chan string // from the client
	outbox   chan string
	gone     chan struct{}
	autoPong atomic.Bool // answers barriers
	curious  atomic.Bool // shows plain WHOs to the story too
}

func (c *fakeConn) read() {
	defer close(c.lines)
	s := bufio.NewScanner(c.conn)
	for s.Scan() {
		line := strings.TrimSuffix(s.Text(), "\r")
		if token, ok := strings.CutPrefix(line, "PING gatehouse-"); ok && c.autoPong.Load() {
			// Behind what the story sends now: a pipe has no other delays.
			time.AfterFunc(time.Millisecond, func() { c.sends(":irc.example.org PONG irc.example.org :gatehouse-" + token) })
			continue
		}
		if strings.HasPrefix(line, "WHO ") && !strings.Contains(line, "%") && !c.curious.Load() {
			continue
		}
		c.lines <- line
	}
}

func (c *fakeConn) write() {
	for {
		select {
		case line := <-c.outbox:
			if line == "" {
				c.conn.Close()
				return
			}
			if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *fakeConn) sends(lines ...string) {
	for _, l := range lines {
		c.outbox <- l
	}
}

func (c *fakeConn) hangsUp() { c.outbox <- "" }

func (c *fakeConn) next() (string, bool) {
	select {
	case l, ok := <-c.lines:
		return l, ok
	case <-time.After(10 * time.Minute):
		return "", false
	}
}

func (c *fakeConn) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got, ok := c.next(); got != w || !ok {
			c.t.Fatalf("got the line %q (%v), want %q", got, ok, w)
		}
	}
}

func (c *fakeConn) expectPrefix(want string) string {
	c.t.Helper()
	got, ok := c.next()
	if !ok || !strings.HasPrefix(got, want) {
		c.t.Fatalf("got the line %q (%v), want one with %q first", got, ok, want)
	}
	return got
}

// expectBarrier answers the next line, which must be the PING behind commands.
func (c *fakeConn) expectBarrier() {
	c.t.Helper()
	got := c.expectPrefix("PING gatehouse-")
	c.sends(":irc.example.org PONG irc.example.org :" + strings.TrimPrefix(got, "PING "))
}

func (c *fakeConn) expectNothing(d time.Duration) {
	c.t.Helper()
	select {
	case l := <-c.lines:
		c.t.Fatalf("unexpected line %q", l)
	case <-time.After(d):
	}
}

func (c *fakeConn) welcome(nick string, isupport ...string) {
	c.sends(":irc.example.org 001 " + nick + " :Welcome")
	if len(isupport) > 0 {
		c.sends(":irc.example.org 005 " + nick + " " + strings.Join(isupport, " ") + " :are supported by this server")
	}
	c.sends(
		":irc.example.org 375 "+nick+" :- Message of the day",
		":irc.example.org 372 "+nick+" :- O Romeo",
		":irc.example.org 376 "+nick+" :End",
	)
	if got, _ := c.next(); got != "PING gatehouse" {
		c.t.Fatalf("got %q behind the welcome", got)
	}
}

// admits lets somebody into a channel.
func (c *fakeConn) admits(nick, channel, names string) {
	c.sends(
		fmt.Sprintf(":%s!~%s@verona.example JOIN %s", nick, nick, channel),
		fmt.Sprintf(":irc.example.org 324 %s %s +", nick, channel),
		fmt.Sprintf(":irc.example.org 353 %s = %s :%s", nick, channel, names),
		fmt.Sprintf(":irc.example.org 366 %s %s :End of /NAMES list.", nick, channel),
	)
}

// goesDown waits for the end of a link, past what the rooms are told of it.
func (w *world) goesDown() transport.LinkDown {
	w.t.Helper()
	for {
		switch e := w.next().(type) {
		case transport.RoomNotice:
		case transport.LinkDown:
			return e
		default:
			w.t.Fatalf("got %#v, want the end of the link", e)
		}
	}
}
