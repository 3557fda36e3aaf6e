package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

func saidTo(user, id string) store.Archived {
	return store.Archived{
		Component: "irc.example.org", User: user, Chat: "#garden", ID: id, StanzaID: id, Nick: "juliet",
		Text: "O Romeo, Romeo, wherefore art thou Romeo?", At: time.Now(),
	}
}

func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.readers.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// seen gives the ids that a user saw in the garden.
func seen(t testing.TB, s *Store, user string) string {
	t.Helper()
	page, err := s.Archive().Page(t.Context(), store.ArchiveQuery{Component: "irc.example.org", User: user, Chat: "#garden", Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Messages {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

func TestMessagesAreArchivedWithin100Milliseconds(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, path)
		s.Archive().Add(saidTo("romeo", "a"))
		synctest.Wait()
		if n := count(t, s, "archive"); n != 0 {
			t.Error("the message did not wait for company")
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if n := count(t, s, "archive"); n != 1 {
			t.Error("the message was not written in time")
		}
	})
}

func TestOneRowServesAllWhoSawTheSame(t *testing.T) {
	s := openTest(t, newPath(t))
	add := func(users int, id string) {
		for i := range users {
			s.Archive().Add(saidTo(fmt.Sprint("user", i), id))
		}
	}
	add(25, "a")
	seen(t, s, "user0") // a commit between them
	add(50, "a")
	add(50, "b")
	if got := seen(t, s, "user49"); got != "a b" {
		t.Errorf("the last user saw %q", got)
	}
	if rows, seen := count(t, s, "archive"), count(t, s, "archive_seen"); rows != 2 || seen != 100 {
		t.Errorf("%d rows, seen %d times", rows, seen)
	}
	var views int
	if err := s.readers.QueryRow("SELECT min(views) FROM archive").Scan(&views); err != nil || views != 50 {
		t.Errorf("a row counts %d views, %v", views, err)
	}
}

// Its author's clients call a message by another name than all others, whoever
// of them saw it first, and have done so since before the row could serve both.
func TestOneRowServesItsAuthorToo(t *testing.T) {
	path := newPath(t)
	s := openTest(t, path)
	add := func(users ...string) {
		for _, user := range users {
			m := saidTo(user, "a")
			if user == "juliet" {
				m.StanzaID, m.Origin = "client-1", "origin-1"
			}
			s.Archive().Add(m)
		}
	}
	add("juliet", "romeo")
	seen(t, s, "romeo") // a commit between them
	add("tybalt", "juliet")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	add("nurse", "juliet", "romeo")
	for _, user := range []string{"romeo", "juliet", "tybalt", "nurse"} {
		page, err := s.Archive().Page(t.Context(), store.ArchiveQuery{Component: "irc.example.org", User: user, Chat: "#garden", Max: 9})
		want := names{stanzaID: "a"}
		if user == "juliet" {
			want = names{"client-1", "origin-1"}
		}
		if err != nil || len(page.Messages) != 1 || namesOf(&page.Messages[0]) != want || page.Messages[0].ID != "a" {
			t.Errorf("%s sees %+v, %v", user, page.Messages, err)
		}
	}
	if rows, seen := count(t, s, "archive"), count(t, s, "archive_seen"); rows != 1 || seen != 4 {
		t.Errorf("%d rows, seen %d times", rows, seen)
	}
	if _, err := write(t.Context(), s, func(tx *tx) (struct{}, error) {
		err := tx.exec("UPDATE archive SET stanza_id = 'old', origin = 'older'")
		return struct{}{}, err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	add("mercutio")
	if got := seen(t, s, "mercutio"); got != "a" || count(t, s, "archive") != 2 {
		t.Errorf("mercutio saw %q in %d rows", got, count(t, s, "archive"))
	}
}

func TestAFullArchiveQueueDropsCountsAndSaysSo(t *testing.T) {
	s := openTest(t, newPath(t))
	writer := stall(t, s)
	for i := range archiveWaiting + 10 {
		s.Archive().Add(saidTo("romeo", fmt.Sprint(i)))
	}
	if n := s.Archive().Dropped(); n != 10 {
		t.Errorf("%d messages were dropped", n)
	}
	writer.release(t)
	page, err := s.Archive().Page(t.Context(), store.ArchiveQuery{Component: "irc.example.org", User: "romeo", Chat: "#garden", Max: 1, Last: true})
	if n := count(t, s, "archive"); err != nil || n != archiveWaiting || page.Messages[0].ID != fmt.Sprint(archiveWaiting-1) {
		t.Errorf("%d messages were kept, the last %v, %v", n, page.Messages, err)
	}
	s.Archive().Add(saidTo("romeo", "later"))
	if n := s.Archive().Dropped(); n != 10 {
		t.Errorf("a message was dropped although there is room")
	}
}

func TestWhoReadsWaitsForTheDiskNoLongerThanTheyWant(t *testing.T) {
	s := openTest(t, newPath(t))
	writer := stall(t, s)
	s.Archive().Add(saidTo("romeo", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	query := func(user string) store.ArchiveQuery {
		return store.ArchiveQuery{Component: "irc.example.org", User: user, Chat: "#garden", Max: 1}
	}
	go func() {
		_, err := s.Archive().Page(ctx, query("romeo"))
		failed <- err
	}()
	if _, err := s.Archive().Page(t.Context(), query("juliet")); err != nil { // of whom nothing waits
		t.Error(err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	writer.release(t)
	if got := seen(t, s, "romeo"); got != "a" {
		t.Errorf("romeo saw %q", got)
	}
}

func TestAnArchiveThatFailsHarmsNobodyElse(t *testing.T) {
	s := openTest(t, newPath(t))
	if _, err := write(t.Context(), s, func(tx *tx) (struct{}, error) {
		err := tx.exec("CREATE TRIGGER refuse BEFORE INSERT ON archive WHEN new.id = 'bad' BEGIN SELECT RAISE(FAIL, 'no'); END")
		return struct{}{}, err
	}); err != nil {
		t.Fatal(err)
	}
	s.Archive().Add(saidTo("romeo", "bad"))
	for i := range archiveTries {
		if err := s.Blocks().Block(t.Context(), "a", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Archive().Dropped(); n != 1 {
		t.Errorf("%d messages were given up", n)
	}
	s.Archive().Add(saidTo("romeo", "good"))
	if got := seen(t, s, "romeo"); got != "good" {
		t.Errorf("romeo saw %q", got)
	}
	if blocked, err := s.Blocks().Blocked(t.Context(), "a"); err != nil || len(blocked) != archiveTries {
		t.Errorf("%v, %v", blocked, err)
	}
}

func TestWhatIsTooOldLeavesTheArchiveInSteps(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path, Options{HistoryAge: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 3 * pruneAtOnce {
			s.Archive().Add(saidTo("romeo", fmt.Sprint("old", i)))
		}
		s.Archive().Add(saidTo("tybalt", "gone"))
		time.Sleep(23*time.Hour + 30*time.Minute)
		s.Archive().Add(saidTo("romeo", "new"))
		s.Archive().Add(saidTo("juliet", "new"))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := seen(t, s, "romeo") + "|" + seen(t, s, "juliet"); got != "new|new" {
			t.Errorf("they see %.200q", got)
		}
		if rows, seen, views := count(t, s, "archive"), count(t, s, "archive_seen"), count(t, s, "archive_views"); rows != 1 || seen != 2 || views != 2 {
			t.Errorf("%d rows, seen %d times, in %d views", rows, seen, views)
		}
		s.Archive().Add(saidTo("tybalt", "again")) // whose view was removed
		if got := seen(t, s, "tybalt"); got != "again" {
			t.Errorf("tybalt sees %q", got)
		}
	})
}

func TestOnlyTheNewestOfAConversationStay(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path, Options{HistoryLength: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, id := range []string{"a", "b", "c"} {
			s.Archive().Add(saidTo("romeo", id))
		}
		s.Archive().Add(saidTo("juliet", "a"))
		time.Sleep(2 * firstPrune)
		synctest.Wait()
		if got := seen(t, s, "romeo") + "|" + seen(t, s, "juliet"); got != "b c|a" {
			t.Errorf("they see %q", got)
		}
		if rows := count(t, s, "archive"); rows != 3 {
			t.Errorf("%d rows", rows)
		}
	})
}

// A row that has left the file is made anew for who sees the message later.
func TestWhatLeftTheArchiveMayBeSeenAgain(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path, Options{HistoryLength: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Archive().Add(saidTo("romeo", "a"))
		s.Archive().Add(saidTo("romeo", "b"))
		time.Sleep(2 * firstPrune)
		s.Archive().Add(saidTo("juliet", "a"))
		s.Archive().Add(saidTo("romeo", "b"))
		if got := seen(t, s, "romeo") + "|" + seen(t, s, "juliet"); got != "b|a" {
			t.Errorf("they see %q", got)
		}
	})
}

// BenchmarkArchiveApart measures what users of a room see one after the other,
// each in a commit of their own.
func BenchmarkArchiveApart(b *testing.B) {
	const users, messages = 10, 400
	s := openTest(b, newPath(b))
	n, before := 0, cpuTime()
	for b.Loop() {
		for u := range users {
			user := fmt.Sprint("user", u, "@example.org")
			for i := range messages {
				m := saidTo(user, fmt.Sprint(n, "-", i))
				if room := s.Archive().Add(m); room != nil {
					<-room
				}
			}
			if err := (archive{s}).flush(b.Context(), "irc.example.org", user); err != nil {
				b.Fatal(err)
			}
		}
		n++
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(n*users*messages), "CPU-ns/seen")
}

// BenchmarkArchive measures messages that so many users of a room see.
func BenchmarkArchive(b *testing.B) {
	growing := func(i int) string { return fmt.Sprintf("id%09d", i) }
	random := func(int) string { return rand.Text() }
	for _, tt := range []struct {
		name      string
		listeners int
		fresh     bool // each listener knows the message by another id
		id        func(int) string
	}{
		{"alone", 1, true, growing},
		{"alone, random ids", 1, true, random},
		{"shared by 50", 50, false, growing},
		{"50 times", 50, true, growing},
		{"50 times, random ids", 50, true, random},
	} {
		b.Run(tt.name, func(b *testing.B) {
			s := openTest(b, newPath(b))
			users := make([]string, tt.listeners)
			for i := range users {
				users[i] = fmt.Sprint("user", i, "@example.org")
			}
			b.ReportAllocs()
			n, before := 0, cpuTime()
			for i := 0; b.Loop(); i++ {
				m := saidTo("", tt.id(n))
				m.Fresh = tt.fresh
				for _, m.User = range users {
					if n++; tt.fresh {
						m.ID = tt.id(n)
					}
					if room := s.Archive().Add(m); room != nil {
						<-room
					}
				}
			}
			if err := (archive{s}).flush(b.Context(), "irc.example.org", users[0]); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cpuTime()-before)/float64(n), "CPU-ns/seen")
			if s.Archive().Dropped() > 0 {
				b.Error("messages were lost")
			}
		})
	}
}

// BenchmarkArchivePage measures the last page of a long archive.
func BenchmarkArchivePage(b *testing.B) {
	s := openTest(b, newPath(b))
	var past []store.Archived
	for i := range 50_000 {
		m := saidTo("romeo", fmt.Sprint("id", i))
		m.At = time.Unix(1_700_000_000+int64(i), 0)
		past = append(past, m)
	}
	if _, err := s.Archive().Import(b.Context(), past); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		page, err := s.Archive().Page(b.Context(), store.ArchiveQuery{
			Component: "irc.example.org", User: "romeo", Chat: transport.Address("#garden"), Max: 50, Last: true,
		})
		if err != nil || len(page.Messages) != 50 {
			b.Fatal(err)
		}
	}
}
