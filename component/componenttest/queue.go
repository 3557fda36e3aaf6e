package componenttest

import (
	"sync"
	"time"
)

// A queue has no limit, so that a server never waits for its test.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	more  chan struct{} // holds one
}

func (q *queue[T]) init() { q.more = make(chan struct{}, 1) }

func (q *queue[T]) push(v T) {
	q.mu.Lock()
	q.items = append(q.items, v)
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *queue[T]) take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return v, false
	}
	v = q.items[0]
	q.items = q.items[1:]
	return v, true
}

// pop waits for the next one for up to limit.
func (q *queue[T]) pop(limit time.Duration) (v T, ok bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		if v, ok = q.take(); ok {
			return v, true
		}
		select {
		case <-q.more:
		case <-timer.C:
			return q.take()
		}
	}
}
