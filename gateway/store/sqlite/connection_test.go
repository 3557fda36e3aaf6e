package sqlite

import (
	"reflect"
	"testing"
)

// connectTest connects to a store that nobody else uses.
func connectTest(t *testing.T) *connection {
	t.Helper()
	path := newPath(t)
	openTest(t, path)
	c, err := connect(dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestWhatRunsOftenIsPlannedOnce(t *testing.T) {
	c := connectTest(t)
	for _, text := range []string{
		findDuplicate, putOutbox, updateOutbox, updateSameID, sentOutbox, outboxIn, findOutbox, waitingOf,
		findInbox, putInbox, markDone, pendingInbox,
		admitRecord, putRecord, oneRecord, recordsOfUser,
		findChat, findView, findArchived, putArchived, findSeen, putSeen, putSeenAs, putSeenMany, moreViews,
		archiveView, archiveCount, archiveForwards, archiveBackwards, archiveRetractions, archiveFirst, archiveLast,
	} {
		s, err := c.prepared(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			args := make([]any, s.NumInput())
			for j := range args {
				args[j] = 10*i + j
			}
			if rows, err := c.query(text, args); err == nil { // what is refused was planned, too
				_ = rows.Close()
			}
		}
		if n := reflect.ValueOf(s).Elem().FieldByName("repreps").Int(); n > 0 {
			t.Errorf("%s\nwas prepared %d times more", text, n)
		}
	}
}

func TestAStatementWithTooFewOrForeignValuesIsRefused(t *testing.T) {
	c := connectTest(t)
	if err := c.exec(markDone, 1); err == nil {
		t.Error("one of two values was taken")
	}
	if err := c.exec(markDone, 1, struct{}{}); err == nil {
		t.Error("a struct was taken")
	}
	var text string
	if _, err := c.row(`SELECT 1`, nil, &text); err == nil {
		t.Error("a number was read as a text")
	}
	if n, err := c.change(markDone, 1, 2); n != 0 || err != nil {
		t.Errorf("after these: %d rows, %v", n, err)
	}
}
