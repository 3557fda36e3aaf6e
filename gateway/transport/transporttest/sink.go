package transporttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// Patience is how long a check waits for what must happen. What happens is
// noticed at once, so only a failing check takes this long.
const Patience = 30 * time.Second

// A Sink is a transport.Sink that records what it takes. The zero value takes
// every event at once. It works in real time and in a testing/synctest bubble.
type Sink struct {
	mu      sync.Mutex
	events  []transport.Event
	waiting []*delivery // newest last
	blocked bool
	closed  bool
	failure error
	refused int
	changed chan struct{} // closed at the next change
}

type delivery struct {
	event  transport.Event
	answer chan error
}

// Deliver implements transport.Sink.
func (s *Sink) Deliver(ctx context.Context, e transport.Event) error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.refused++
		s.change()
		s.mu.Unlock()
		return transport.ErrClosed
	case ctx.Err() != nil:
		s.mu.Unlock()
		return ctx.Err()
	case s.failure != nil:
		defer s.mu.Unlock()
		return s.failure
	case !s.blocked:
		s.record(e)
		s.mu.Unlock()
		return nil
	}
	d := &delivery{event: e, answer: make(chan error, 1)}
	s.waiting = append(s.waiting, d)
	s.change()
	s.mu.Unlock()

	select {
	case err := <-d.answer:
		return err
	case <-ctx.Done():
		return s.giveUp(ctx, d)
	}
}

// giveUp withdraws a delivery, unless it has been answered meanwhile.
func (s *Sink) giveUp(ctx context.Context, d *delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, d)
	if i < 0 {
		return <-d.answer
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.change()
	return ctx.Err()
}

// Block makes Deliver wait, as a full queue does.
func (s *Sink) Block() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = true
}

// Unblock takes everything that waits, and all that follows at once.
func (s *Sink) Unblock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = false
	for len(s.waiting) > 0 {
		s.takeNewest()
	}
}

// Take waits for a delivery that is blocked and takes that one alone.
func (s *Sink) Take(ctx context.Context) (transport.Event, error) {
	for {
		s.mu.Lock()
		if len(s.waiting) > 0 {
			defer s.mu.Unlock()
			return s.takeNewest(), nil
		}
		changed := s.nextChange()
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a blocked delivery: %w", ctx.Err())
		}
	}
}

// takeNewest answers the last caller first, so that a transport which delivers
// from several goroutines does not keep its order by luck.
func (s *Sink) takeNewest() transport.Event {
	last := len(s.waiting) - 1
	d := s.waiting[last]
	s.waiting = s.waiting[:last]
	s.record(d.event)
	d.answer <- nil
	return d.event
}

// Close makes Deliver return transport.ErrClosed, to those who wait too.
func (s *Sink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, d := range s.waiting {
		s.refused++
		d.answer <- transport.ErrClosed
	}
	s.waiting = nil
	s.change()
}

// Fail makes Deliver return err, as a store that can't write does. With nil it
// works again.
func (s *Sink) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Events gives what was taken so far, in order.
func (s *Sink) Events() []transport.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Waiting says how many calls to Deliver are blocked.
func (s *Sink) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Refused says how many calls to Deliver got transport.ErrClosed.
func (s *Sink) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Wait gives the first event, of those taken and those to come, that is wanted.
// The error, after ctx ends, tells the types of the events that did come.
func (s *Sink) Wait(ctx context.Context, want func(transport.Event) bool) (transport.Event, error) {
	for seen := 0; ; {
		s.mu.Lock()
		fresh, changed := s.events[seen:], s.nextChange()
		s.mu.Unlock()
		if i := slices.IndexFunc(fresh, want); i >= 0 {
			return fresh[i], nil
		}
		seen += len(fresh)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for an event, got only %s: %w", types(s.Events()), ctx.Err())
		}
	}
}

// WaitBlocked returns once a call to Deliver is blocked.
func (s *Sink) WaitBlocked(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, changed := len(s.waiting), s.nextChange()
		s.mu.Unlock()
		if n > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for a blocked delivery: %w", ctx.Err())
		}
	}
}

// Await waits, up to Patience, for the first event of one type that is wanted,
// and fails the test without it. A nil want takes any of that type.
func Await[E transport.Event](t testing.TB, s *Sink, want func(E) bool) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	e, err := s.Wait(ctx, func(e transport.Event) bool {
		typed, ok := e.(E)
		return ok && (want == nil || want(typed))
	})
	if err != nil {
		t.Fatalf("no fitting %T: %v", *new(E), err)
	}
	return e.(E)
}

func (s *Sink) record(e transport.Event) {
	s.events = append(s.events, e)
	s.change()
}

func (s *Sink) change() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *Sink) nextChange() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func types(events []transport.Event) string {
	names := []string{}
	for _, e := range events {
		names = append(names, fmt.Sprintf("%T", e))
	}
	return fmt.Sprint(names)
}
