package transporttest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func notice(text string) transport.Event { return transport.Notice{Text: text} }

func isNotice(text string) func(transport.Event) bool {
	return func(e transport.Event) bool { return e == notice(text) }
}

func TestSinkRecordsEventsInOrder(t *testing.T) {
	s := &Sink{}
	for _, text := range []string{"a", "b"} {
		if err := s.Deliver(t.Context(), notice(text)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]transport.Event{notice("a"), notice("b")}, s.Events()); diff != "" {
		t.Error(diff)
	}
}

func TestBlockedSinkTakesTheNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Block()
		for _, text := range []string{"a", "b", "c"} {
			go s.Deliver(t.Context(), notice(text))
			synctest.Wait()
		}
		if n := s.Waiting(); n != 3 {
			t.Fatalf("%d deliveries wait, want 3", n)
		}
		if e, err := s.Take(t.Context()); err != nil || e != notice("c") {
			t.Errorf("Take = %v, %v; want c", e, err)
		}
		s.Unblock()
		if diff := cmp.Diff([]transport.Event{notice("c"), notice("b"), notice("a")}, s.Events()); diff != "" {
			t.Error(diff)
		}
		if err := s.Deliver(t.Context(), notice("d")); err != nil {
			t.Errorf("Deliver after Unblock: %v", err)
		}
	})
}

func TestDeliveryIsWithdrawnWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Block()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Deliver(ctx, notice("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Deliver = %v, want its deadline", err)
		}
		s.Unblock()
		if err := s.Deliver(ctx, notice("b")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Deliver with a context that has ended = %v, want its deadline", err)
		}
		if events := s.Events(); len(events) > 0 {
			t.Errorf("recorded %v", events)
		}
	})
}

func TestClosedSinkRefusesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Block()
		waiting := make(chan error, 1)
		go func() { waiting <- s.Deliver(t.Context(), notice("a")) }()
		synctest.Wait()
		s.Close()
		if err := <-waiting; err != transport.ErrClosed {
			t.Errorf("the blocked Deliver = %v, want ErrClosed", err)
		}
		if err := s.Deliver(t.Context(), notice("b")); err != transport.ErrClosed {
			t.Errorf("Deliver = %v, want ErrClosed", err)
		}
		if s.Refused() != 2 || len(s.Events()) != 0 {
			t.Errorf("refused %d, recorded %v; want 2 and none", s.Refused(), s.Events())
		}
	})
}

func TestFailingSinkWorksAgain(t *testing.T) {
	s := &Sink{}
	full := errors.New("disk is full")
	s.Fail(full)
	if err := s.Deliver(t.Context(), notice("a")); err != full {
		t.Errorf("Deliver = %v, want %v", err, full)
	}
	s.Fail(nil)
	if err := s.Deliver(t.Context(), notice("b")); err != nil {
		t.Errorf("Deliver = %v", err)
	}
	if diff := cmp.Diff([]transport.Event{notice("b")}, s.Events()); diff != "" {
		t.Error(diff)
	}
}

func TestWaitFindsPastAndFutureEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Deliver(t.Context(), notice("past"))
		go func() {
			time.Sleep(time.Minute)
			s.Deliver(t.Context(), notice("other"))
			time.Sleep(time.Minute)
			s.Deliver(t.Context(), notice("future"))
		}()
		start := time.Now()
		for _, text := range []string{"past", "future"} {
			if e, err := s.Wait(t.Context(), isNotice(text)); err != nil || e != notice(text) {
				t.Errorf("Wait = %v, %v; want %s", e, err, text)
			}
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("waited for %v, want 2m", took)
		}
	})
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Deliver(t.Context(), notice("other"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, waited := s.Wait(ctx, isNotice("never"))
		_, took := s.Take(ctx)
		for _, err := range []error{waited, took, s.WaitBlocked(ctx)} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got the error %v, want the deadline", err)
			}
		}
	})
}

func TestAwaitFailsTheTestWithoutTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{}
		s.Deliver(t.Context(), notice("other"))
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Await(r, s, text("never"))
		}()
		<-done
		want := "no fitting transport.MessageReceived: wait for an event, got only [transport.Notice]: context deadline exceeded"
		if got := r.text(); got != want {
			t.Errorf("Await failed with %q, want %q", got, want)
		}
	})
}
