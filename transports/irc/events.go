package irc

import (
	"context"
	"errors"
	"sync"

	"gatehouse/gateway/transport"
)

// spareEvents are as many as a session at rest has places for.
const spareEvents = 4

// An eventQueue brings a session's events to its sink in the order in which
// the state changed. Whoever holds the session's mutex may put; a link that
// reads waits until its events are taken, and so reads no faster than the
// user takes. What a call of the gateway puts is delivered by a goroutine, as
// the gateway must not wait for itself.
//
// It holds at most what one line or one call makes, for each link.
type eventQueue struct {
	sink    transport.Sink
	ctx     context.Context // of Deliver; ends with the session
	stop    context.CancelFunc
	running *sync.WaitGroup

	mu         *sync.Mutex // the session's
	delivered  *sync.Cond  // the queue is empty
	waiting    []transport.Event
	spare      []transport.Event // memory for those that come while these are delivered
	delivering bool
	closed     bool
}

func (q *eventQueue) init(sink transport.Sink, mu *sync.Mutex, running *sync.WaitGroup) {
	q.sink, q.mu, q.running = sink, mu, running
	q.delivered = sync.NewCond(mu)
	q.ctx, q.stop = context.WithCancel(context.Background())
}

// put needs mu.
func (q *eventQueue) put(e transport.Event) {
	if !q.closed {
		q.waiting = append(q.waiting, e)
	}
}

// deliverLater returns at once. It needs mu.
func (q *eventQueue) deliverLater() {
	if len(q.waiting) > 0 && !q.delivering {
		q.delivering = true
		q.running.Go(func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.drain()
		})
	}
}

// deliver returns once the sink has taken all. It needs mu not to be held.
func (q *eventQueue) deliver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.delivering:
		for q.delivering {
			q.delivered.Wait()
		}
	case len(q.waiting) > 0:
		q.delivering = true
		q.drain()
	}
}

// drain lets go of mu while it waits for the sink.
func (q *eventQueue) drain() {
	for len(q.waiting) > 0 {
		batch := q.waiting
		q.waiting, q.spare = q.spare, nil
		q.mu.Unlock()
		var err error
		for _, e := range batch {
			if err = q.sink.Deliver(q.ctx, e); errors.Is(err, transport.ErrClosed) || q.ctx.Err() != nil {
				break
			}
		}
		q.mu.Lock()
		if clear(batch); cap(batch) <= spareEvents {
			q.spare = batch[:0]
		}
		if errors.Is(err, transport.ErrClosed) {
			q.close()
		}
	}
	q.delivering = false
	q.delivered.Broadcast()
}

// close drops all events from now on. It needs mu.
func (q *eventQueue) close() {
	q.closed = true
	q.waiting = nil
	q.stop()
}
