package sqlite

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/store"
)

// A stalled writer sits inside a commit until free is closed.
type stalled struct {
	free chan struct{}
	over chan error
}

func stall(t *testing.T, s *Store) stalled {
	t.Helper()
	inside := make(chan struct{})
	stalled := stalled{make(chan struct{}), make(chan error, 1)}
	go func() {
		_, err := write(context.Background(), s, func(*tx) (struct{}, error) {
			close(inside)
			<-stalled.free
			return struct{}{}, nil
		})
		stalled.over <- err
	}()
	<-inside
	return stalled
}

func (s stalled) release(t *testing.T) {
	t.Helper()
	close(s.free)
	if err := <-s.over; err != nil {
		t.Error(err)
	}
}

func nothing(*tx) (struct{}, error) { return struct{}{}, nil }

func TestAFullQueueHoldsCallersUntilTheirContextEnds(t *testing.T) {
	s := openTest(t, newPath(t))
	writer := stall(t, s)
	answers := make(chan error, queueLength)
	for range queueLength {
		s.writer.queue <- request{
			run:    func(*tx) error { return nil },
			answer: func(err error) { answers <- err },
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := write(ctx, s, nothing)
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	writer.release(t)
	for range queueLength {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnceQueuedAWriteIsWaitedForWhateverTheContextDoes(t *testing.T) {
	s := openTest(t, newPath(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := write(ctx, s, func(t *tx) (struct{}, error) {
		cancel()
		err := t.exec(`INSERT INTO blocks (component, address) VALUES ('a', 'b')`)
		return struct{}{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if blocked, err := s.Blocks().Blocked(t.Context(), "a"); err != nil || len(blocked) != 1 {
		t.Errorf("%v, %v", blocked, err)
	}
}

func TestOneFailureInABatchLeavesTheOthers(t *testing.T) {
	s := openTest(t, newPath(t))
	writer := stall(t, s)
	type answer struct {
		name string
		err  error
	}
	answers := make(chan answer, 3)
	for name, text := range map[string]string{
		"first":  `INSERT INTO blocks (component, address) VALUES ('a', 'first')`,
		"broken": `INSERT INTO blocks (component, address) SELECT 'a', 'broken' UNION ALL SELECT 'a', NULL`,
		"last":   `INSERT INTO blocks (component, address) VALUES ('a', 'last')`,
	} {
		s.writer.queue <- request{
			run:    func(t *tx) error { return t.exec(text) },
			answer: func(err error) { answers <- answer{name, err} },
		}
	}
	writer.release(t)
	for range 3 {
		if a := <-answers; (a.err != nil) != (a.name == "broken") {
			t.Errorf("%s: %v", a.name, a.err)
		}
	}
	blocked, err := s.Blocks().Blocked(t.Context(), "a")
	if err != nil || strings.Join(blocked, " ") != "first last" {
		t.Errorf("%v, %v", blocked, err)
	}
}

// pragma sets something on the writer's connection, between two commits.
func pragma(t *testing.T, s *Store, text string) {
	t.Helper()
	if err := s.writer.tx.script("PRAGMA " + text); err != nil {
		t.Fatal(err)
	}
}

func TestTheWriterGoesOnAfterTheDiskWasFullOrReadOnly(t *testing.T) {
	for name, test := range map[string]struct{ breaks, mends, says string }{
		"full":      {"max_page_count = 1", "max_page_count = 1000000", "database or disk is full"},
		"read-only": {"query_only = 1", "query_only = 0", "readonly"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := openTest(t, path)
			put := func(n int) error {
				_, _, err := s.Inbox().Put(t.Context(), store.InboxItem{Component: "a", User: "b", Event: make([]byte, n)})
				return err
			}
			if err := put(10); err != nil {
				t.Fatal(err)
			}
			pragma(t, s, test.breaks)
			s.Inbox().Done(1)
			err := put(1 << 20)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error: %v", err)
			}
			if strings.Contains(err.Error(), "cannot rollback") {
				t.Errorf("error: %v", err)
			}
			pragma(t, s, test.mends)
			if err := put(1 << 20); err != nil {
				t.Fatal(err)
			}
			items, err := s.Inbox().Pending(t.Context(), "a", "b", 0, 10)
			if err != nil || len(items) != 1 || len(items[0].Event) != 1<<20 {
				t.Errorf("%d items, %v: the mark of the first is lost, or the failed one is there", len(items), err)
			}
		})
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	path := newPath(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := s.Inbox().Put(t.Context(), store.InboxItem{Component: "a", User: "b"})
	if err != nil {
		t.Fatal(err)
	}
	writer := stall(t, s)
	const queued = 700 // more than a batch
	answers := make(chan error, queued)
	for range queued {
		s.writer.queue <- request{
			run: func(t *tx) error {
				return t.exec(putInbox, "a", "c", "", []byte{})
			},
			answer: func(err error) { answers <- err },
		}
	}
	s.Inbox().Done(key)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.writer.stopping
	writer.release(t)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for range queued {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	again := openTest(t, path)
	for user, want := range map[string]int{"b": 0, "c": queued} {
		items, err := again.Inbox().Pending(t.Context(), "a", user, 0, 2*queued)
		if err != nil || len(items) != want {
			t.Errorf("%s has %d items, %v", user, len(items), err)
		}
	}
}

func TestMarksBeyondTheLimitAreDroppedAndCounted(t *testing.T) {
	var m marks
	if n := m.add(make([]int64, marksWaiting-1)); n != 0 {
		t.Fatalf("%d dropped", n)
	}
	taken := m.take()
	if n := m.add([]int64{1, 2, 3}); n != 2 {
		t.Errorf("%d dropped while a commit has the others", n)
	}
	m.written(taken, false)
	if n := m.count(); n != marksWaiting {
		t.Errorf("%d wait after the commit failed", n)
	}
	m.written(m.take(), true)
	if n := m.count(); n != 0 {
		t.Errorf("%d wait after the commit", n)
	}
}

func TestDoneItemsLeaveTheFileAfterTheirTime(t *testing.T) {
	s := openTest(t, newPath(t))
	_, err := write(t.Context(), s, func(x *tx) (struct{}, error) {
		err := x.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
			INSERT INTO inbox (component, user, dedupe, event, done_at) SELECT 'a', 'b', 'd' || i, x'', i FROM n`)
		x.tidyNow(s)
		return struct{}{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // a part after each commit
		if err := s.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	left, _, err := row(t.Context(), s, func(r scanner) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT count(*) FROM inbox`)
	if err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}

// tidyNow makes the next tidying due. It runs on the writer's goroutine.
func (*tx) tidyNow(s *Store) { s.writer.nextTidy = s.now() }
