package sms

import (
	"context"
	"fmt"
	"sync"

	"gatehouse/gateway/transport"
)

// locks are locks by id whose wait ends with a context. There is one for each id
// that somebody has or waits for, so nobody waits for who works on another.
type locks struct {
	mu   sync.Mutex
	byID map[transport.MessageID]*idLock
}

type idLock struct {
	turn  chan struct{} // holds a token while somebody has it
	users int           // who have it or wait for it
}

func newLocks() *locks { return &locks{byID: make(map[transport.MessageID]*idLock)} }

func (l *locks) lock(ctx context.Context, id transport.MessageID) (unlock func(), err error) {
	l.mu.Lock()
	one := l.byID[id]
	if one == nil {
		one = &idLock{turn: make(chan struct{}, 1)}
		l.byID[id] = one
	}
	one.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(l.byID, id)
		}
	}
	select {
	case one.turn <- struct{}{}:
		return func() { <-one.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("wait for a message: %w", ctx.Err())
	}
}
