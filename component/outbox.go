package component

import (
	"errors"
	"sync"
	"time"
)

// Both the queue and what is kept until it is confirmed hold at most this much.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 32 << 20
)

const (
	batchSize = 64 << 10 // bytes for one write call, more or less

	// A barrier follows so many stanzas that matter, or the first of them by so
	// much. Behind one with Confirmed it comes at once, unless one is out: a
	// crash repeats the less.
	barrierEvery = 200
	barrierDelay = 250 * time.Millisecond
	// It is repeated if it doesn't come back: a twin may have got it.
	barrierRetry = 2 * time.Second

	// A barrier proves that the server has passed a message on, not that it has
	// kept it: ejabberd writes what it stores within 2 s (disk_log(3)). When a
	// stream breaks without a word, durable ones confirmed so short a time ago
	// are sent again, once, the newest of them at least.
	provenFor       = 5 * time.Second
	mostProven      = 1000
	mostProvenBytes = 1 << 20

	// A message nobody stores is stale after this long without a stream.
	staleAfter = 30 * time.Second

	// A stanza that the server ended the stream right after, twice, may be the
	// reason: it is then sent alone, and given up when it was the fifth time.
	sendAlone = 2
	giveUp    = 5
)

var errFull = errors.New("send queue is full")

// An outbox holds what is to be sent, and what was sent and may be lost yet. It
// outlives streams.
type outbox struct {
	mu sync.Mutex
	phase
	queue   ring // not yet written to this stream
	journal ring // written to it, and kept until a barrier is past
	proven  ring // durable ones that were confirmed a moment ago
	recent  size // of proven
	queued  size // of queue
	kept    size // of those in either that are kept

	urgent []byte // pings and their answers, written before the queue

	written   uint64    // kept entries ever written to this stream
	confirmed uint64    // of them, those past a barrier
	covered   uint64    // of them, those before the last barrier sent
	since     time.Time // when the first uncovered one was written
	asked     time.Time // when the last barrier was
	stream    uint64    // number of this stream
	flush     bool      // a barrier is wanted now
	prompt    bool      // or once none is out: a store waits for an uncovered entry

	room    chan struct{} // closed once there is room
	waiters int

	idle bool          // the writer sleeps on wake
	wake chan struct{} // holds one
}

// A phase is what an outbox does with stanzas.
type phase uint8

const (
	down    phase = iota // keeps what matters, refuses the rest
	holding              // takes all, and writes nothing but pings
	flowing
	closing // takes none, and writes what it has
	closed
)

type size struct{ count, bytes int }

func (s *size) add(e *entry)      { s.count++; s.bytes += len(e.xml) }
func (s *size) remove(e *entry)   { s.count--; s.bytes -= len(e.xml) }
func (s size) fits(more int) bool { return s.count < maxQueued && s.bytes+more <= maxQueuedBytes }
func (s size) low() bool          { return s.count <= maxQueued/4*3 && s.bytes <= maxQueuedBytes/4*3 }

func (o *outbox) init() {
	o.room = make(chan struct{})
	o.wake = make(chan struct{}, 1)
}

// put queues e and owns it from then on. When there is no room it gives a
// channel that is closed once there is; with wait set, the caller then owes a
// stopWaiting.
func (o *outbox) put(e *entry, wait bool) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.phase >= closing:
		return nil, ErrClosed
	case o.phase == down && !e.keep:
		return nil, ErrDown
	case !o.queued.fits(len(e.xml)), e.keep && !o.kept.fits(len(e.xml)):
		if wait {
			o.waiters++
		}
		return o.room, nil
	}
	o.queue.push(e)
	o.queued.add(e)
	if e.keep {
		o.kept.add(e)
	}
	o.wakeWriter()
	return nil, nil
}

func (o *outbox) stopWaiting() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiters--
}

