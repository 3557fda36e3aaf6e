package storetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

func (w *world) receives(dedupe, event string) (key int64, fresh bool) {
	w.Helper()
	key, fresh, err := w.store.Inbox().Put(w.Context(), store.InboxItem{
		Component: component, User: romeo, Dedupe: dedupe, Event: []byte(event),
	})
	w.must(err)
	return key, fresh
}

// pending gives the events that romeo has still to get.
func (w *world) pending(after int64, max int) []string {
	w.Helper()
	items, err := w.store.Inbox().Pending(w.Context(), component, romeo, after, max)
	w.must(err)
	var events []string
	for _, item := range items {
		events = append(events, string(item.Event))
	}
	return events
}

func (w *world) same(what string, got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func inboxKeepsOrder(w *world) {
	first, _ := w.receives("a", "one")
	second, _ := w.receives("b", "two")
	third, _ := w.receives("", "three")
	w.same("pending", w.pending(0, 10), []string{"one", "two", "three"})
	if !(0 < first && first < second && second < third) {
		w.Fatalf("keys %d, %d, %d do not rise from above 0", first, second, third)
	}
	w.store.Inbox().Done(second)
	w.same("pending right after Done", w.pending(0, 10), []string{"one", "three"})
	w.store.Inbox().Done(first, third, 4711)
	w.same("pending when all is done", w.pending(0, 10), []string(nil))
	fourth, _ := w.receives("", "four")
	if fourth <= third {
		w.Fatalf("key %d comes after %d", fourth, third)
	}
}

func inboxKnowsDuplicates(w *world) {
	first, fresh := w.receives("MessageReceived:1", "hello")
	w.same("fresh at first", fresh, true)
	again, fresh := w.receives("MessageReceived:1", "hello again")
	w.same("fresh while pending", fresh, false)
	w.same("key of the duplicate", again, first)
	w.same("pending", w.pending(0, 10), []string{"hello"})

	w.clock.Advance(30 * 24 * time.Hour)
	_, fresh = w.receives("MessageReceived:1", "hello")
	w.same("fresh after a month undone", fresh, false)

	w.store.Inbox().Done(first)
	w.same("pending once done", w.pending(0, 10), []string(nil))
	_, err := w.store.Inbox().Users(w.Context(), component) // by which the store has it
	w.must(err)
	w.clock.Advance(store.DedupeTime - time.Second)
	_, fresh = w.receives("MessageReceived:1", "hello")
	w.same("fresh just before it is forgotten", fresh, false)
	w.clock.Advance(2 * time.Second)
	later, fresh := w.receives("MessageReceived:1", "hello")
	w.same("fresh after it is forgotten", fresh, true)
	if later <= first {
		w.Fatalf("the new item has the old key %d", later)
	}

	_, fresh = w.receives("", "nameless")
	w.same("fresh without a name", fresh, true)
	_, fresh = w.receives("", "nameless")
	w.same("fresh without a name again", fresh, true)
}

func inboxKeepsApart(w *world) {
	inbox := w.store.Inbox()
	owners := []store.InboxItem{
		{Component: component, User: romeo},
		{Component: component, User: "juliet@example.org"},
		{Component: "other.example.org", User: romeo},
	}
	for i, item := range owners {
		item.Dedupe, item.Event = "the same", fmt.Appendf(nil, "event %d", i)
		_, fresh, err := inbox.Put(w.Context(), item)
		w.must(err)
		w.same("fresh", fresh, true)
	}
	for i, owner := range owners {
		items, err := inbox.Pending(w.Context(), owner.Component, owner.User, 0, 10)
		w.must(err)
		want := owner
		want.Key, want.Dedupe, want.Event = int64(i+1), "the same", fmt.Appendf(nil, "event %d", i)
		if len(items) == 1 {
			want.Key = items[0].Key
		}
		w.same("pending", items, []store.InboxItem{want})
	}
	users, err := inbox.Users(w.Context(), component)
	w.must(err)
	w.same("users", users, []string{"juliet@example.org", romeo})
	items, err := inbox.Pending(w.Context(), component, romeo, 0, 10)
	w.must(err)
	inbox.Done(items[0].Key)
	users, err = inbox.Users(w.Context(), component)
	w.must(err)
	w.same("users once romeo's is done", users, []string{"juliet@example.org"})
}

func inboxSettles(w *world) {
	key, _ := w.put(transport.OutboxItem{User: romeo, Chat: "juliet", Text: "hello"})
	w.set(key, transport.Sent, "id")
	settles := func(item transport.OutboxItem) error {
		_, _, err := w.store.Inbox().Put(w.Context(), store.InboxItem{
			Component: component, User: romeo, Event: []byte("delivered"), Settles: &item,
		})
		return err
	}
	if settles(transport.OutboxItem{Key: key + 1000, State: transport.Done}) == nil {
		w.Error("an item that is not there was settled")
	}
	w.same("pending", w.pending(0, 10), []string(nil))
	w.same("sent", w.in(transport.Sent), []string{"hello"})
	w.must(settles(transport.OutboxItem{Key: key, State: transport.Done, ID: "id", Status: transport.Delivered}))
	w.same("pending", w.pending(0, 10), []string{"delivered"})
	w.same("done", w.in(transport.Done), []string{"hello"})
}

func inboxPages(w *world) {
	for i := range 5 {
		w.receives("", fmt.Sprint(i))
	}
	var pages [][]string
	for after := int64(0); ; {
		items, err := w.store.Inbox().Pending(w.Context(), component, romeo, after, 2)
		w.must(err)
		if len(items) == 0 {
			break
		}
		var page []string
		for _, item := range items {
			page = append(page, string(item.Event))
			after = item.Key
		}
		pages = append(pages, page)
	}
	w.same("pages", pages, [][]string{{"0", "1"}, {"2", "3"}, {"4"}})
}
