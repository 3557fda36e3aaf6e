// Package componenttest plays the XMPP server towards a component (XEP-0114),
// so that a test reads like a transcript: it sends stanzas and expects stanzas.
// It works within testing/synctest.
//
//	server := componenttest.NewServer(t)
//	c := group.Add(component.Options{Domain: "irc.example.org", Secret: componenttest.Secret, Dial: server.Dial})
//	go c.Run(ctx)
//	server.Send(`<message from="romeo@example.org/orchard" to="juliet@irc.example.org"><body>hi</body></message>`)
//	server.Expect(Message(To("romeo@example.org/orchard"), Body("hi")))
package componenttest

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// Secret is what a component needs to know.
const Secret = "shakespeare"

const (
	streamsNamespace = "http://etherx.jabber.org/streams"
	pingNamespace    = "urn:xmpp:ping"

	expectLimit  = 5 * time.Second // virtual in a bubble
	nothingLimit = time.Second     // of silence, for ExpectNothing
)

// A Server accepts components of any domain that know Secret. Stanzas of all of
// them come to Expect in the order in which they arrive. Pings of a component to
// itself do not: they are sent back, as a server would, or as Pings says.
type Server struct {
	*Inbox // of what comes for addresses that have none of their own
	t      testing.TB

	mu       sync.Mutex
	streams  []*Stream // accepted ones, oldest first
	scripts  []Script  // for the next connections
	away     bool
	tls      *tls.Config
	pings    Router
	onStanza func(*Stream, stanza.Received)
	onPing   func(stanza.Received)
	conns    map[net.Conn]bool
	stopped  bool
	inboxes  map[string]*Inbox // by bare address
	accepted queue[*Stream]
	dialled  queue[time.Time]
	running  sync.WaitGroup
}

// A Router says on which stream a component's ping to itself is delivered: nil
// loses it.
type Router func(from *Stream, ping stanza.Received) *Stream

// NewServer starts a server that ends with the test. A component that was started
// after it, and is stopped in a later Cleanup, can close its stream in order.
func NewServer(t testing.TB) *Server {
	s := &Server{Inbox: newInbox(t), t: t, inboxes: make(map[string]*Inbox), conns: make(map[net.Conn]bool)}
	s.accepted.init()
	s.dialled.init()
	t.Cleanup(s.stop)
	return s
}

// Dial is for component.Options.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	s.dialled.push(time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away || s.stopped {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	s.accept(ours)
	return theirs, nil
}

// UseTLS makes the connections that follow begin with TLS.
func (s *Server) UseTLS(config *tls.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tls = config
}

// Listen accepts real connections too, on loopback or a Unix socket, and gives
// the address. Network is "tcp" or "unix".
func (s *Server) Listen(network string) string {
	s.t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(s.t.TempDir(), "xmpp.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.accept(conn)
			s.mu.Unlock()
		}
	})
	s.t.Cleanup(func() { l.Close() }) // before stop waits for it
	return l.Addr().String()
}

// accept is called with mu held.
func (s *Server) accept(conn net.Conn) {
	if s.stopped {
		conn.Close()
		return
	}
	var script Script
	if len(s.scripts) > 0 {
		script, s.scripts = s.scripts[0], s.scripts[1:]
	}
	plain := conn
	s.conns[plain] = true
	if s.tls != nil {
		conn = tls.Server(conn, s.tls)
	}
	s.running.Go(func() {
		defer func() {
			conn.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, plain)
		}()
		if script != nil {
			script(&Line{conn: conn, in: wire.NewReader(conn, wire.DefaultLimits)})
			return
		}
		s.serve(conn)
	})
}

