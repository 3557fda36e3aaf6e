package gateway

import (
	"context"
	"sync"
	"time"
)

// A call is the context of something that a session does. It ends with that, or
// at its deadline. Most calls wait for nothing, so the timer and the channel are
// made when somebody asks for them first.
type call struct {
	parent context.Context

	mu       sync.Mutex
	deadline time.Time
	over     bool
	awaited  context.Context // nil: nobody waits for the end
	cancel   context.CancelFunc
}

// Deadline implements context.Context.
func (c *call) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline, true
}

// Done implements context.Context.
func (c *call) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.awaited == nil {
		c.awaited, c.cancel = context.WithDeadline(c.parent, c.deadline)
		if c.over {
			c.cancel()
		}
	}
	return c.awaited.Done()
}

// Err implements context.Context.
func (c *call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch err := c.parent.Err(); {
	case c.awaited != nil:
		return c.awaited.Err()
	case err != nil:
		return err
	case c.over:
		return context.Canceled
	case !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context.
func (c *call) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.awaited != nil {
		return c.awaited.Value(key) // where what is derived finds it
	}
	return c.parent.Value(key)
}

func (c *call) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline, c.over = time.Now().Add(callTimeout), false
}

// end says whether nobody has waited, so that the call may serve again.
func (c *call) end() (unused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over = true; c.cancel != nil {
		c.cancel()
	}
	return c.awaited == nil
}

// call gives f a deadline.
func (s *session) call(f func(context.Context)) {
	callWith(s, func(_ *session, ctx context.Context, f func(context.Context)) { f(ctx) }, f)
}

// callWith is call for a method with an argument.
func callWith[T any](s *session, f func(*session, context.Context, T), v T) {
	c := s.spare
	if s.spare = nil; c == nil {
		c = &call{parent: s.closing}
	}
	c.begin()
	defer func() {
		if c.end() {
			s.spare = c
		}
	}()
	f(s, c, v)
}
