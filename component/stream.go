package component

import (
	"context"
	"crypto/rand"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/socket"
	"gatehouse/component/wire"
)

const (
	writeLimit    = 30 * time.Second // for one write call
	farewellLimit = 2 * time.Second  // to send a stream error
	drainLimit    = 3 * time.Second  // for the last barrier of a clean close
	closeLimit    = 5 * time.Second  // for all of a clean close
)

// A stream is one connection that has passed the handshake. Three goroutines
// run it: serve reads, write writes, and watch sends the canary. A fourth waits
// for the end.
type stream struct {
	c     *Component
	conn  net.Conn
	in    *wire.Reader // owned by serve
	token string       // in the address and id of our pings
	// number is the outbox's for this stream. Set before anything can come back.
	number uint64
	ping   pingText
	pong   pingText

	received atomic.Uint64 // stanzas that are not our pings
	passedOn atomic.Bool   // the server has sent one of our pings back to us
	drained  chan struct{} // holds one: the last barrier may be back
	canary   canary

	changing sync.Mutex // held while Up or Down is called, so that they alternate

	mu      sync.Mutex
	up      bool
	upAt    time.Time
	problem *problem // the first, which ended the stream
	lasted  time.Duration
	ended   chan struct{}
}

func newStream(c *Component, conn net.Conn, in *wire.Reader) *stream {
	s := &stream{
		c:       c,
		conn:    conn,
		in:      in,
		token:   rand.Text(),
		drained: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	s.ping, s.pong = pingTexts(c.domain, s.token)
	s.canary.init()
	return s
}

// serve runs the stream to its end and gives the reason.
func (s *stream) serve(ctx context.Context) *problem {
	s.number = s.c.out.hold()
	s.c.group.join(s)
	defer s.c.group.leave(s)

	var running sync.WaitGroup
	running.Go(s.write)
	running.Go(s.watch)
	running.Go(func() {
		select {
		case <-ctx.Done():
			s.finish()
		case <-s.ended:
		}
	})
	s.fail(s.read())
	running.Wait()

	p := s.problem
	if p.condition != "" {
		_ = s.conn.SetWriteDeadline(time.Now().Add(farewellLimit))
		_, _ = s.conn.Write(writeStreamError(p.condition))
	}
	s.hangUp(p.reset)
	s.lasted = s.upFor()
	dropped, poison := s.c.out.interrupt(p.suspect || isEnd(p.err), p.abrupt()) // some servers close without a word
	s.c.group.abandon(s.c)
	s.wentDown()
	s.c.count.dropped.Add(uint64(dropped + poison))
	if poison > 0 {
		s.c.log.Error("messages given up: each time they are sent, the server ends the stream", "messages", poison)
	}
	return p
}

// fail ends the stream. The first call tells why.
func (s *stream) fail(p *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != nil {
		return
	}
	s.problem = p
	close(s.ended)
	now := time.Now()
	_ = s.conn.SetReadDeadline(now)
	if p.condition != "" {
		now = now.Add(farewellLimit)
	}
	_ = s.conn.SetWriteDeadline(now)
}

// hangUp closes the connection, with a reset if the peer is dead, so that no
// kernel keeps it open for what was not delivered.
func (s *stream) hangUp(reset bool) {
	conn := s.conn
	if reset {
		conn = socket.Beneath(conn) // no closing alert to a dead peer
		if t, ok := conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
	}
	_ = conn.Close()
}

// finish closes the stream in order (RFC 6120 §4.4): what is queued goes out, a
// barrier proves it arrived, then comes the end tag, and the peer's is awaited.
func (s *stream) finish() {
	deadline := time.NewTimer(closeLimit)
	defer deadline.Stop()
	if s.c.out.finish() {
		drain := time.NewTimer(drainLimit)
		defer drain.Stop()
	draining:
		for !s.c.out.finished() {
			select {
			case <-s.drained:
			case <-drain.C:
				break draining
			case <-s.ended:
				return
			}
		}
	}
	s.c.out.end(streamEnd)
	select {
	case <-deadline.C:
		s.fail(&problem{text: "the server did not close the stream in time"})
	case <-s.ended:
	}
}

// write sends batches until the stream ends.
func (s *stream) write() {
	var b batch
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		s.c.out.take(&b, now, s.barrier)
		if len(b.xml) > 0 {
			_ = s.conn.SetWriteDeadline(now.Add(writeLimit))
			if _, err := s.conn.Write(b.xml); err != nil {
				s.writeFailed(err)
				return
			}
			s.c.count.sent.Add(uint64(b.sent))
			s.c.count.resent.Add(uint64(b.resent))
			if b.urgent {
				s.canary.written()
			}
			if s.isEnded() {
				return
			}
			continue
		}
		var later <-chan time.Time
		if b.wait > 0 {
			timer.Reset(b.wait)
			later = timer.C
		}
		select {
		case <-s.c.out.wake:
		case <-later:
		case <-s.ended:
			return
		}
	}
}

// writeFailed ends the stream. A server that refuses us says why and closes, so
// the reader gets a moment to find that.
func (s *stream) writeFailed(err error) {
	if isEnd(err) {
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
		return
	}
	p := readProblem(err)
	if isTimeout(err) {
		p.cause, p.reset = silent, true
		p.text = "the server does not take what we send"
	}
	s.fail(p)
}

func (s *stream) isEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// cameUp is called when the first of our pings is back.
func (s *stream) cameUp() {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	first := !s.up && s.problem == nil
	if first {
		s.up, s.upAt = true, time.Now()
	}
	s.mu.Unlock()
	if !first {
		return
	}
	stale := s.c.out.open(s.upAt)
	s.c.count.dropped.Add(uint64(stale))
	s.c.setUp(s.upAt)
	s.c.log.Info("stream is up")
	if stale > 0 {
		s.c.log.Warn("messages dropped: there was no stream for too long", "messages", stale)
	}
	if s.c.options.Up != nil {
		s.c.options.Up()
	}
}

func (s *stream) wentDown() {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.stage() != streamUp {
		return
	}
	s.c.setDown()
	if s.c.options.Down != nil {
		s.c.options.Down()
	}
}

func (s *stream) stage() stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up {
		return streamUp
	}
	return proving
}

func (s *stream) upFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		return 0
	}
	return time.Since(s.upAt)
}
