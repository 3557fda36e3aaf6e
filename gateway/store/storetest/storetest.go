// Package storetest checks any implementation of store.Store.
package storetest

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/store"
)

// Open opens the database at a path, or makes it. It fails the test if it
// can't. The caller closes the store.
type Open func(t *testing.T, path string, now func() time.Time) store.Store

// Run checks an implementation.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*world){
		"inbox keeps items in order until they are done":              inboxKeepsOrder,
		"inbox stores the last word on an item with the item":         inboxSettles,
		"inbox knows a duplicate for as long as it says":              inboxKnowsDuplicates,
		"inbox keeps users and components apart":                      inboxKeepsApart,
		"inbox gives pending items page by page":                      inboxPages,
		"outbox keeps items in order, in their states":                outboxKeepsStates,
		"outbox keeps every field":                                    outboxKeepsFields,
		"outbox knows duplicates within the window":                   outboxKnowsDuplicates,
		"outbox stores the copies of one message":                     outboxTakesCopies,
		"outbox counts what waits, and refuses more":                  outboxIsBounded,
		"outbox writes records with a message":                        outboxWritesRecords,
		"outbox counts exactly while many put and send":               outboxCountRace,
		"outbox holds an item back until its time":                    outboxHoldsBack,
		"outbox finds an item by its id in any state":                 outboxFinds,
		"outbox forgets what was done before a time":                  outboxForgets,
		"outbox stores one of many simultaneous duplicates":           outboxRace,
		"subscriptions are set, listed and removed":                   subscriptionsWork,
		"accounts are made, replaced and deleted":                     accountsWork,
		"blocks are listed in order":                                  blocksWork,
		"settings are set, replaced and deleted":                      settingsWork,
		"a user is forgotten":                                         forgetting,
		"rooms are set, replaced and deleted":                         roomsWork,
		"archive shows everybody what they saw, and no more":          archiveKeepsViewsApart,
		"archive tells what was taken back":                           archiveTellsWhatWasTakenBack,
		"archive keeps every field":                                   archiveKeepsFields,
		"archive keeps the order that each user saw":                  archiveKeepsOrder,
		"archive gives pages, forwards and backwards":                 archivePages,
		"archive limits by time, id and nick":                         archiveLimits,
		"archive keeps the future free":                               archiveKeepsTheFutureFree,
		"archive takes the past once":                                 archiveImports,
		"archive gathers private conversations":                       archivePrivate,
		"records are made, listed and deleted":                        recordsWork,
		"records of one kind and user are bounded":                    recordsAreBounded,
		"secrets stay the same and differ by name":                    secretsWork,
		"everything is there after a reopening":                       reopening,
		"concurrent writers each get their own key":                   manyWriters,
		"a cancelled call writes nothing":                             cancelled,
		"calls after the close are refused, and closing twice is one": closing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, open: open, path: filepath.Join(t.TempDir(), "store.db")}
			w.clock.now = time.Date(2024, 5, 1, 12, 0, 0, 123456789, time.UTC)
			w.reopen()
			t.Cleanup(func() { w.must(w.store.Close()) })
			test(w)
		})
	}
}

// A world is a store with a clock that moves by hand.
type world struct {
	*testing.T
	open  Open
	path  string
	store store.Store
	clock clock
}

type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}

func (w *world) reopen() {
	w.Helper()
	if w.store != nil {
		w.must(w.store.Close())
	}
	w.store = w.open(w.T, w.path, w.clock.Now)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// The one component and the one user of most stories.
const (
	component = "gateway.example.org"
	romeo     = "romeo@example.org"
)

// goroutines runs f n times at once and waits.
func goroutines(n int, f func(i int)) {
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { f(i) })
	}
	running.Wait()
}

func manyWriters(w *world) {
	const writers, each = 16, 25
	var mutex sync.Mutex
	keys := map[int64]bool{}
	goroutines(writers, func(i int) {
		for range each {
			key, fresh, err := w.store.Inbox().Put(w.Context(), store.InboxItem{Component: component, User: romeo, Event: []byte{byte(i)}})
			if err != nil || !fresh {
				w.Errorf("put: fresh %v, %v", fresh, err)
			}
			mutex.Lock()
			keys[key] = true
			mutex.Unlock()
		}
	})
	if len(keys) != writers*each {
		w.Fatalf("%d keys for %d items", len(keys), writers*each)
	}
	items, err := w.store.Inbox().Pending(w.Context(), component, romeo, 0, 2*writers*each)
	w.must(err)
	for _, item := range items {
		if !keys[item.Key] {
			w.Errorf("item %d was never acknowledged", item.Key)
		}
	}
	if len(items) != len(keys) {
		w.Fatalf("%d items are pending, not %d", len(items), len(keys))
	}
}

func cancelled(w *world) {
	ctx, cancel := context.WithCancel(w.Context())
	cancel()
	_, _, err := w.store.Inbox().Put(ctx, store.InboxItem{Component: component, User: romeo})
	if !errors.Is(err, context.Canceled) {
		w.Fatalf("put: %v", err)
	}
	items, err := w.store.Inbox().Pending(w.Context(), component, romeo, 0, 10)
	w.must(err)
	if len(items) != 0 {
		w.Fatalf("%d items are there", len(items))
	}
	if _, err := w.store.Inbox().Pending(ctx, component, romeo, 0, 10); !errors.Is(err, context.Canceled) {
		w.Fatalf("pending: %v", err)
	}
}

func closing(w *world) {
	w.must(w.store.Close())
	w.must(w.store.Close())
	_, _, err := w.store.Inbox().Put(w.Context(), store.InboxItem{Component: component, User: romeo})
	if !errors.Is(err, store.ErrClosed) {
		w.Errorf("write: %v", err)
	}
	if _, err := w.store.Blocks().Blocked(w.Context(), component); !errors.Is(err, store.ErrClosed) {
		w.Errorf("read: %v", err)
	}
	w.store.Inbox().Done(1)
}
