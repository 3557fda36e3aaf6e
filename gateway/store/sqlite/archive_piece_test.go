package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/store"
)

// inVirtualTime runs a test with a store that writes nothing unless
// time passes.
func inVirtualTime(t *testing.T, o Options, run func(t *testing.T, s *Store)) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path, o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		run(t, s)
	})
}

// fresh is a message to romeo that is written again if it comes again.
func fresh(id string) store.Archived {
	m := saidTo("romeo", id)
	m.Fresh = true
	return m
}

// addPiece adds messages and has the piece written.
func addPiece(s *Store, ids ...string) {
	for _, id := range ids {
		s.Archive().Add(fresh(id))
	}
	passes(s, pieceDelay)
}

// passes lets time go by. The test may look at what is the writer's before and
// after it.
func passes(s *Store, d time.Duration) {
	s.writer.archive.len() // the lock orders what the test did before what the writer will do
	time.Sleep(d)
	synctest.Wait()
}

// written says how many messages are in the open transaction, and how many are
// in the file.
func written(t *testing.T, s *Store) string {
	t.Helper()
	synctest.Wait()
	var inside int
	if _, err := s.writer.tx.row("SELECT count(*) FROM archive", nil, &inside); err != nil {
		t.Fatal(err)
	}
	inFile := count(t, s, "archive")
	if inside != inFile && !s.writer.tx.isOpen() {
		t.Error("the transaction is not open")
	}
	return fmt.Sprintf("%d+%d", inside-inFile, inFile)
}

func is(t *testing.T, when, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", when, got, want)
	}
}

// sawOnce fails unless romeo saw that, and the file has nothing else.
func sawOnce(t *testing.T, s *Store, ids string) {
	t.Helper()
	is(t, "romeo saw", seen(t, s, "romeo"), ids)
	n := len(strings.Fields(ids))
	if rows, seen := count(t, s, "archive"), count(t, s, "archive_seen"); rows != n || seen != n {
		t.Errorf("%d messages are in %d rows, seen %d times", n, rows, seen)
	}
	if n := s.writer.archive.len(); n > 0 {
		t.Errorf("%d messages wait", n)
	}
}

// refuse has the file take no message that is called bad.
func refuse(t *testing.T, s *Store) {
	t.Helper()
	if err := change(t.Context(), s, `CREATE TRIGGER refuse BEFORE INSERT ON archive WHEN new.id = 'bad' BEGIN SELECT RAISE(FAIL, 'no'); END`); err != nil {
		t.Fatal(err)
	}
}

func TestWhatComesIsWrittenInPiecesAndReadOnceItIsCommitted(t *testing.T) {
	inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
		s.Archive().Add(saidTo("romeo", "a"))
		s.Archive().Add(saidTo("romeo", "b"))
		passes(s, pieceDelay-time.Millisecond)
		is(t, "before the first piece", written(t, s), "0+0")
		passes(s, time.Millisecond)
		is(t, "after it", written(t, s), "2+0")
		s.Archive().Add(saidTo("juliet", "b"))
		s.Archive().Add(fresh("c"))
		is(t, "before the second", written(t, s), "2+0")
		passes(s, 3*pieceDelay)
		is(t, "after three more, two of them empty", written(t, s), "3+0")
		s.Archive().Add(saidTo("romeo", "d"))
		passes(s, archiveDelay-4*pieceDelay-time.Millisecond)
		is(t, "before the commit", written(t, s), "4+0")
		s.Archive().Add(saidTo("romeo", "e"))
		passes(s, time.Millisecond)
		is(t, "after it", written(t, s), "0+5")
		if n := s.writer.archive.len(); n != 0 {
			t.Errorf("%d messages wait", n)
		}
		is(t, "romeo saw", seen(t, s, "romeo"), "a b c d e")
		is(t, "juliet saw", seen(t, s, "juliet"), "b")
		var views int
		if err := s.readers.QueryRow("SELECT views FROM archive WHERE id = 'b'").Scan(&views); err != nil || views != 2 {
			t.Errorf("the row that both saw counts %d views, %v", views, err)
		}
	})
}

