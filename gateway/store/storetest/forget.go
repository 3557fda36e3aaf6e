package storetest

import (
	"strconv"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// forgetting deletes everything of one user on one component, and nothing else.
func forgetting(w *world) {
	both := []string{romeo, juliet}
	for _, user := range both {
		for _, c := range []string{component, "other.example.org"} {
			w.must(w.store.Accounts().Set(w.Context(), c, transport.Account{User: user}))
			w.must(w.store.Settings().Set(w.Context(), c, user, "#garden", transport.Values{"nick": {"x"}}))
			w.must(w.store.Rooms().Set(w.Context(), store.Room{Component: c, User: user, Address: "#garden", Nick: "x"}))
			w.must(w.store.Subscriptions().Set(w.Context(), store.Subscription{Component: c, User: user, Contact: "nurse", From: true}))
			w.must(w.store.Records(c).Put(w.Context(), transport.RecordItem{User: user, Kind: "k", Key: "x"}))
			_, _, err := w.store.Inbox().Put(w.Context(), store.InboxItem{Component: c, User: user, Dedupe: "a", Event: []byte("a")})
			w.must(err)
			for _, state := range []transport.OutboxState{transport.Sending, transport.Sent, transport.Done} {
				item := transport.OutboxItem{User: user, Chat: "nurse", Text: "a", Origin: strconv.Itoa(int(state))}
				item.Key, _, err = w.store.Outbox(c).Put(w.Context(), item)
				w.must(err)
				item.State, item.ID = state, outboxID(user, state)
				w.must(w.store.Outbox(c).Update(w.Context(), item))
			}
		}
	}
	var many []store.Archived
	for i := range 1200 {
		many = append(many, line(romeo, strconv.Itoa(i), i), line(juliet, strconv.Itoa(i), i))
	}
	_, err := w.store.Archive().Import(w.Context(), many)
	w.must(err)
	w.store.Archive().Add(line(romeo, "last", 2000))

	w.must(w.store.Forget(w.Context(), component, romeo))
	w.must(w.store.Forget(w.Context(), component, "nobody@example.org"))
	for _, user := range both {
		for _, c := range []string{component, "other.example.org"} {
			others := user != romeo || c != component
			w.same("what there is of "+user+" on "+c, w.presentIn(c, user), others)
			for state, left := range map[transport.OutboxState]bool{transport.Sending: true, transport.Sent: others, transport.Done: others} {
				_, there, err := w.store.Outbox(c).Find(w.Context(), outboxID(user, state))
				w.must(err)
				w.same("a message of "+user+" on "+c+" in the outbox", there, left)
			}
		}
	}
	w.same("romeo's messages", ids(w.page(all(romeo, "#garden"))), "")
	theirs := all(juliet, "#garden")
	w.same("juliet's messages", w.page(theirs).Count, 1200)

	w.store.Archive().Add(line(romeo, "anew", 3000))
	w.same("romeo's messages after they came back", ids(w.page(all(romeo, "#garden"))), "anew")
}

func outboxID(user string, state transport.OutboxState) transport.MessageID {
	return transport.MessageID(user + strconv.Itoa(int(state)))
}

// presentIn says whether the store has all of a user's kinds of data; it fails
// if it has but some.
func (w *world) presentIn(c, user string) bool {
	w.Helper()
	_, account, err := w.store.Accounts().Get(w.Context(), c, user)
	w.must(err)
	settings, err := w.store.Settings().All(w.Context(), c, user)
	w.must(err)
	rooms, err := w.store.Rooms().OfUser(w.Context(), c, user)
	w.must(err)
	contacts, err := w.store.Subscriptions().OfUser(w.Context(), c, user)
	w.must(err)
	items, err := w.store.Inbox().Pending(w.Context(), c, user, 0, 10)
	w.must(err)
	records, err := w.store.Records(c).OfUser(w.Context(), user, "k")
	w.must(err)
	for _, there := range []bool{len(records) > 0, len(settings) > 0, len(rooms) > 0, len(contacts) > 0, len(items) > 0} {
		w.same("as the account", there, account)
	}
	return account
}
