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

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// outboxAt gives an outbox and a way to move its clock.
func outboxAt(now time.Time) (*Outbox, func(time.Duration)) {
	return &Outbox{Now: func() time.Time { return now }}, func(d time.Duration) { now = now.Add(d) }
}

func hello() transport.OutboxItem {
	return transport.OutboxItem{User: "romeo@example.org", Chat: "juliet", Origin: "1", Text: "hello"}
}

func put(t *testing.T, o *Outbox, item transport.OutboxItem) (int64, bool) {
	t.Helper()
	key, stored, err := o.Put(t.Context(), item)
	if err != nil {
		t.Fatal(err)
	}
	return key, stored
}

func TestOutboxKeepsWhatItIsGiven(t *testing.T) {
	o, _ := outboxAt(noon)
	item := hello()
	item.State, item.Request, item.From = transport.Done, "request", "+15551234567"
	key, stored := put(t, o, item)
	if !stored {
		t.Error("the first item was not stored")
	}
	item.Key, item.State, item.Put = key, transport.Queued, noon
	if diff := cmp.Diff([]transport.OutboxItem{item}, o.Items()); diff != "" {
		t.Error(diff)
	}
}

func TestOutboxKnowsWhatWasPutBefore(t *testing.T) {
	tests := []struct {
		name   string
		change func(*transport.OutboxItem)
		after  time.Duration
		stored bool
	}{
		{"the same at once", func(*transport.OutboxItem) {}, 0, false},
		{"the same with another request", func(i *transport.OutboxItem) { i.Request = "2" }, time.Minute, false},
		{"the same at the end of the window", func(*transport.OutboxItem) {}, transport.DuplicateWindow - 1, false},
		{"the same after the window", func(*transport.OutboxItem) {}, transport.DuplicateWindow, true},
		{"another user", func(i *transport.OutboxItem) { i.User = "tybalt@example.org" }, 0, true},
		{"another chat", func(i *transport.OutboxItem) { i.Chat = "nurse" }, 0, true},
		{"another origin", func(i *transport.OutboxItem) { i.Origin = "2" }, 0, true},
		{"another text", func(i *transport.OutboxItem) { i.Text = "hello!" }, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, pass := outboxAt(noon)
			first, _ := put(t, o, hello())
			pass(tt.after)
			item := hello()
			tt.change(&item)
			second, stored := put(t, o, item)
			if stored != tt.stored || (first == second) == stored {
				t.Errorf("Put = key %d, stored %t; want stored %t, the first had the key %d", second, stored, tt.stored, first)
			}
		})
	}
}

func TestRepeatDoesNotProlongTheWindow(t *testing.T) {
	o, pass := outboxAt(noon)
	put(t, o, hello())
	pass(transport.DuplicateWindow - time.Minute)
	put(t, o, hello())
	pass(time.Minute)
	if _, stored := put(t, o, hello()); !stored {
		t.Error("the window began anew with the repeat")
	}
}

func TestItemsWithoutOriginAreNeverDuplicates(t *testing.T) {
	o, _ := outboxAt(noon)
	item := hello()
	item.Origin = ""
	put(t, o, item)
	if _, stored := put(t, o, item); !stored {
		t.Error("the second was not stored")
	}
}

