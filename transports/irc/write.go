package irc

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
)

const (
	queueLength  = 128 // lines of the user's
	urgentLength = 32  // answers to PING and the like
	laterLength  = 1024
	writeLimit   = 30 * time.Second
	batchBytes   = 8 << 10 // of lines that go with one write
)

// outgoing are the lines that wait for the writer, in the order in which it
// takes them. The session's mutex guards it.
type outgoing struct {
	urgent [][]byte   // not paced: registration, PONG, QUIT
	first  [][]byte   // what is to be done before channels are joined
	joins  []*channel // made into as few JOINs as possible
	lines  [][]byte
	later  [][]byte // once all else is sent
	pace   *rate.Limiter
}

// A writing is the sending of what waits. The session's mutex guards it.
type writing struct {
	writer    net.Conn    // that the writer is at; nil: there is none
	held      *time.Timer // starts it when pacing lets the next line go
	unwritten error       // why it ended
}

func newOutgoing(t Throttle) outgoing {
	return outgoing{pace: newPace(t)}
}

func newPace(t Throttle) *rate.Limiter {
	if t.Burst == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Every(t.Interval), t.Burst)
}

// enqueue takes the lines of one call, or none of them when there is no room.
// It needs mu.
func (l *link) enqueue(lines ...[]byte) error {
	if len(lines) > queueLength {
		return refuse(transport.TooLong, "That would be %d lines on IRC; %d are the most.", len(lines), queueLength)
	}
	if len(l.lines) > 0 && load(l.lines)+load(lines) > queueLength {
		full := &transport.Error{
			Reason: transport.RateLimited, RetryAfter: time.Minute,
			Text: fmt.Sprintf("%d lines are still waiting to be sent to %s.", len(l.lines), l.server.name),
		}
		if l.phase == online && !l.isPaced() {
			full.Err = &drainingError{l.drained}
		}
		return full
	}
	l.lines = append(l.lines, lines...)
	l.wake()
	return nil
}

// sendSoon queues a line of ours that must not be refused: its number is
// bounded by that of the rooms. It needs mu.
func (l *link) sendSoon(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil {
		l.lines = append(l.lines, b)
		l.wake()
	}
}

// sendNow queues a line that is not paced. It needs mu.
func (l *link) sendNow(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil && len(l.urgent) < urgentLength {
		l.urgent = append(l.urgent, b)
		l.wake()
	}
}

// sendLater queues a line that can wait, or be lost if too many do. It needs
// mu.
func (l *link) sendLater(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil && len(l.later) < laterLength {
		l.later = append(l.later, b)
		l.wake()
	}
}

// load is how many lines some are worth: a batch is sent at once.
func load(lines [][]byte) (n int) {
	for _, b := range lines {
		n += cost(b)
	}
	return n
}

// cost is what servers count a line as, by what is known of how they count
// batches.
func cost(b []byte) int {
	if end := bytes.IndexByte(b, '\n'); end < 0 || end == len(b)-1 {
		return 1
	}
	return 1 + max(len(b)/512, bytes.Count(b, []byte("\n"))/8)
}

// A drainingError says that there is no room in a queue that only waits for
// the network, and where to hear that there is.
type drainingError struct{ drained <-chan struct{} }

func (*drainingError) Error() string { return "the network takes lines more slowly than they come" }

// isUnpaced says that a line which is queued now is sent at once. It needs mu.
func (l *link) isUnpaced() bool {
	return !l.isPaced() || l.pace.Tokens() >= float64(len(l.lines)+len(l.later)+1)
}

// wake starts the writer, unless it is at work already. It needs mu, and never
// blocks. A link at rest has no writer: thousands of them would keep a stack
// each.
func (l *link) wake() {
	conn := l.conn
	if conn == nil || l.writer == conn {
		return
	}
	l.writer = conn
	l.session.running.Add(1)
	go l.write(conn)
}

// write is the writer, as long as there is something to send.
func (l *link) write(conn net.Conn) {
	defer l.session.running.Done()
	if err := l.guard(func() error { return l.writeTo(conn) }); err != nil {
		l.session.mu.Lock()
		if l.writer == conn { // and not another connection's already
			l.unwritten = err
		}
		l.session.mu.Unlock()
		hangUp(conn) // so that the reader ends too
	}
}

// signal leaves a mark that is not needed twice. It never blocks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

var batches = sync.Pool{New: func() any { return new([]byte) }}

// writeTo sends the lines that may be sent now, as many as there are with one
// call.
func (l *link) writeTo(conn net.Conn) error {
	b := batches.Get().(*[]byte)
	defer batches.Put(b)
	for {
		if *b = l.batch((*b)[:0], conn); len(*b) == 0 {
			return nil
		}
		conn.SetWriteDeadline(time.Now().Add(writeLimit))
		if _, err := conn.Write(*b); err != nil {
			return err
		}
	}
}

// batch adds the lines that may be sent now. Without any the writer ends.
func (l *link) batch(b []byte, conn net.Conn) []byte {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if l.conn != conn {
		return nil
	}
	var wait time.Duration
	for len(b) < batchBytes {
		var next []byte
		if next, wait = l.next(); next == nil {
			break
		}
		b = append(b, l.encoded(next)...)
	}
	if len(l.lines) <= queueLength/2 {
		signal(l.drained)
	}
	if len(b) == 0 {
		l.writer = nil
		l.hold(wait)
	}
	return b
}

// hold wakes the writer when pacing lets the next line go; 0: nothing waits.
// It needs mu.
func (l *link) hold(wait time.Duration) {
	switch {
	case wait == 0:
	case l.held != nil:
		l.held.Reset(wait)
	default:
		l.held = time.AfterFunc(wait, func() {
			l.session.mu.Lock()
			defer l.session.mu.Unlock()
			l.wake()
		})
	}
}

// next takes the next line, or says how long pacing holds it back. It needs mu.
func (l *link) next() (b []byte, wait time.Duration) {
	if len(l.urgent) > 0 {
		return pop(&l.urgent), 0
	}
	if l.phase != online || len(l.first)+len(l.joins)+len(l.lines)+len(l.later) == 0 && !l.barrierWanted {
		return nil, 0
	}
	if l.isPaced() {
		now := time.Now()
		r := l.pace.ReserveN(now, l.nextCost())
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return nil, wait
		}
	}
	if len(l.first) > 0 {
		return pop(&l.first), 0
	}
	for len(l.joins) > 0 {
		if b := l.joinLine(); b != nil {
			return b, 0
		}
	}
	switch {
	case len(l.lines) > 0:
		return pop(&l.lines), 0
	case l.barrierWanted:
		return l.barrierLine(), 0
	case len(l.later) > 0:
		return pop(&l.later), 0
	}
	return nil, 0
}

// nextCost is that of the line which next gives. It needs mu.
func (l *link) nextCost() int {
	if len(l.first)+len(l.joins) > 0 || len(l.lines) == 0 {
		return 1
	}
	return min(cost(l.lines[0]), l.pace.Burst()) // no more can be saved up
}

// isPaced says that lines must be held back. It needs mu.
func (l *link) isPaced() bool { return !l.is.saferate && l.pace.Limit() != rate.Inf }

// pop takes the first of a queue, which keeps its place in memory while it is
// short.
func pop[T any](queue *[]T) T {
	q := *queue
	first := q[0]
	if len(q) > 16 {
		clear(q[:1])
		*queue = q[1:]
	} else {
		*queue = slices.Delete(q, 0, 1)
	}
	return first
}
