package irc

import (
	"fmt"
	"net"
	"slices"
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
	urgent lineQueue  // not paced: registration, PONG, QUIT
	first  lineQueue  // what is to be done before channels are joined
	joins  []*channel // made into as few JOINs as possible
	lines  lineQueue
	later  lineQueue // once all else is sent
	pace   *rate.Limiter
}

// A writing is the sending of what waits. The session's mutex guards it.
type writing struct {
	writes    func()      // is the writer of this connection
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
	var all lineQueue
	for _, b := range lines {
		all.push(b)
	}
	return l.enqueueAll(&all)
}

// enqueueAll is enqueue for lines that are in a queue, which is empty then.
func (l *link) enqueueAll(lines *lineQueue) error {
	defer lines.free()
	if lines.n > queueLength {
		return refuse(transport.TooLong, "That would be %d lines on IRC; %d are the most.", lines.n, queueLength)
	}
	if l.lines.n > 0 && l.lines.load+lines.load > queueLength {
		full := &transport.Error{
			Reason: transport.RateLimited, RetryAfter: time.Minute,
			Text: fmt.Sprintf("%d lines are still waiting to be sent to %s.", l.lines.n, l.server.name),
		}
		if l.phase == online && !l.isPaced() {
			full.Err = &drainingError{l.drained}
		}
		return full
	}
	l.lines.append(lines)
	l.wake()
	return nil
}

// sendSoon queues a line of ours that must not be refused: its number is
// bounded by that of the rooms. It needs mu.
func (l *link) sendSoon(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil {
		l.lines.push(b)
		l.wake()
	}
}

// sendNow queues a line that is not paced. It needs mu.
func (l *link) sendNow(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil && l.urgent.n < urgentLength {
		l.urgent.push(b)
		l.wake()
	}
}

// sendLater queues a line that can wait, or be lost if too many do. It needs
// mu.
func (l *link) sendLater(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil && l.later.n < laterLength {
		l.later.push(b)
		l.wake()
	}
}

// A drainingError says that there is no room in a queue that only waits for
// the network, and where to hear that there is.
type drainingError struct{ drained <-chan struct{} }

func (*drainingError) Error() string { return "the network takes lines more slowly than they come" }

// isUnpaced says that a line which is queued now is sent at once. It needs mu.
func (l *link) isUnpaced() bool {
	return !l.isPaced() || l.pace.Tokens() >= float64(l.lines.n+l.later.n+1)
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
	go l.writes()
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

// writeTo sends the lines that may be sent now, as many as there are with one
// call.
func (l *link) writeTo(conn net.Conn) error {
	b := borrowBuffer()
	defer giveBack(b)
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
		before := len(b)
		if b, wait = l.next(b); len(b) == before {
			break
		}
	}
	if l.lines.n <= queueLength/2 {
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

// next adds the next line, or says how long pacing holds it back. It needs mu.
func (l *link) next(b []byte) (_ []byte, wait time.Duration) {
	if l.urgent.n > 0 {
		return l.move(b, &l.urgent), 0
	}
	if l.phase != online || l.first.n+len(l.joins)+l.lines.n+l.later.n == 0 && !l.barrierWanted {
		return b, 0
	}
	if l.isPaced() {
		now := time.Now()
		r := l.pace.ReserveN(now, l.nextCost())
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return b, wait
		}
	}
	if l.first.n > 0 {
		return l.move(b, &l.first), 0
	}
	for len(l.joins) > 0 {
		if join := l.joinLine(); join != nil {
			return append(b, l.encoded(join)...), 0
		}
	}
	switch {
	case l.lines.n > 0:
		return l.move(b, &l.lines), 0
	case l.barrierWanted:
		return l.appendBarrier(b), 0
	case l.later.n > 0:
		return l.move(b, &l.later), 0
	}
	return b, 0
}

// move takes the first line of a queue and adds it as it goes out.
func (l *link) move(b []byte, from *lineQueue) []byte {
	b = append(b, l.encoded(from.first())...)
	from.dropFirst()
	return b
}

// nextCost is that of the line which next gives. It needs mu.
func (l *link) nextCost() int {
	if l.first.n+len(l.joins) > 0 || l.lines.n == 0 {
		return 1
	}
	return min(cost(l.lines.first()), l.pace.Burst()) // no more can be saved up
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
