package transporttest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

// An Outbox is a transport.Outbox in memory. The zero value is ready for use.
//
// An item whose Put is zero gets the present time. An item without an Origin
// is never a duplicate: its sender has not named it.
type Outbox struct {
	Now     func() time.Time // nil: time.Now
	Records *Records         // those of the same store

	mu      sync.Mutex
	lastKey int64
	items   []transport.OutboxItem
	given   map[identity]memory // what was put less than DuplicateWindow ago
	failure error
	held    chan struct{} // while Put is blocked; closed by Unblock
	waiting int
	changed chan struct{} // closed at the next change of waiting
}

type identity struct {
	user         string
	chat         transport.Address
	origin, text string
	media        string
}

type memory struct {
	key int64
	put time.Time
}

// Put implements transport.Outbox. A duplicate gets the key of the first.
func (o *Outbox) Put(ctx context.Context, item transport.OutboxItem) (key int64, stored bool, err error) {
	err = o.putting(ctx, func() { key, stored = o.put(item) })
	return key, stored, err
}

// PutAll implements transport.Outbox.
func (o *Outbox) PutAll(ctx context.Context, batch transport.OutboxBatch) (stored int, err error) {
	var failed error
	err = o.putting(ctx, func() {
		items, given := slices.Clone(o.items), maps.Clone(o.given)
		for _, item := range batch.Items {
			if _, fresh := o.put(item); fresh {
				stored++
			}
		}
		if stored == 0 {
			return
		}
		if batch.Most > 0 && o.waitingOf(batch.Items[0].User) > batch.Most {
			failed = transport.ErrOutboxFull
		}
		for _, r := range batch.Records {
			if failed == nil {
				failed = o.Records.Put(ctx, r)
			}
		}
		if failed != nil {
			stored, o.items, o.given = 0, items, given
		}
	})
	return stored, cmp.Or(err, failed)
}

// Waiting implements transport.Outbox.
func (o *Outbox) Waiting(ctx context.Context, user string) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waitingOf(user), o.ready(ctx)
}

func (o *Outbox) waitingOf(user string) (n int) {
	for _, item := range o.items {
		if item.User == user && (item.State == transport.Queued || item.State == transport.Sending) {
			n++
		}
	}
	return n
}

func (o *Outbox) putting(ctx context.Context, put func()) error {
	if err := o.wait(ctx); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(ctx); err != nil {
		return err
	}
	put()
	return nil
}

func (o *Outbox) put(item transport.OutboxItem) (key int64, stored bool) {
	if item.Put.IsZero() {
		item.Put = o.now()
	}
	id := identity{item.User, item.Chat, item.Origin, item.Text, fmt.Sprint(item.Media)}
	if m, ok := o.given[id]; ok && item.Put.Sub(m.put) < transport.DuplicateWindow {
		return m.key, false
	}
	o.lastKey++
	item.Key, item.State = o.lastKey, transport.Queued
	o.items = append(o.items, item)
	o.remember(id, item)
	return item.Key, true
}

func (o *Outbox) remember(id identity, item transport.OutboxItem) {
	for old, m := range o.given {
		if item.Put.Sub(m.put) >= transport.DuplicateWindow {
			delete(o.given, old)
		}
	}
	if id.origin == "" {
		return
	}
	if o.given == nil {
		o.given = map[identity]memory{}
	}
	o.given[id] = memory{item.Key, item.Put}
}

// Update implements transport.Outbox.
func (o *Outbox) Update(ctx context.Context, item transport.OutboxItem) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(o.items, func(old transport.OutboxItem) bool { return old.Key == item.Key })
	if i < 0 {
		return fmt.Errorf("update outbox item %d: there is none", item.Key)
	}
	old := &o.items[i]
	old.State, old.From, old.ID, old.Attempts = item.State, item.From, item.ID, item.Attempts
	old.NotBefore, old.LastError, old.Status, old.Fallback = item.NotBefore, item.LastError, item.Status, item.Fallback
	return nil
}

// In implements transport.Outbox.
func (o *Outbox) In(ctx context.Context, state transport.OutboxState, now time.Time, after int64, max int, but ...transport.Address) ([]transport.OutboxItem, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(ctx); err != nil {
		return nil, err
	}
	var due []transport.OutboxItem
	for _, item := range o.items {
		if item.State == state && item.Key > after && !item.NotBefore.After(now) && !slices.Contains(but, item.From) {
			due = append(due, item)
		}
	}
	slices.SortStableFunc(due, func(a, b transport.OutboxItem) int {
		return cmp.Or(a.Put.Compare(b.Put), cmp.Compare(a.Key, b.Key))
	})
	return due[:min(len(due), max)], nil
}

// Find implements transport.Outbox.
func (o *Outbox) Find(ctx context.Context, id transport.MessageID) (transport.OutboxItem, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(ctx); err != nil {
		return transport.OutboxItem{}, false, err
	}
	i := slices.IndexFunc(o.items, func(item transport.OutboxItem) bool { return id != "" && item.ID == id })
	if i < 0 {
		return transport.OutboxItem{}, false, nil
	}
	return o.items[i], true, nil
}

// Forget implements transport.Outbox. What is forgotten still counts as a
// duplicate until DuplicateWindow is over.
func (o *Outbox) Forget(ctx context.Context, t time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ready(ctx); err != nil {
		return err
	}
	o.items = slices.DeleteFunc(o.items, func(item transport.OutboxItem) bool {
		return item.State == transport.Done && item.Put.Before(t)
	})
	return nil
}

// Items gives everything in the outbox, in the order of Put.
func (o *Outbox) Items() []transport.OutboxItem {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.items)
}

// Fail makes every method return err, as a full disk does. With nil it works
// again.
func (o *Outbox) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failure = err
}

// Block makes Put wait until Unblock, as a slow disk does.
func (o *Outbox) Block() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held == nil {
		o.held = make(chan struct{})
	}
}

// Unblock ends Block.
func (o *Outbox) Unblock() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.held != nil {
		close(o.held)
		o.held = nil
	}
}

// WaitBlocked returns once a call to Put is blocked.
func (o *Outbox) WaitBlocked(ctx context.Context) error {
	for {
		o.mu.Lock()
		n := o.waiting
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if n > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for a blocked put: %w", ctx.Err())
		}
	}
}

// wait holds a call back while the outbox is blocked.
func (o *Outbox) wait(ctx context.Context) error {
	o.mu.Lock()
	held := o.held
	if held == nil {
		o.mu.Unlock()
		return nil
	}
	o.count(+1)
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.count(-1)
	}()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *Outbox) count(change int) {
	o.waiting += change
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

func (o *Outbox) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return o.failure
}

func (o *Outbox) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}
