package gateway

import (
	"context"
	"sync"
	"time"
)

const (
	restAfter = 1500 * time.Millisecond // without work a session lies down
	soon      = 10 * time.Second        // one that is woken so early has lain down in vain;
	inVain    = 3                       // after so many times it waits longer, doubling each time,
	doublings = 4                       // so often at most
)

// A session at rest has no goroutine: the stack of one would be a fifth of all
// that the session takes, and most do nothing for hours. Whoever gives a session
// something wakes it behind that, and it lies down only where it finds nothing.
// So what is given is seen by one of the two.
type resting struct {
	mu    sync.Mutex
	lying bool
	since time.Time
	hasty int // how often it was woken soon, without a break

	loaded bool        // run has begun; its goroutine owns this
	pulse  *time.Timer // gives the sign for what a session does at every beat
}

// wake starts a session that lies. It never waits.
func (s *session) wake() {
	s.resting.mu.Lock()
	defer s.resting.mu.Unlock()
	if s.lying {
		s.lying = false
		if s.hasty++; time.Since(s.since) >= soon {
			s.hasty = 0
		}
		go s.host.work(s)
	}
}

// liesDown says that the session rests from now on: then its goroutine, which
// called this, touches nothing of it any more.
func (s *session) liesDown() bool {
	if !s.mayRest() {
		return false
	}
	s.resting.mu.Lock()
	defer s.resting.mu.Unlock()
	s.lying, s.since = !s.isGivenMore(), time.Now()
	return s.lying
}

// patience is how long the session waits for more: starting costs 12 µs, which
// is not worth it for somebody who gets something every few seconds.
func (s *session) patience() time.Duration {
	s.resting.mu.Lock()
	defer s.resting.mu.Unlock()
	return restAfter << min(max(s.hasty-inVain, 0), doublings)
}

// mayRest says that no time and no event is waited for by which the session
// would not be woken.
func (s *session) mayRest() bool {
	times := s.crowded != nil || s.lingering != nil || s.retry != nil || s.behind != nil || s.nextShown() != nil
	return !times && s.relief == nil && s.held == nil
}

func (s *session) isGivenMore() bool {
	return s.closing.Err() != nil || s.stanzas.len() > 0 || s.signs.given.Load() != 0 ||
		len(s.events)+len(s.returned)+len(s.orders)+len(s.nextFetched()) > 0
}

// stop ends the session, and waits for nothing.
func (s *session) stop() {
	s.cancel()
	s.wake()
}

// give gives a sign.
func (s *session) give(which sign) {
	s.signs.give(which)
	s.wake()
}

// giveBack hands over what was done aside. It never waits: there is a place for
// whatever is under way.
func (s *session) giveBack(then func(context.Context)) {
	s.returned <- then
	s.wake()
}