// stop closes what is open and waits for all goroutines.
func (s *Server) stop() {
	s.mu.Lock()
	s.stopped = true
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// serve plays a server that accepts the component.
func (s *Server) serve(conn net.Conn) {
	in := wire.NewReader(conn, wire.DefaultLimits)
	header, err := in.Open()
	if err != nil {
		return
	}
	id := "componenttest-id"
	domain := strings.Clone(header.Attr("to"))
	if _, err := conn.Write([]byte(Header(domain, id))); err != nil {
		return
	}
	proof, err := in.Next()
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(id + Secret))
	if proof.Name != "handshake" || proof.Content() != hex.EncodeToString(sum[:]) {
		_, _ = conn.Write([]byte(StreamError("not-authorized", "") + end))
		return
	}
	st := newStream(s, conn, domain)
	st.Write("<handshake/>")
	s.mu.Lock()
	s.streams = append(s.streams, st)
	s.mu.Unlock()
	s.accepted.push(st)
	st.run(in)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.streams {
		if s.streams[i] == st {
			s.streams = append(s.streams[:i:i], s.streams[i+1:]...)
			break
		}
	}
}

// GoAway lets the component port refuse connections; those open are broken.
func (s *Server) GoAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = true
	for _, st := range s.streams {
		st.ignore()
	}
	for conn := range s.conns {
		conn.Close()
	}
}

// ComeBack ends GoAway.
func (s *Server) ComeBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = false
}

// Next gives the next connections these scripts, one each. Those after them are
// accepted.
func (s *Server) Next(scripts ...Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, scripts...)
}

// Pings says what happens to components' pings to themselves. nil is the normal
// way: back on their own stream.
func (s *Server) Pings(r Router) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pings = r
}

// OnStanza calls f for each stanza, on the goroutine that reads the stream,
// before Expect sees it.
func (s *Server) OnStanza(f func(*Stream, stanza.Received)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onStanza = f
}

// OnOwnPing calls f for each ping of a component to itself and for each answer
// to one.
func (s *Server) OnOwnPing(f func(stanza.Received)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPing = f
}

func (s *Server) ownPing(r stanza.Received) {
	s.mu.Lock()
	f := s.onPing
	s.mu.Unlock()
	if f != nil {
		f(r)
	}
}

func (s *Server) arrived(st *Stream, r stanza.Received) {
	s.mu.Lock()
	f := s.onStanza
	in := s.inboxes[r.To.Bare().String()]
	s.mu.Unlock()
	if f != nil {
		f(st, r)
	}
	if in == nil {
		in = s.Inbox
	}
	in.queue.push(r)
}

// LosePings is a Router for a server from which nothing comes back.
func LosePings(*Stream, stanza.Received) *Stream { return nil }

func (s *Server) route(from *Stream, ping stanza.Received) *Stream {
	s.mu.Lock()
	r := s.pings
	s.mu.Unlock()
	if r == nil {
		return from
	}
	return r(from, ping)
}

// Connected waits for the next component that has passed the handshake.
func (s *Server) Connected() *Stream {
	s.t.Helper()
	st, ok := s.accepted.pop(expectLimitLong)
	if !ok {
		s.t.Fatalf("no component has connected within %v", expectLimitLong)
	}
	return st
}

// A component may wait that long before it tries again.
const expectLimitLong = time.Hour

// Dialled waits for the next attempt to connect and says when it was.
func (s *Server) Dialled() time.Time {
	s.t.Helper()
	at, ok := s.dialled.pop(expectLimitLong)
	if !ok {
		s.t.Fatalf("no attempt to connect within %v", expectLimitLong)
	}
	return at
}

// Send sends stanzas, as XML, to the component whose domain they are for.
func (s *Server) Send(xml string) {
	s.t.Helper()
	e, err := parse(xml)
	if err != nil {
		s.t.Fatalf("cannot send %s: %v", xml, err)
	}
	st := s.streamOf(e.Attr("to"))
	if st == nil {
		s.t.Fatalf("cannot send to %s: no component is connected", e.Attr("to"))
	}
	st.Write(xml)
}

// streamOf gives the last stream of the address's domain, or the last of all.
func (s *Server) streamOf(address string) *Stream {
	bare, _, _ := strings.Cut(address, "/")
	_, domain, found := strings.Cut(bare, "@")
	if !found {
		domain = bare
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var last *Stream
	for _, st := range s.streams {
		if last == nil || st.Domain == domain || last.Domain != domain {
			last = st
		}
	}
	return last
}
