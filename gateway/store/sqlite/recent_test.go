package sqlite

import (
	"fmt"
	"sync"
	"testing"

	"gatehouse/gateway/transport"
)

func TestWhatWasReadOfLateIsNeverOlderThanTheFile(t *testing.T) {
	s := openTest(t, newPath(t))
	records, settings := s.Records("a"), s.Settings()
	item := func(v string) transport.RecordItem {
		return transport.RecordItem{User: "romeo@a", Kind: "k", Key: "1", Value: []byte(v)}
	}
	var reading sync.WaitGroup
	stop := make(chan struct{})
	for range 4 { // they fill it with what they read, all the time
		reading.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					records.Get(t.Context(), "romeo@a", "k", "1")
					records.OfUser(t.Context(), "romeo@a", "k")
					settings.Get(t.Context(), "a", "romeo@a", "")
				}
			}
		})
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
	}
	see := func(want string) {
		t.Helper()
		value, found, err := records.Get(t.Context(), "romeo@a", "k", "1")
		if err != nil || found != (want != "") {
			t.Fatalf("got %q, %v, %v; want %q", value, found, err, want)
		}
		same("one record", string(value), want)
		all, err := records.OfUser(t.Context(), "romeo@a", "k")
		if err != nil || len(all) != min(1, len(want)) {
			t.Fatalf("got %v, %v", all, err)
		}
		values, err := settings.Get(t.Context(), "a", "romeo@a", "")
		if err != nil {
			t.Fatal(err)
		}
		same("a setting", values.Get("v"), want)
	}
	for i := range 100 {
		now := fmt.Sprint(i)
		if err := records.Put(t.Context(), item(now)); err != nil {
			t.Fatal(err)
		}
		if err := settings.Set(t.Context(), "a", "romeo@a", "", transport.Values{"v": {now}}); err != nil {
			t.Fatal(err)
		}
		see(now)
		switch i % 4 {
		case 1:
			if err := records.Delete(t.Context(), "romeo@a", "k", "1"); err != nil {
				t.Fatal(err)
			}
			if err := settings.Delete(t.Context(), "a", "romeo@a", ""); err != nil {
				t.Fatal(err)
			}
			see("")
		case 3:
			if err := s.Forget(t.Context(), "a", "romeo@a"); err != nil {
				t.Fatal(err)
			}
			see("")
		}
	}
	close(stop)
	reading.Wait()
}

func TestRecordsOfABatchThatIsRefusedAreNotRead(t *testing.T) {
	s := openTest(t, newPath(t))
	record := transport.RecordItem{User: "romeo@a", Kind: "k", Key: "1", Value: []byte("old")}
	if err := s.Records("a").Put(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	long := record
	record.Value, long.Key = []byte("new"), "2"
	full := transport.OutboxBatch{Items: []transport.OutboxItem{{User: "romeo@a", Chat: "+1", Text: "x"}}, Records: []transport.RecordItem{record}}
	err := change(t.Context(), s, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO records (component, kind, user, key, value) SELECT 'a', 'full', 'romeo@a', i, x'' FROM n`, transport.MaxRecords)
	if err != nil {
		t.Fatal(err)
	}
	long.Kind, long.Key = "full", "one more"
	full.Records = append(full.Records, long)
	if _, err := s.Outbox("a").PutAll(t.Context(), full); err == nil {
		t.Fatal("too many records were taken")
	}
	if value, _, err := s.Records("a").Get(t.Context(), "romeo@a", "k", "1"); err != nil || string(value) != "old" {
		t.Errorf("got %q, %v", value, err)
	}
}

func TestWhatIsKeptOfReadsIsBounded(t *testing.T) {
	s := openTest(t, newPath(t))
	for i := range mostRecent + 100 {
		if _, err := s.Settings().Get(t.Context(), "a", fmt.Sprint(i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.writer.recent.values); n != mostRecent {
		t.Errorf("%d values are kept", n)
	}
}

func TestWhatWasJustSentIsFoundAsTheFileHasIt(t *testing.T) {
	s := openTest(t, newPath(t))
	out := s.Outbox("a")
	find := func(id transport.MessageID, want bool, state transport.OutboxState) {
		t.Helper()
		item, found, err := out.Find(t.Context(), id)
		if err != nil || found != want || found && (item.State != state || item.User != "romeo@a" || item.Text != "x") {
			t.Errorf("%s: got %+v, %v, %v", id, item, found, err)
		}
		_, kept := out.(outbox).justSent(id)
		if kept != (want && state == transport.Sent) {
			t.Errorf("%s: in memory: %v", id, kept)
		}
	}
	update := func(key int64, state transport.OutboxState, id transport.MessageID) {
		t.Helper()
		// What an update does not write is the file's, whatever it is given.
		if err := out.Update(t.Context(), transport.OutboxItem{Key: key, State: state, ID: id, User: "juliet@a", Text: "y"}); err != nil {
			t.Fatal(err)
		}
	}
	key, _, err := out.Put(t.Context(), transport.OutboxItem{User: "romeo@a", Chat: "+1", Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	update(key, transport.Sent, "SM1")
	find("SM1", true, transport.Sent)
	update(key, transport.Queued, "") // sent anew
	find("SM1", false, 0)
	update(key, transport.Sent, "SM2")
	find("SM1", false, 0)
	find("SM2", true, transport.Sent)
	update(key, transport.Done, "SM2")
	find("SM2", true, transport.Done)
	update(key, transport.Sent, "SM2")
	if err := s.Forget(t.Context(), "a", "romeo@a"); err != nil {
		t.Fatal(err)
	}
	find("SM2", false, 0)
	if err := out.Update(t.Context(), transport.OutboxItem{Key: key, State: transport.Sent, ID: "SM2"}); err == nil {
		t.Error("an item that is gone was updated")
	}
	find("SM2", false, 0)
}

func TestOfTwoItemsOfOneIDTheNewestIsFound(t *testing.T) {
	out := openTest(t, newPath(t)).Outbox("a")
	var keys []int64
	for _, text := range []string{"older", "newer"} {
		key, _, err := out.Put(t.Context(), transport.OutboxItem{User: "romeo@a", Chat: "+1", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	for _, key := range append(keys, keys...) {
		if err := out.Update(t.Context(), transport.OutboxItem{Key: key, State: transport.Sent, ID: "1"}); err != nil {
			t.Fatal(err)
		}
		item, found, err := out.Find(t.Context(), "1")
		if want := max(key, item.Key); err != nil || !found || item.Key != want {
			t.Errorf("got %d, %v, %v", item.Key, found, err)
		}
	}
	if item, _, err := out.Find(t.Context(), "1"); err != nil || item.Key != keys[1] {
		t.Errorf("got %d, %v", item.Key, err)
	}
}
