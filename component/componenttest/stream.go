package componenttest

import (
	"errors"
	"net"
	"strings"
	"sync"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// A Stream is one component's connection.
type Stream struct {
	Domain string // from its header

	server *Server
	conn   net.Conn
	out    queue[packet]
	ended  chan struct{} // closed once reading has ended

	mu     sync.Mutex
	paused chan struct{} // closed to go on; nil while reading
	closed bool          // by the component, in order
	failed bool          // nothing is taken any more
	reason string        // condition of the component's stream error
}

// A packet is text to write, and perhaps the end.
type packet struct {
	text string
	last bool
}

func newStream(s *Server, conn net.Conn, domain string) *Stream {
	st := &Stream{Domain: domain, server: s, conn: conn, ended: make(chan struct{})}
	st.out.init()
	return st
}

// run reads until the end, and writes what there is to write meanwhile.
func (st *Stream) run(in *wire.Reader) {
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(st.ended)
	writing.Go(st.write)
	for {
		st.mu.Lock()
		paused := st.paused
		st.mu.Unlock()
		if paused != nil {
			<-paused
		}
		e, err := in.Next()
		if errors.Is(err, wire.ErrStreamClosed) {
			st.mu.Lock()
			st.closed = true
			st.mu.Unlock()
			_, _ = st.conn.Write([]byte(end))
			return
		}
		if err != nil {
			return
		}
		st.mu.Lock()
		failed := st.failed
		st.mu.Unlock()
		if !failed {
			st.take(e.Clone())
		}
	}
}

func (st *Stream) take(e *wire.Element) {
	if e.Space == streamsNamespace && e.Name == "error" {
		st.mu.Lock()
		defer st.mu.Unlock()
		for c := range e.Children() {
			st.reason = c.Name
		}
		return
	}
	r, err := stanza.Parse(e)
	if err != nil && r.From.IsZero() {
		st.server.arrived(st, r)
		return
	}
	if r.Kind == stanza.IQ && r.From == r.To && r.From.Domain == st.Domain {
		st.server.ownPing(r)
		if r.Type == stanza.Get && r.Payload() != nil && r.Payload().Space == pingNamespace {
			if to := st.server.route(st, r); to != nil {
				to.Write(xmlOf(e))
			}
			return
		}
		if r.Type == stanza.Result {
			return // the answer to that
		}
	}
	st.server.arrived(st, r)
}

func (st *Stream) write() {
	for {
		p, ok := st.out.take()
		if !ok {
			select {
			case <-st.out.more:
				continue
			case <-st.ended:
				return
			}
		}
		if _, err := st.conn.Write([]byte(p.text)); err != nil {
			return
		}
		if p.last {
			st.conn.Close()
			return
		}
	}
}

// Write sends any text at all.
func (st *Stream) Write(text string) { st.out.push(packet{text: text}) }

// Break closes the connection without a word, and takes no more stanzas.
func (st *Stream) Break() {
	st.ignore()
	st.conn.Close()
}

func (st *Stream) ignore() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.failed = true
}

// Fail ends the stream with an error, and takes no more stanzas.
func (st *Stream) Fail(condition, text string) {
	st.ignore()
	st.out.push(packet{StreamError(condition, text) + end, true})
}

// Shut ends the stream in order, as a server that is stopped does.
func (st *Stream) Shut() { st.out.push(packet{end, true}) }

// Stop stops reading, as a stalled server does; Resume goes on.
func (st *Stream) Stop() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.paused == nil {
		st.paused = make(chan struct{})
		paused := st.paused
		st.server.t.Cleanup(func() { st.resume(paused) })
	}
}

func (st *Stream) Resume() {
	st.mu.Lock()
	paused := st.paused
	st.mu.Unlock()
	st.resume(paused)
}

func (st *Stream) resume(paused chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if paused != nil && st.paused == paused {
		close(paused)
		st.paused = nil
	}
}

// Wait waits until the component or the network has ended the stream, and tells
// whether the component closed it in order.
func (st *Stream) Wait() (inOrder bool) {
	<-st.ended
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.closed
}

// WaitError is Wait that gives the condition of the stream error with which the
// component ended the stream, or "".
func (st *Stream) WaitError() string {
	<-st.ended
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.reason
}

func xmlOf(e *wire.Element) string {
	var w wire.Writer
	e.WriteXML(&w)
	return string(w.Bytes())
}

const openStream = `<stream:stream xmlns="jabber:component:accept" xmlns:stream="` + streamsNamespace + `">`

// parse reads one stanza.
func parse(xml string) (*wire.Element, error) {
	in := wire.NewReader(strings.NewReader(openStream+xml), wire.DefaultLimits)
	if _, err := in.Open(); err != nil {
		return nil, err
	}
	e, err := in.Next()
	if err != nil {
		return nil, err
	}
	return e.Clone(), nil
}