// wakeWriter and signalRoom are called with mu held.
func (o *outbox) wakeWriter() {
	if o.idle {
		o.idle = false
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// signalRoom wakes those that wait, once there is room for more than a few.
func (o *outbox) signalRoom() {
	if o.waiters > 0 && o.queued.low() && o.kept.low() {
		close(o.room)
		o.room = make(chan struct{})
	}
}

// hurry queues pings and answers to them. They are few and pass all limits.
func (o *outbox) hurry(write func(b []byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.phase != closed && len(o.urgent) < batchSize {
		o.urgent = write(o.urgent)
		o.wakeWriter()
	}
}

// end writes the end of the stream and nothing after it.
func (o *outbox) end(tag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.phase = closed
	o.urgent = append(o.urgent, tag...)
	o.wakeAll()
}

// hold begins a stream: everything is taken and nothing but pings is written. It
// gives the stream's number.
func (o *outbox) hold() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.phase = holding
	o.stream++
	o.wakeAll()
	return o.stream
}

// close refuses everything from here on.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.phase = closed
	o.wakeAll()
}

// wakeAll lets everyone look at the phase again.
func (o *outbox) wakeAll() {
	o.wakeWriter()
	if o.waiters > 0 {
		close(o.room)
		o.room = make(chan struct{})
	}
}

// open lets stanzas flow, oldest first. It drops and counts messages that have
// become stale.
func (o *outbox) open(now time.Time) (stale int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.phase == holding {
		o.phase = flowing
	}
	for n := o.queue.len(); n > 0; n-- {
		e := o.queue.pop()
		if e.keep && !e.durable && now.Sub(e.at) > staleAfter {
			o.queued.remove(e)
			o.kept.remove(e)
			e.free()
			stale++
			continue
		}
		o.queue.push(e)
	}
	o.wakeAll()
	return stale
}

// finish refuses new stanzas and asks for a barrier behind the last. It tells
// whether anything flowed.
func (o *outbox) finish() (flowed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	flowed = o.phase == flowing
	if flowed {
		o.phase = closing
		o.flush = true
	} else {
		o.phase = closed
	}
	o.wakeAll()
	return flowed
}

// finished tells whether all was written and all that is kept is confirmed.
func (o *outbox) finished() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queue.len() == 0 && o.journal.len() == 0
}

// interrupt takes back what a lost stream may have swallowed, to be sent first
// on the next, and drops what doesn't outlive a stream. suspect says that the
// server may have ended the stream over what it was sent, crashed that it may
// have lost what it had taken.
func (o *outbox) interrupt(suspect, crashed bool) (dropped, poison int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.phase < closing {
		o.phase = down
	}
	o.forget(time.Now())
	lost := o.proven.len()
	if !crashed {
		lost = 0
	}
	again := ring{}
	for ; lost > 0; lost-- {
		e := o.proven.pop()
		o.recent.remove(e)
		o.queued.add(e)
		o.kept.add(e)
		again.push(e)
	}
	for o.journal.len() > 0 {
		e := o.journal.pop()
		if suspect {
			e.suspicion++
		}
		if e.suspicion >= giveUp {
			o.kept.remove(e)
			e.free()
			poison++
			continue
		}
		o.queued.add(e)
		again.push(e)
	}
	for o.queue.len() > 0 {
		e := o.queue.pop()
		if !e.keep {
			o.queued.remove(e)
			e.free()
			dropped++
			continue
		}
		again.push(e)
	}
	o.queue, o.journal = again, ring{}
	o.urgent = o.urgent[:0]
	o.written, o.confirmed, o.covered = 0, 0, 0
	o.flush, o.prompt, o.idle = false, false, false
	o.wakeAll()
	return dropped, poison
}

// forget frees what was proven long enough ago. It is called with mu held.
func (o *outbox) forget(now time.Time) {
	for o.proven.len() > 0 && (o.recent.count > mostProven || o.recent.bytes > mostProvenBytes ||
		now.Sub(o.proven.peek().provenAt) > provenFor) {
		e := o.proven.pop()
		o.recent.remove(e)
		e.free()
	}
}

// confirm drops the first n entries kept on a stream and calls their Confirmed.
// An earlier stream confirms nothing any more.
func (o *outbox) confirm(stream, n uint64) {
	now := time.Now()
	for {
		var done [32]func()
		count := 0
		o.mu.Lock()
		if stream != o.stream {
			n = 0
		}
		for n = min(n, o.written); o.confirmed < n && count < len(done); count++ {
			e := o.journal.pop()
			o.kept.remove(e)
			o.confirmed++
			if e.confirmed == nil { // nobody stores it, or it is the repeat
				e.free()
				continue
			}
			done[count] = e.confirmed
			e.confirmed, e.provenAt = nil, now
			o.proven.push(e)
			o.recent.add(e)
		}
		o.forget(now)
		if count > 0 {
			o.signalRoom()
			o.wakeWriter()
		}
		o.mu.Unlock()
		for _, confirmed := range done[:count] {
			if confirmed != nil {
				confirmed()
			}
		}
		if count < len(done) {
			return
		}
	}
}

func (o *outbox) sizes() (queued, kept size) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued, o.kept
}
