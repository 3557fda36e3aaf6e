package sqlite

import (
	"fmt"
	"testing"
	"time"
)

func TestWhoFillsTheArchiveQueueIsToldToWaitAndOthersAreNot(t *testing.T) {
	s := openTest(t, newPath(t))
	writer := stall(t, s)
	var room <-chan struct{}
	added := 0
	for ; room == nil && added < archiveRoom; added++ {
		room = s.Archive().Add(saidTo("romeo", fmt.Sprint(added)))
	}
	if added != archiveRoom/2+1 {
		t.Errorf("one user has room for %d messages", added)
	}
	for i := range 10 {
		if s.Archive().Add(saidTo("juliet", fmt.Sprint("j", i))) != nil {
			t.Error("another user has to wait, too")
		}
	}
	select {
	case <-room:
		t.Error("there is room although nothing was written")
	default:
	}
	writer.release(t)
	<-room
	if got := seen(t, s, "juliet"); got != "j0 j1 j2 j3 j4 j5 j6 j7 j8 j9" {
		t.Errorf("juliet saw %q", got)
	}
	if n := count(t, s, "archive"); n != added+10 || s.Archive().Dropped() != 0 {
		t.Errorf("%d of %d messages are there, %d were dropped", n, added+10, s.Archive().Dropped())
	}
	if q := &s.writer.archive; len(q.shares) != 0 || len(q.crowded) != 0 || q.bytes != 0 {
		t.Errorf("the empty queue counts %d shares, %d who wait, %d bytes", len(q.shares), len(q.crowded), q.bytes)
	}
}

func TestNobodyWaitsForRoomWhileTheDiskRefuses(t *testing.T) {
	s := openTest(t, newPath(t))
	q := &s.writer.archive
	writer := stall(t, s)
	var room <-chan struct{}
	for i := 0; room == nil; i++ {
		room = s.Archive().Add(saidTo("romeo", fmt.Sprint(i)))
	}
	q.take(false)
	q.finish(false, false)
	<-room
	if s.Archive().Add(saidTo("romeo", "later")) != nil {
		t.Error("who adds has to wait for a disk that refuses")
	}
	writer.release(t)
	seen(t, s, "romeo")
	if s.Archive().Dropped() != 0 {
		t.Error("messages were lost")
	}
}

func TestWhatComesDuringACommitWaitsForCompanyToo(t *testing.T) {
	inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
		_, err := write(t.Context(), s, func(*tx) (bool, error) {
			s.Archive().Add(saidTo("romeo", "a"))
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		waits := func(d time.Duration) int {
			passes(s, d)
			return s.writer.archive.len()
		}
		if n := waits(archiveDelay - time.Millisecond); n != 1 {
			t.Errorf("%d messages wait before their time", n)
		}
		if n := waits(2 * time.Millisecond); n != 0 {
			t.Errorf("%d messages wait after it", n)
		}
	})
}
