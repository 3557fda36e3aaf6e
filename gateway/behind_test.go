package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A slate is what a behind writes to.
type slate struct {
	mu      sync.Mutex
	written map[contactName]int
	refuses error
	blocked chan struct{} // writing waits for it, if set
}

func (s *slate) write(ctx context.Context, k contactName, v int) error {
	if s.blocked != nil {
		select {
		case <-s.blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil {
		return s.refuses
	}
	s.written[k] = v
	return nil
}

func (s *slate) get(k contactName) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written[k]
}

func behindStory(t *testing.T, tell func(t *testing.T, s *slate, b *behind[contactName, int])) {
	synctest.Test(t, func(t *testing.T) {
		s := &slate{written: map[contactName]int{}}
		b := newBehind("what users have", slog.New(slog.DiscardHandler), s.write)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.run(ctx) })
		tell(t, s, b)
		stop()
		running.Wait()
	})
}

var juliet, nurse = contactName{"romeo", "juliet"}, contactName{"romeo", "nurse"}

func TestWhatTheDiskRefusedIsWrittenAgainUnlessItChanged(t *testing.T) {
	behindStory(t, func(t *testing.T, s *slate, b *behind[contactName, int]) {
		s.refuses = errors.New("full")
		b.put(juliet, 1)
		b.put(nurse, 1)
		synctest.Wait()
		b.put(juliet, 2)
		s.mu.Lock()
		s.refuses = nil
		s.mu.Unlock()
		time.Sleep(recordRetry)
		synctest.Wait()
		if s.get(juliet) != 2 || s.get(nurse) != 1 {
			t.Errorf("written: %v", s.written)
		}
	})
}

func TestWhatIsNotWrittenYetIsKnown(t *testing.T) {
	behindStory(t, func(t *testing.T, s *slate, b *behind[contactName, int]) {
		s.blocked = make(chan struct{})
		b.put(juliet, 1)
		synctest.Wait() // on its way to the disk
		b.put(juliet, 2)
		b.put(contactName{"tybalt", "nurse"}, 1)
		seen := map[contactName]int{}
		b.each("romeo", func(k contactName, v int) { seen[k] = v })
		if len(seen) != 1 || seen[juliet] != 2 {
			t.Errorf("seen: %v", seen)
		}
		close(s.blocked)
		synctest.Wait()
		b.each("romeo", func(k contactName, v int) { t.Errorf("%v is still not written", k) })
	})
}

func TestNothingIsWrittenAfterAUserIsForgotten(t *testing.T) {
	behindStory(t, func(t *testing.T, s *slate, b *behind[contactName, int]) {
		s.blocked = make(chan struct{})
		b.put(juliet, 1)
		synctest.Wait() // on its way to the disk
		b.put(nurse, 1)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.drop(short, "romeo"); err == nil {
			t.Error("it did not wait for what was on its way")
		}
		dropped := make(chan error)
		go func() { dropped <- b.drop(t.Context(), "romeo") }()
		synctest.Wait()
		close(s.blocked)
		if err := <-dropped; err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		clear(s.written) // as Store.Forget does
		s.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.written) > 0 {
			t.Errorf("written: %v", s.written)
		}
	})
}
