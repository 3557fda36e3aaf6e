package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/gateway/transport"
)

func (w *world) outbox() transport.Outbox { return w.store.Outbox(component) }

func (w *world) put(item transport.OutboxItem) (key int64, stored bool) {
	w.Helper()
	if item.Put.IsZero() {
		item.Put = w.clock.Now()
	}
	key, stored, err := w.outbox().Put(w.Context(), item)
	w.must(err)
	return key, stored
}

// in gives the texts of the items in a state.
func (w *world) in(state transport.OutboxState) []string {
	w.Helper()
	items, err := w.outbox().In(w.Context(), state, w.clock.Now(), 0, 100)
	w.must(err)
	var texts []string
	for _, item := range items {
		texts = append(texts, item.Text)
	}
	return texts
}

// set writes a new state of an item.
func (w *world) set(key int64, state transport.OutboxState, id transport.MessageID) {
	w.Helper()
	w.must(w.outbox().Update(w.Context(), transport.OutboxItem{Key: key, State: state, ID: id}))
}

func outboxKeepsStates(w *world) {
	var keys []int64
	for _, text := range []string{"one", "two", "three"} {
		// The state is the outbox's own affair at first.
		key, stored := w.put(transport.OutboxItem{User: romeo, Chat: "juliet", Text: text, State: transport.Sent})
		w.same("stored", stored, true)
		keys = append(keys, key)
	}
	w.same("queued", w.in(transport.Queued), []string{"one", "two", "three"})
	w.set(keys[1], transport.Sending, "")
	w.set(keys[0], transport.Sent, "id")
	w.same("queued", w.in(transport.Queued), []string{"three"})
	w.same("sending", w.in(transport.Sending), []string{"two"})
	w.same("sent", w.in(transport.Sent), []string{"one"})
	w.set(keys[0], transport.Queued, "")
	w.same("queued again, in its old place", w.in(transport.Queued), []string{"one", "three"})

	items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 1)
	w.must(err)
	if len(items) != 1 || items[0].Text != "one" {
		w.Fatalf("the oldest alone: %v", items)
	}
	items, err = w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), items[0].Key, 10)
	w.must(err)
	if len(items) != 1 || items[0].Text != "three" {
		w.Fatalf("those behind it: %v", items)
	}
	other, err := w.store.Outbox("other.example.org").In(w.Context(), transport.Queued, w.clock.Now(), 0, 10)
	w.must(err)
	if len(other) != 0 {
		w.Fatalf("another component has %v", other)
	}
	if err := w.outbox().Update(w.Context(), transport.OutboxItem{Key: 4711}); err == nil {
		w.Fatal("an item that is not there was updated")
	}
	if err := w.store.Outbox("other.example.org").Update(w.Context(), transport.OutboxItem{Key: keys[0]}); err == nil {
		w.Fatal("another component's item was updated")
	}
}

func outboxKeepsFields(w *world) {
	item := transport.OutboxItem{
		User: romeo, Chat: "+15551234567", Room: "+15551234567,+15550001111", From: "+15557654321", Origin: "origin",
		Text: "two\nlines, a \x00, and 😀", Request: "request", Put: w.clock.Now(),
	}
	item.Key, _ = w.put(item)
	items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 10)
	w.must(err)
	w.same("as put", items, []transport.OutboxItem{item})

	changed := item
	changed.State, changed.From, changed.ID, changed.Attempts = transport.Sent, "32665", "SM1", 3
	changed.NotBefore, changed.LastError, changed.Status = w.clock.Now().Add(-time.Hour), "timed out", transport.Delivered
	update := changed
	update.User, update.Chat, update.Text, update.Origin, update.Put = "x", "x", "x", "x", time.Time{}
	w.must(w.outbox().Update(w.Context(), update))
	items, err = w.outbox().In(w.Context(), transport.Sent, w.clock.Now(), 0, 10)
	w.must(err)
	w.same("as updated", items, []transport.OutboxItem{changed})
}

func outboxKnowsDuplicates(w *world) {
	item := transport.OutboxItem{User: romeo, Chat: "juliet", Origin: "1", Text: "hello"}
	first, _ := w.put(item)
	for what, change := range map[string]func(*transport.OutboxItem){
		"another user":   func(i *transport.OutboxItem) { i.User = "juliet@example.org" },
		"another chat":   func(i *transport.OutboxItem) { i.Chat = "nurse" },
		"another origin": func(i *transport.OutboxItem) { i.Origin = "2" },
		"another text":   func(i *transport.OutboxItem) { i.Text = "hello!" },
		"no origin":      func(i *transport.OutboxItem) { i.Origin = "" },
		"a border moved": func(i *transport.OutboxItem) { i.Origin, i.Text = "1h", "ello" },
	} {
		other := item
		change(&other)
		if _, stored := w.put(other); !stored {
			w.Errorf("%s: not stored", what)
		}
	}
	if _, stored := w.put(transport.OutboxItem{User: romeo, Chat: "juliet", Text: "hello"}); !stored {
		w.Error("no origin twice: not stored")
	}
	_, stored, err := w.store.Outbox("other.example.org").Put(w.Context(), item)
	w.must(err)
	w.same("stored for another component", stored, true)

	w.clock.Advance(transport.DuplicateWindow - time.Nanosecond)
	w.set(first, transport.Done, "")
	key, stored := w.put(item)
	w.same("stored again within the window", stored, false)
	w.same("key of the duplicate", key, first)
	w.clock.Advance(time.Nanosecond)
	_, stored = w.put(item)
	w.same("stored again after the window", stored, true)
}

