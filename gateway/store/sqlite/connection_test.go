package sqlite

import (
	"reflect"
	"testing"
)

func TestWhatRunsOftenIsPlannedOnce(t *testing.T) {
	path := newPath(t)
	openTest(t, path)
	c, err := connect(dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, text := range []string{
		findDuplicate, putOutbox, updateOutbox, outboxIn, findOutbox, waitingOf,
		findInbox, putInbox, markDone, pendingInbox,
		replaceRecord, putRecord, oneRecord, recordsOfUser,
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
