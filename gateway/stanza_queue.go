package gateway

import (
	"sync"
	"time"

	"gatehouse/component/stanza"
)

const (
	burstLength = 4096             // stanzas that wait for a session whose network keeps up
	slowAfter   = 5 * time.Second  // a stanza that waits so long shows that it does not
	waitLimit   = 60 * time.Second // a stanza that waited longer is refused, not sent late
)

// A stanzaQueue holds the stanzas of one user. It takes bursts, but is full at
// queueLength once the network does not keep up. It costs little while empty.
type stanzaQueue struct {
	more chan struct{} // holds one: something may be in it

	mu    sync.Mutex
	items []waiting
	head  int // of items, what is before it is gone
}

type waiting struct {
	st    *stanza.Received
	since time.Time
}

// push adds a stanza. It never waits. False means that the queue is full.
func (q *stanzaQueue) push(st *stanza.Received) bool {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.items) - q.head
	if n >= burstLength || n >= queueLength && now.Sub(q.items[q.head].since) > slowAfter {
		return false
	}
	q.items = append(q.items, waiting{st, now})
	signal(q.more)
	return true
}

// pop takes the oldest stanza; ok is false if there is none.
func (q *stanzaQueue) pop() (w waiting, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		return w, false
	}
	w = q.items[q.head]
	q.items[q.head] = waiting{}
	if q.head++; q.head < len(q.items) {
		signal(q.more)
		return w, true
	}
	q.head = 0
	if q.items = q.items[:0]; cap(q.items) > queueLength {
		q.items = nil
	}
	return w, true
}

func (q *stanzaQueue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) - q.head
}

// sendNext takes one stanza from the queue. One that has waited for too long is
// refused: what people say is not sent much later than they said it.
func (s *session) sendNext() {
	w, ok := s.stanzas.pop()
	if !ok {
		return
	}
	s.idleSince = time.Time{}
	if time.Since(w.since) > waitLimit {
		s.host.refuse(w.st, overloaded("the network is too slow for what you sent"))
		return
	}
	s.current = w.st
	callWith(s, (*session).sendStanza, w.st)
	s.current = nil
}

// refuseWaiting answers the stanzas that a session which has ended left behind.
// Nothing is added to them any more.
func (s *session) refuseWaiting() {
	if s.current != nil {
		s.host.refuse(s.current, internalError())
	}
	for {
		w, ok := s.stanzas.pop()
		if !ok {
			return
		}
		s.host.refuse(w.st, overloaded(s.farewell))
	}
}
