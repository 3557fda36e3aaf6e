package sqlite

import (
	"context"
	"slices"

	"gatehouse/gateway/store"
)

type inbox struct{ s *Store }

const (
	putInbox    = `INSERT INTO inbox (component, user, dedupe, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key`
	findInbox   = `SELECT key, done_at FROM inbox WHERE component = ? AND user = ? AND dedupe = ? AND dedupe <> ''`
	forgetInbox = `DELETE FROM inbox WHERE key = ?`

	// What is done is only kept for its name.
	markDone   = `UPDATE inbox SET done_at = ?, event = x'' WHERE key = ? AND done_at = 0`
	forgetDone = `DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE done_at > 0 AND done_at <= ? LIMIT ?)`

	pendingInbox = `SELECT key, dedupe, event FROM inbox
		WHERE unlikely(component = ?) AND unlikely(user = ?) AND key > ? AND done_at = 0 ORDER BY key LIMIT ? + 0`
	pendingUsers = `SELECT DISTINCT user FROM inbox WHERE component = ? AND done_at = 0 ORDER BY user`
)

// An arrival is what became of an item that was put.
type arrival struct {
	key   int64
	fresh bool
}

func (i inbox) Put(ctx context.Context, item store.InboxItem) (int64, bool, error) {
	if item.Event == nil {
		item.Event = []byte{}
	}
	a, err := write(ctx, i.s, func(t *tx) (a arrival, err error) {
		if item.Settles == nil {
			return i.put(t, item)
		}
		err = t.part(func() error {
			if a, err = i.put(t, item); err != nil {
				return err
			}
			return outbox{i.s, item.Component}.write(t, *item.Settles)
		})
		return a, err
	})
	return a.key, a.fresh, err
}

func (i inbox) put(t *tx, item store.InboxItem) (a arrival, err error) {
	put := func() (err error) {
		a.fresh, err = t.row(putInbox, []any{item.Component, item.User, item.Dedupe, item.Event}, &a.key)
		return err
	}
	if err := put(); err != nil || a.fresh {
		return a, err
	}
	expired := nanos(i.s.now().Add(-store.DedupeTime))
	var done int64
	found, err := t.row(findInbox, []any{item.Component, item.User, item.Dedupe}, &a.key, &done)
	if err != nil || found && (done == 0 || done > expired) {
		return a, err
	}
	// Its time is over already, so it need not come back if the next
	// statement fails.
	if err := t.exec(forgetInbox, a.key); err != nil {
		return a, err
	}
	err = put()
	return a, err
}

func (i inbox) Done(keys ...int64) {
	w := i.s.writer
	if dropped := w.marks.add(keys); dropped > 0 {
		w.log.Error("store dropped marks of done items: they will come again", "count", dropped)
	}
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

func (i inbox) Pending(ctx context.Context, component, user string, after int64, max int) ([]store.InboxItem, error) {
	done := i.s.writer.marks.unwritten() // before the read, which sees those written since
	scan := func(r scanner) (store.InboxItem, error) {
		item := store.InboxItem{Component: component, User: user}
		err := r.Scan(&item.Key, &item.Dedupe, &item.Event)
		return item, err
	}
	var all []store.InboxItem
	for wanted := max; wanted > 0; wanted = max - len(all) {
		items, err := few(ctx, i.s, scan, pendingInbox, component, user, after, wanted)
		if err != nil {
			return nil, err
		}
		last := len(items) < wanted
		for _, item := range items {
			after = item.Key
			if !slices.Contains(done, item.Key) {
				all = append(all, item)
			}
		}
		if last {
			break
		}
	}
	return all, nil
}

func (i inbox) Users(ctx context.Context, component string) ([]string, error) {
	if i.s.writer.marks.count() > 0 {
		if err := i.s.flush(ctx); err != nil {
			return nil, err
		}
	}
	return rows(ctx, i.s, scanString, pendingUsers, component)
}

// flush waits until all marks before it are in the file: they go with the
// commit of an empty request.
func (s *Store) flush(ctx context.Context) error {
	_, err := write(ctx, s, func(*tx) (struct{}, error) { return struct{}{}, nil })
	return err
}