func TestWhatIsWrittenMeanwhileCommitsThePieces(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, s *Store) error{
		"a request": func(t *testing.T, s *Store) error { return s.Blocks().Block(t.Context(), "a", "b") },
		"a request that fails": func(t *testing.T, s *Store) error {
			if err := change(t.Context(), s, `INSERT INTO blocks (component, address) VALUES ('a', NULL)`); err == nil {
				t.Error("it did not fail")
			}
			return nil
		},
		"a mark": func(_ *testing.T, s *Store) error {
			s.Inbox().Done(1)
			passes(s, markDelay)
			return nil
		},
		"who reads": func(t *testing.T, s *Store) error {
			_, err := s.Archive().Chats(t.Context(), "irc.example.org", "romeo")
			return err
		},
		"an import of the same": func(t *testing.T, s *Store) error {
			added, err := s.Archive().Import(t.Context(), []store.Archived{saidTo("romeo", "a")})
			if added != 0 {
				t.Errorf("%d messages were added again", added)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
				addPiece(s, "a")
				s.Archive().Add(fresh("b"))
				if err := write(t, s); err != nil {
					t.Fatal(err)
				}
				sawOnce(t, s, "a b")
			})
		})
	}
}

func TestAPieceThatFailsIsTriedAndGivenUpAsACommitIs(t *testing.T) {
	inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
		refuse(t, s)
		addPiece(s, "a")
		is(t, "after the first piece", written(t, s), "1+0")
		addPiece(s, "bad")
		is(t, "after the one that fails", written(t, s), "0+0")
		passes(s, archiveDelay-3*pieceDelay)
		if s.writer.archiveFailed != 0 {
			t.Error("a piece counted as a try")
		}
		passes(s, pieceDelay)
		for try := 1; try < archiveTries; try++ {
			if n := s.writer.archiveFailed; n != try || s.Archive().Dropped() != 0 {
				t.Errorf("%d tries of %d, %d messages were given up", n, try, s.Archive().Dropped())
			}
			passes(s, retryDelay)
		}
		if n := s.Archive().Dropped(); n != 2 {
			t.Errorf("%d messages were given up", n)
		}
		addPiece(s, "c")
		sawOnce(t, s, "c")
	})
}

func TestMessagesThatFailAfterAPieceHarmNobodyElse(t *testing.T) {
	for requests := range archiveTries {
		for name, wait := range map[string]time.Duration{"in a piece": pieceDelay, "in the commit": 0} {
			t.Run(fmt.Sprint(name, ", ", requests, " requests"), func(t *testing.T) {
				inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
					refuse(t, s)
					addPiece(s, "a")
					s.Archive().Add(fresh("bad"))
					passes(s, wait)
					for i := range requests {
						if err := s.Blocks().Block(t.Context(), "a", fmt.Sprint(i)); err != nil {
							t.Fatal(err)
						}
						is(t, "after a request", written(t, s), "0+0")
					}
					if n := s.writer.archiveFailed; n != requests {
						t.Errorf("%d tries", n)
					}
					if err := change(t.Context(), s, "DROP TRIGGER refuse"); err != nil {
						t.Fatal(err)
					}
					sawOnce(t, s, "a bad")
					if blocked, err := s.Blocks().Blocked(t.Context(), "a"); err != nil || len(blocked) != requests {
						t.Errorf("%v, %v", blocked, err)
					}
				})
			})
		}
	}
}

func TestPiecesThatAreUndoneAreWrittenAgainOnce(t *testing.T) {
	for name, test := range map[string]struct{ breaks, mends, then string }{
		"the disk is full":      {"max_page_count = 1", "max_page_count = 1000000", "0+2"}, // for the request
		"the file is read-only": {"query_only = 1", "query_only = 0", "0+0"},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
				addPiece(s, "a")
				addPiece(s, "b")
				pragma(t, s, test.breaks)
				item := store.InboxItem{Component: "a", User: "b", Event: make([]byte, 1<<20)}
				if _, _, err := s.Inbox().Put(t.Context(), item); err == nil {
					t.Fatal("the disk did not refuse")
				}
				s.Archive().Add(fresh("c"))
				is(t, "after the request", written(t, s), test.then)
				pragma(t, s, test.mends)
				passes(s, retryDelay)
				sawOnce(t, s, "a b c")
			})
		})
	}
}

func TestPiecesOfACommitThatFailsAreWrittenAgainOnce(t *testing.T) {
	inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
		addPiece(s, "a")
		runs := 0
		_, err := write(t.Context(), s, func(tx *tx) (struct{}, error) {
			runs++
			tx.touch(cell{"kind", "a", "b", "c", "d"}, "value")
			return struct{}{}, tx.script(`PRAGMA defer_foreign_keys = 1;
				CREATE TABLE one (key INTEGER PRIMARY KEY);
				CREATE TABLE other (key REFERENCES one);
				INSERT INTO other VALUES (1)`)
		})
		if err == nil || runs != 2 {
			t.Errorf("it ran %d times, %v", runs, err)
		}
		if _, known, _ := s.writer.recent.get(cell{"kind", "a", "b", "c", "d"}); known {
			t.Error("a value is kept that is not in the file")
		}
		s.Archive().Add(fresh("b"))
		is(t, "after the commit", written(t, s), "0+0")
		passes(s, retryDelay)
		sawOnce(t, s, "a b")
	})
}