func TestOutboxUpdatesOnlyWhatChanges(t *testing.T) {
	o, _ := outboxAt(noon)
	want := hello()
	want.Key, _ = put(t, o, want)
	want.Put = noon
	want.State, want.From, want.ID, want.Attempts = transport.Sent, "+15551234567", "SM1", 2
	want.NotBefore, want.LastError, want.Status = noon.Add(time.Hour), "busy", transport.Delivered

	update := want
	update.User, update.Chat, update.Origin, update.Text, update.Put = "x", "x", "x", "x", time.Time{}
	if err := o.Update(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	got, found, err := o.Find(t.Context(), "SM1")
	if err != nil || !found {
		t.Fatalf("Find = %t, %v", found, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := o.Update(t.Context(), transport.OutboxItem{Key: 99}); err == nil {
		t.Error("the update of an item that does not exist gave no error")
	}
}

func TestOutboxFindsNothingByAnEmptyID(t *testing.T) {
	o, _ := outboxAt(noon)
	put(t, o, hello())
	if _, found, err := o.Find(t.Context(), ""); found || err != nil {
		t.Errorf("Find = %t, %v; want nothing", found, err)
	}
}

func TestOutboxGivesTheOldestThatAreDue(t *testing.T) {
	o, _ := outboxAt(noon)
	texts := func(now time.Time, max int) (texts []string) {
		due, err := o.In(t.Context(), transport.Queued, now, 0, max)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range due {
			texts = append(texts, item.Text)
		}
		return texts
	}
	for _, item := range []transport.OutboxItem{
		{Text: "second", Put: noon},
		{Text: "first", Put: noon.Add(-time.Minute)},
		{Text: "third", Put: noon},
		{Text: "later", Put: noon, NotBefore: noon.Add(time.Hour)},
		{Text: "sending", Put: noon},
	} {
		key, _ := put(t, o, item)
		if item.Text == "sending" {
			if err := o.Update(t.Context(), transport.OutboxItem{Key: key, State: transport.Sending}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		now  time.Time
		max  int
		want []string
	}{
		{"those that are due", noon, 10, []string{"first", "second", "third"}},
		{"no more than asked for", noon, 2, []string{"first", "second"}},
		{"the last when its time has come", noon.Add(time.Hour), 10, []string{"first", "second", "third", "later"}},
	} {
		if diff := cmp.Diff(tt.want, texts(tt.now, tt.max)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestOutboxForgetsOnlyWhatIsDoneAndOld(t *testing.T) {
	o, pass := outboxAt(noon)
	for text, state := range map[string]transport.OutboxState{"done": transport.Done, "sent": transport.Sent} {
		key, _ := put(t, o, transport.OutboxItem{Text: text, Origin: "1"})
		if err := o.Update(t.Context(), transport.OutboxItem{Key: key, State: state}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		before time.Time
		left   int
	}{{noon, 2}, {noon.Add(1), 1}} {
		if err := o.Forget(t.Context(), tt.before); err != nil {
			t.Fatal(err)
		}
		if n := len(o.Items()); n != tt.left {
			t.Errorf("before %v: %d items are left, want %d", tt.before, n, tt.left)
		}
	}
	pass(time.Minute)
	if _, stored := put(t, o, transport.OutboxItem{Text: "done", Origin: "1"}); stored {
		t.Error("what was forgotten within the window was stored again")
	}
}

func TestFailingOutboxWorksAgain(t *testing.T) {
	o, _ := outboxAt(noon)
	full := errors.New("disk is full")
	o.Fail(full)
	_, _, putErr := o.Put(t.Context(), hello())
	_, inErr := o.In(t.Context(), transport.Queued, noon, 0, 1)
	_, _, findErr := o.Find(t.Context(), "SM1")
	for _, err := range []error{putErr, inErr, findErr, o.Update(t.Context(), hello()), o.Forget(t.Context(), noon)} {
		if err != full {
			t.Errorf("got the error %v, want %v", err, full)
		}
	}
	o.Fail(nil)
	if _, stored := put(t, o, hello()); !stored {
		t.Error("the item was not stored")
	}
}

func TestBlockedOutboxHoldsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &Outbox{}
		o.Block()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := o.Put(ctx, hello()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put = %v, want its deadline", err)
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := o.Put(t.Context(), hello())
			done <- err
		}()
		if err := o.WaitBlocked(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.Unblock()
		if err := <-done; err != nil || len(o.Items()) != 1 {
			t.Errorf("Put = %v, the outbox holds %d; want 1", err, len(o.Items()))
		}
	})
}
