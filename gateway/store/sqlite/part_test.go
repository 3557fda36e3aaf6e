package sqlite

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

// together runs requests in one commit, and gives the error of each.
func together(t *testing.T, s *Store, runs ...func(*tx) error) []error {
	t.Helper()
	answers := make([]chan error, len(runs))
	writer := stall(t, s)
	for i, run := range runs {
		answers[i] = make(chan error, 1)
		s.writer.queue <- request{run, func(err error) { answers[i] <- err }}
	}
	writer.release(t)
	errs := make([]error, len(runs))
	for i := range answers {
		errs[i] = <-answers[i]
	}
	return errs
}

// blocking is a request that counts how often it runs.
func blocking(address string, runs *int) func(*tx) error {
	return func(t *tx) error {
		*runs++
		return t.exec(`INSERT INTO blocks (component, address) VALUES ('a', ?)`, address)
	}
}

// puts is a request for a text with two records.
func puts(s *Store, most int, key string) func(*tx) error {
	return func(t *tx) error {
		_, err := outbox{s, "a"}.putAll(t, transport.OutboxBatch{
			Items:   []transport.OutboxItem{{User: "romeo", Chat: "juliet", Origin: key, Text: "hello"}},
			Most:    most,
			Records: []transport.RecordItem{{User: "romeo", Kind: "k", Key: "first"}, {User: "romeo", Kind: "k", Key: key}},
		})
		return err
	}
}

func blocked(t *testing.T, s *Store) string {
	t.Helper()
	all, err := s.Blocks().Blocked(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestAPartThatFailsLeavesNothingAndHarmsNobodyElse(t *testing.T) {
	for name, before := range map[string]func(*Store){
		"alone":         func(*Store) {},
		"behind pieces": func(s *Store) { addPiece(s, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, Options{}, func(t *testing.T, s *Store) {
				err := change(t.Context(), s, `CREATE TRIGGER refuse BEFORE INSERT ON records WHEN new.key = 'bad' BEGIN SELECT RAISE(FAIL, 'no'); END`)
				if err != nil {
					t.Fatal(err)
				}
				before(s)
				var runs int
				errs := together(t, s, blocking("1", &runs), puts(s, 0, "bad"), blocking("2", &runs), puts(s, 0, "good"), puts(s, 0, "bad"))
				for i, failed := range []bool{false, true, false, false, true} {
					if (errs[i] != nil) != failed {
						t.Errorf("request %d: %v", i, errs[i])
					}
				}
				is(t, "blocked", blocked(t, s), "1 2")
				if texts, records := count(t, s, "outbox"), count(t, s, "records"); texts != 1 || records != 2 {
					t.Errorf("%d texts, %d records", texts, records)
				}
				if n, err := s.Outbox("a").Waiting(t.Context(), "romeo"); n != 1 || err != nil {
					t.Errorf("%d wait, %v", n, err)
				}
				if _, found, err := s.Records("a").Get(t.Context(), "romeo", "k", "bad"); found || err != nil {
					t.Errorf("the record of the text that failed: %v, %v", found, err)
				}
				passes(s, archiveDelay)
				if name == "behind pieces" {
					sawOnce(t, s, "a")
				}
			})
		})
	}
}

// A user who sends too much costs the others nothing.
func TestWhatIsRefusedRunsNothingTwice(t *testing.T) {
	s := openTest(t, newPath(t))
	if err := together(t, s, puts(s, 0, "first"))[0]; err != nil {
		t.Fatal(err)
	}
	err := change(t.Context(), s, `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO records (component, kind, user, key, value) SELECT 'a', 'k', 'romeo', i, x'' FROM n`, transport.MaxRecords)
	if err != nil {
		t.Fatal(err)
	}
	var runs int
	errs := together(t, s, blocking("1", &runs), puts(s, 1, "a text too many"), puts(s, 0, "a record too many"), blocking("2", &runs))
	if !errors.Is(errs[1], transport.ErrOutboxFull) || !errors.Is(errs[2], transport.ErrTooManyRecords) {
		t.Errorf("%v", errs)
	}
	if is(t, "blocked", blocked(t, s), "1 2"); runs != 2 {
		t.Errorf("the two others ran %d times", runs)
	}
	if texts := count(t, s, "outbox"); texts != 1 {
		t.Errorf("%d texts", texts)
	}
}
