package storetest

import (
	"bytes"
	"sync"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

func subscriptionsWork(w *world) {
	s := w.store.Subscriptions()
	get := func(contact string) store.Subscription {
		one, err := s.Get(w.Context(), component, romeo, contact)
		w.must(err)
		return one
	}
	juliet := store.Subscription{Component: component, User: romeo, Contact: "juliet", To: true}
	nurse := store.Subscription{Component: component, User: romeo, Contact: "nurse", To: true, From: true}
	paris := store.Subscription{Component: component, User: "paris@example.org", Contact: "juliet", From: true}
	elsewhere := store.Subscription{Component: "other.example.org", User: "tybalt@example.org", Contact: "", From: true}
	w.same("never set", get("juliet"), store.Subscription{Component: component, User: romeo, Contact: "juliet"})
	for _, one := range []store.Subscription{nurse, juliet, paris, elsewhere} {
		w.must(s.Set(w.Context(), one))
	}
	w.same("set", get("juliet"), juliet)
	of, err := s.OfUser(w.Context(), component, romeo)
	w.must(err)
	w.same("of romeo", of, []store.Subscription{juliet, nurse})
	users, err := s.Users(w.Context(), component)
	w.must(err)
	w.same("users", users, []string{"paris@example.org", romeo})

	nurse.From = false
	w.must(s.Set(w.Context(), nurse))
	w.same("changed", get("nurse"), nurse)
	users, err = s.Users(w.Context(), component)
	w.must(err)
	w.same("users without romeo, who sees nobody", users, []string{"paris@example.org"})
	nurse.To = false
	w.must(s.Set(w.Context(), nurse))
	of, err = s.OfUser(w.Context(), component, romeo)
	w.must(err)
	w.same("of romeo after a removal", of, []store.Subscription{juliet})
}

func accountsWork(w *world) {
	a := w.store.Accounts()
	if _, found, err := a.Get(w.Context(), component, romeo); found || err != nil {
		w.Fatalf("before: found %v, %v", found, err)
	}
	account := transport.Account{User: romeo, Settings: map[string]string{"nick": "romeo", "password": "wherefore\n\"art\""}}
	plain := transport.Account{User: "juliet@example.org"}
	w.must(a.Set(w.Context(), component, account))
	w.must(a.Set(w.Context(), component, plain))
	w.must(a.Set(w.Context(), "other.example.org", plain))
	got, found, err := a.Get(w.Context(), component, romeo)
	w.must(err)
	w.same("found", found, true)
	w.same("account", got, account)

	account.Settings = map[string]string{"nick": "montague"}
	w.must(a.Set(w.Context(), component, account))
	all, err := a.All(w.Context(), component)
	w.must(err)
	w.same("all", all, []transport.Account{plain, account})
	w.must(a.Delete(w.Context(), component, romeo))
	w.must(a.Delete(w.Context(), component, romeo))
	if _, found, err := a.Get(w.Context(), component, romeo); found || err != nil {
		w.Fatalf("after: found %v, %v", found, err)
	}
}

func blocksWork(w *world) {
	b := w.store.Blocks()
	for _, address := range []string{"spam.example", "evil@example.org", "spam.example"} {
		w.must(b.Block(w.Context(), component, address))
	}
	blocked, err := b.Blocked(w.Context(), component)
	w.must(err)
	w.same("blocked", blocked, []string{"evil@example.org", "spam.example"})
	w.must(b.Unblock(w.Context(), component, "evil@example.org"))
	w.must(b.Unblock(w.Context(), component, "never@example.org"))
	blocked, err = b.Blocked(w.Context(), component)
	w.must(err)
	w.same("blocked after one is unblocked", blocked, []string{"spam.example"})
	blocked, err = b.Blocked(w.Context(), "other.example.org")
	w.must(err)
	w.same("blocked elsewhere", blocked, []string(nil))
}

func secretsWork(w *world) {
	var mutex sync.Mutex
	var all [][]byte
	goroutines(8, func(int) {
		secret, err := w.store.Secret(w.Context(), "occupant-id")
		if err != nil {
			w.Error(err)
		}
		mutex.Lock()
		all = append(all, secret)
		mutex.Unlock()
	})
	for _, secret := range all {
		if len(secret) != 32 || !bytes.Equal(secret, all[0]) {
			w.Fatalf("%x and %x", secret, all[0])
		}
	}
	other, err := w.store.Secret(w.Context(), "other")
	w.must(err)
	if bytes.Equal(other, all[0]) || bytes.Equal(other, make([]byte, 32)) {
		w.Fatalf("another name has %x", other)
	}
}

func reopening(w *world) {
	w.receives("a", "undone")
	done, _ := w.receives("b", "done")
	w.store.Inbox().Done(done)
	item := transport.OutboxItem{User: romeo, Chat: "juliet", Origin: "1", Text: "hello", Put: w.clock.Now()}
	item.Key, _ = w.put(item)
	subscription := store.Subscription{Component: component, User: romeo, Contact: "juliet", From: true}
	w.must(w.store.Subscriptions().Set(w.Context(), subscription))
	account := transport.Account{User: romeo, Settings: map[string]string{"nick": "romeo"}}
	w.must(w.store.Accounts().Set(w.Context(), component, account))
	w.must(w.store.Blocks().Block(w.Context(), component, "spam.example"))
	secret, err := w.store.Secret(w.Context(), "name")
	w.must(err)
	set := transport.Values{"nick": {"romeo"}, "password": {"wherefore"}}
	w.must(w.store.Settings().Set(w.Context(), component, romeo, "", set, "password"))
	room := store.Room{Component: component, User: romeo, Address: "#garden", Nick: "romeo", Password: "rose"}
	w.must(w.store.Rooms().Set(w.Context(), room))

	w.reopen()

	w.same("pending", w.pending(0, 10), []string{"undone"})
	_, fresh := w.receives("b", "done")
	w.same("fresh", fresh, false)
	_, stored := w.put(item)
	w.same("stored", stored, false)
	items, err := w.outbox().In(w.Context(), transport.Queued, w.clock.Now(), 0, 10)
	w.must(err)
	w.same("outbox", items, []transport.OutboxItem{item})
	subscriptions, err := w.store.Subscriptions().OfUser(w.Context(), component, romeo)
	w.must(err)
	w.same("subscriptions", subscriptions, []store.Subscription{subscription})
	accounts, err := w.store.Accounts().All(w.Context(), component)
	w.must(err)
	w.same("accounts", accounts, []transport.Account{account})
	blocked, err := w.store.Blocks().Blocked(w.Context(), component)
	w.must(err)
	w.same("blocked", blocked, []string{"spam.example"})
	again, err := w.store.Secret(w.Context(), "name")
	w.must(err)
	w.same("secret", again, secret)
	values, err := w.store.Settings().Get(w.Context(), component, romeo, "")
	w.must(err)
	w.same("settings", values, set)
	rooms, err := w.store.Rooms().OfUser(w.Context(), component, romeo)
	w.must(err)
	w.same("rooms", rooms, []store.Room{room})
}