// What waits for the archive gives way to requests: they don't lack the room
// that pieces have taken.
func TestPiecesTakeNoRoomFromRequests(t *testing.T) {
	for name, text := range map[string]string{
		"a statement of one row":   `INSERT INTO inbox (component, user, dedupe, event) VALUES ('a', 'b', 'c', zeroblob(5 * ?))`,
		"a statement of many rows": `INSERT INTO inbox (component, user, dedupe, event) SELECT 'a', 'b', value, zeroblob(?) FROM json_each('[1,2,3,4,5]')`,
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
				var pages, size int
				for text, into := range map[string]*int{"PRAGMA page_count": &pages, "PRAGMA page_size": &size} {
					if _, err := s.writer.tx.row(text, nil, into); err != nil {
						t.Fatal(err)
					}
				}
				pragma(t, s, fmt.Sprint("max_page_count = ", pages+8))
				m := fresh("a")
				m.Text = strings.Repeat("x", 5*size)
				s.Archive().Add(m)
				passes(s, pieceDelay)
				is(t, "after the piece", written(t, s), "1+0")
				if err := change(t.Context(), s, text, size); err != nil {
					t.Error(err)
				}
				is(t, "after the request", written(t, s), "0+0")
				if n := s.writer.archiveFailed; n != 1 {
					t.Errorf("%d tries", n)
				}
				pragma(t, s, "max_page_count = 1000000")
				passes(s, retryDelay)
				sawOnce(t, s, "a")
			})
		})
	}
}

func TestCloseWritesPieces(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		addPiece(s, "a")
		s.Archive().Add(fresh("b"))
		is(t, "before", written(t, s), "1+0")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	sawOnce(t, openTest(t, path), "a b")
}

func TestPruningCommitsPiecesFirst(t *testing.T) {
	inVirtualTime(t, Options{HistoryLength: 2}, func(t *testing.T, s *Store) {
		addPiece(s, "a", "b")
		passes(s, firstPrune-3*pieceDelay)
		addPiece(s, "c")
		is(t, "before", written(t, s), "1+2")
		passes(s, pieceDelay)
		is(t, "after", written(t, s), "0+2")
		if s.writer.failing {
			t.Error("pruning failed")
		}
		sawOnce(t, s, "b c")
	})
}

func TestWhoIsForgottenLeavesNoPieces(t *testing.T) {
	inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
		addPiece(s, "a")
		s.Archive().Add(fresh("b"))
		if err := s.Forget(t.Context(), "irc.example.org", "romeo"); err != nil {
			t.Fatal(err)
		}
		is(t, "after it", written(t, s), "0+0")
		addPiece(s, "c")
		sawOnce(t, s, "c")
	})
}

func TestNothingIsLostOrDoubledWhateverFailsBetweenPieces(t *testing.T) {
	s := openTest(t, newPath(t))
	const users, messages = 4, 200
	failed := errors.New("it does not work")
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			for i := range messages {
				m := saidTo(fmt.Sprint("user", u), fmt.Sprint(i))
				m.Fresh = i%2 == 0
				s.Archive().Add(m)
				time.Sleep(rand.N(time.Millisecond))
			}
		})
	}
	all.Go(func() {
		for i := range messages / 10 {
			time.Sleep(rand.N(2 * pieceDelay))
			_, err := write(t.Context(), s, func(*tx) (bool, error) {
				if i%2 == 0 {
					return false, failed
				}
				return true, nil
			})
			if (err != nil) != (i%2 == 0) {
				t.Error(err)
			}
		}
	})
	all.Wait()
	for u := range users {
		ids := strings.Fields(seen(t, s, fmt.Sprint("user", u)))
		for i, id := range ids {
			if id != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, id)
			}
		}
		if len(ids) != messages {
			t.Errorf("%d messages are there", len(ids))
		}
	}
	if n := count(t, s, "archive_seen"); n != users*messages || s.Archive().Dropped() > 0 {
		t.Errorf("they were seen %d times, %d were dropped", n, s.Archive().Dropped())
	}
}