func outboxTakesCopies(w *world) {
	copies := []transport.OutboxItem{
		{User: romeo, Chat: "juliet", Room: "juliet,nurse", Origin: "1", Text: "hello", Put: w.clock.Now()},
		{User: romeo, Chat: "nurse", Room: "juliet,nurse", Origin: "1", Text: "hello", Put: w.clock.Now()},
	}
	w.put(copies[1])
	stored, err := w.outbox().PutAll(w.Context(), transport.OutboxBatch{Items: append(copies, copies...), Most: 2})
	w.must(err)
	w.same("stored", stored, 1)
	stored, err = w.outbox().PutAll(w.Context(), transport.OutboxBatch{Items: copies})
	w.must(err)
	w.same("stored again", stored, 0)
	items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 10)
	w.must(err)
	if len(items) != 2 || items[0].Chat != "nurse" || items[1].Chat != "juliet" || items[1].Room != "juliet,nurse" {
		w.Errorf("the copies are %+v", items)
	}
}

// waits checks how many of a user's items wait.
func (w *world) waits(user string, want int) {
	w.Helper()
	n, err := w.outbox().Waiting(w.Context(), user)
	w.must(err)
	w.same("waiting", n, want)
}

// batch is a message of so many items.
func batch(user, origin string, items, most int) transport.OutboxBatch {
	b := transport.OutboxBatch{Most: most}
	for i := range items {
		b.Items = append(b.Items, transport.OutboxItem{User: user, Chat: transport.Address(fmt.Sprint(i)), Origin: origin, Text: "hello"})
	}
	return b
}

func outboxIsBounded(w *world) {
	w.waits(romeo, 0)
	putAll := func(b transport.OutboxBatch, want int, full bool) {
		w.Helper()
		stored, err := w.outbox().PutAll(w.Context(), b)
		w.same("full", errors.Is(err, transport.ErrOutboxFull), full)
		if !full {
			w.must(err)
		}
		w.same("stored", stored, want)
	}
	putAll(batch(romeo, "1", 2, 3), 2, false)
	putAll(batch(romeo, "2", 2, 3), 0, true)
	w.waits(romeo, 2)
	putAll(batch(romeo, "1", 2, 1), 0, false) // duplicates are no more
	putAll(batch("other@example.org", "1", 3, 3), 3, false)
	other, err := w.store.Outbox("other.example.org").PutAll(w.Context(), batch(romeo, "1", 3, 3))
	w.must(err)
	w.same("stored for another component", other, 3)
	putAll(batch(romeo, "3", 1, 3), 1, false)
	putAll(batch(romeo, "4", 1, 3), 0, true)

	items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 100)
	w.must(err)
	key := items[0].Key
	for _, step := range []struct {
		state transport.OutboxState
		waits int
	}{
		{transport.Sending, 3}, {transport.Queued, 3}, {transport.Sending, 3}, {transport.Sent, 2}, {transport.Queued, 3},
		{transport.Done, 2}, {transport.Done, 2}, {transport.Sent, 2}, {transport.Done, 2},
	} {
		w.set(key, step.state, "")
		w.waits(romeo, step.waits)
	}
	putAll(batch(romeo, "5", 1, 3), 1, false)
	w.reopen()
	w.waits(romeo, 3)
	w.must(w.store.Forget(w.Context(), component, romeo))
	w.waits(romeo, 3) // what is on its way goes on
	w.clock.Advance(time.Hour)
	w.must(w.outbox().Forget(w.Context(), w.clock.Now()))
	w.waits(romeo, 3)
	putAll(batch(romeo, "6", 5, 0), 5, false)
	w.waits(romeo, 8)
}

