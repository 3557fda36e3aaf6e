package sqlite

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/store"
)

func TestADiskThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, path)
		writer := stall(t, s)
		began := time.Now()
		failed := make(chan error, 1)
		go func() { failed <- s.Blocks().Block(t.Context(), "a", "b") }()
		if err := <-failed; !errors.Is(err, store.ErrFateUnknown) {
			t.Errorf("error: %v", err)
		}
		if waited := time.Since(began); waited != store.CommitTimeout {
			t.Errorf("waited %v", waited)
		}
		close(writer.free)
		// The one that stalled gave up at the same time; its write happens.
		if err := <-writer.over; !errors.Is(err, store.ErrFateUnknown) {
			t.Errorf("error: %v", err)
		}
		if blocked, err := s.Blocks().Blocked(t.Context(), "a"); err != nil || len(blocked) > 1 {
			t.Errorf("%v, %v", blocked, err)
		}
	})
}

func TestMarksAreWrittenWithoutAnybodyAsking(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, path)
		key, _, err := s.Inbox().Put(t.Context(), store.InboxItem{Component: "a", User: "b"})
		if err != nil {
			t.Fatal(err)
		}
		s.Inbox().Done(key)
		synctest.Wait()
		if n := s.writer.marks.count(); n != 1 {
			t.Errorf("%d marks wait at first", n)
		}
		time.Sleep(markDelay)
		synctest.Wait()
		if n := s.writer.marks.count(); n != 0 {
			t.Errorf("%d marks wait after the delay", n)
		}
	})
}