func outboxWritesRecords(w *world) {
	with := func(origin, value string, most int) (int, error) {
		b := batch(romeo, origin, 2, most)
		b.Records = []transport.RecordItem{{User: romeo, Kind: "sent", Key: "all", Value: []byte(value)}}
		return w.outbox().PutAll(w.Context(), b)
	}
	has := func(want string) {
		w.Helper()
		value, _, err := w.store.Records(component).Get(w.Context(), romeo, "sent", "all")
		w.must(err)
		w.same("the record", string(value), want)
	}
	_, err := with("1", "first", 0)
	w.must(err)
	has("first")
	_, err = with("1", "of a duplicate", 0)
	w.must(err)
	has("first")
	if _, err := with("2", "of too many", 3); !errors.Is(err, transport.ErrOutboxFull) {
		w.Errorf("more than may wait: %v", err)
	}
	has("first")
	if _, err := with("3", strings.Repeat("x", transport.MaxRecordBytes+1), 0); !errors.Is(err, transport.ErrRecordTooLong) {
		w.Errorf("a record that is too long: %v", err)
	}
	has("first")
	w.waits(romeo, 2)
}

// Many put, and send what was put, at once: never more than may wait.
func outboxCountRace(w *world) {
	const most, writers = 10, 16
	goroutines(writers, func(i int) {
		for n := range 6 {
			_, err := w.outbox().PutAll(w.Context(), batch(romeo, fmt.Sprint(i, n), 1+n%3, most))
			if err != nil && !errors.Is(err, transport.ErrOutboxFull) {
				w.Error(err)
			}
			waiting, err := w.outbox().Waiting(w.Context(), romeo)
			if err != nil || waiting > most {
				w.Errorf("%d wait, %v", waiting, err)
			}
			items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 100)
			if err != nil {
				w.Error(err)
			}
			for _, item := range items {
				if item.Key%writers != int64(i) {
					continue // another's, who may have sent it since: that would have it wait again
				}
				item.State = transport.OutboxState(n % 4)
				if err := w.outbox().Update(w.Context(), item); err != nil {
					w.Error(err)
				}
			}
		}
	})
	queued, sending := w.in(transport.Queued), w.in(transport.Sending)
	w.waits(romeo, len(queued)+len(sending))
}

func outboxHoldsBack(w *world) {
	w.put(transport.OutboxItem{User: romeo, Text: "later", NotBefore: w.clock.Now().Add(time.Minute)})
	w.put(transport.OutboxItem{User: romeo, Text: "now"})
	w.same("at once", w.in(transport.Queued), []string{"now"})
	w.clock.Advance(time.Minute)
	w.same("a minute later", w.in(transport.Queued), []string{"later", "now"})
}

func outboxFinds(w *world) {
	key, _ := w.put(transport.OutboxItem{User: romeo, Text: "hello"})
	for _, state := range []transport.OutboxState{transport.Queued, transport.Sending, transport.Sent, transport.Done} {
		w.set(key, state, "SM1")
		item, found, err := w.outbox().Find(w.Context(), "SM1")
		w.must(err)
		if !found || item.Key != key || item.State != state || item.Text != "hello" {
			w.Errorf("state %d: %v, %v", state, found, item)
		}
	}
	w.set(key, transport.Done, "SM3")
	if item, found, err := w.outbox().Find(w.Context(), "SM3"); !found || item.Key != key || err != nil {
		w.Errorf("by another id: %v, %v, %v", found, item, err)
	}
	w.put(transport.OutboxItem{User: romeo, Text: "without an id"})
	for _, id := range []transport.MessageID{"SM1", "SM2", "sm3", ""} {
		if _, found, err := w.outbox().Find(w.Context(), id); found || err != nil {
			w.Errorf("id %q: found %v, %v", id, found, err)
		}
	}
	if _, found, err := w.store.Outbox("other.example.org").Find(w.Context(), "SM3"); found || err != nil {
		w.Errorf("another component: found %v, %v", found, err)
	}
}

func outboxForgets(w *world) {
	old, _ := w.put(transport.OutboxItem{User: romeo, Text: "old and done"})
	w.put(transport.OutboxItem{User: romeo, Text: "old and queued"})
	w.clock.Advance(time.Hour)
	border := w.clock.Now()
	young, _ := w.put(transport.OutboxItem{User: romeo, Text: "young and done"})
	w.set(old, transport.Done, "")
	w.set(young, transport.Done, "")
	w.must(w.store.Outbox("other.example.org").Forget(w.Context(), border))
	w.same("done", w.in(transport.Done), []string{"old and done", "young and done"})
	w.must(w.outbox().Forget(w.Context(), border))
	w.same("done", w.in(transport.Done), []string{"young and done"})
	w.same("queued", w.in(transport.Queued), []string{"old and queued"})
}

func outboxRace(w *world) {
	var stored atomic.Int32
	goroutines(32, func(i int) {
		for n := range 4 {
			_, ok, err := w.outbox().Put(w.Context(), transport.OutboxItem{
				User: romeo, Chat: "juliet", Origin: fmt.Sprint(n), Text: "hello", Put: w.clock.Now(),
			})
			if err != nil {
				w.Error(err)
			}
			if ok {
				stored.Add(1)
			}
		}
	})
	w.same("stored", stored.Load(), int32(4))
}
