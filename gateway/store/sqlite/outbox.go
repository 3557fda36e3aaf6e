package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/gateway/transport"
)

type outbox struct {
	s         *Store
	component string
}

const (
	findDuplicate = `SELECT key FROM outbox WHERE unlikely(digest = ?) AND put_at > ? ORDER BY key DESC LIMIT 1`
	putOutbox     = `INSERT INTO outbox (component, user, chat, room, sender, origin, text, request,
		state, id, attempts, put_at, not_before, last_error, status, digest, media, fallback)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateOutbox = `UPDATE outbox SET state = ?1, sender = ?2, id = ?3, attempts = ?4, not_before = ?5,
		last_error = ?6, status = ?7, fallback = ?8 WHERE key = ?9 AND component = ?10`
	sentOutbox = `SELECT user, chat, room, origin, text, request, put_at, media FROM outbox WHERE key = ? AND component = ?`
	// SQLite writes the index of a column that is set, changed or not.
	updateSameID = `UPDATE outbox SET state = ?1, sender = ?2, attempts = ?4, not_before = ?5,
		last_error = ?6, status = ?7, fallback = ?8 WHERE key = ?9 AND component = ?10 AND id = ?3`
	outboxColumns = `SELECT key, user, chat, room, sender, origin, text, request, state, id, attempts,
		put_at, not_before, last_error, status, media, fallback FROM outbox `
	outboxIn = outboxColumns + `WHERE unlikely(component = ?) AND unlikely(state = ?) AND key > ? AND not_before <= ?
		AND sender NOT IN (SELECT value FROM json_each(?)) ORDER BY key LIMIT ? + 0`
	// A network may use an id again after a long time: the newest is meant.
	findOutbox   = outboxColumns + `WHERE unlikely(component = ?) AND unlikely(id = ?) AND id <> '' ORDER BY key DESC LIMIT 1`
	forgetOutbox = `DELETE FROM outbox WHERE component = ? AND state = ? AND put_at < ?`
	waitingOf    = `SELECT items FROM outbox_waiting WHERE component = ? AND user = ?`
)

// Put implements transport.Outbox. An item whose Put is zero is put now.
func (o outbox) Put(ctx context.Context, item transport.OutboxItem) (int64, bool, error) {
	out, err := write(ctx, o.s, func(t *tx) (outcome, error) { return o.put(t, item) })
	return out.key, out.stored, err
}

// PutAll implements transport.Outbox.
func (o outbox) PutAll(ctx context.Context, batch transport.OutboxBatch) (int, error) {
	for _, r := range batch.Records {
		if err := checkRecord(r); err != nil {
			return 0, err
		}
	}
	return write(ctx, o.s, func(t *tx) (int, error) { return o.putAll(t, batch) })
}

// putAll refuses before it writes: what fails then does so because of the disk.
func (o outbox) putAll(t *tx, batch transport.OutboxBatch) (stored int, err error) {
	var fresh []outboxRow
	for _, item := range batch.Items {
		r, err := o.rowOf(item)
		if err != nil {
			return 0, err
		}
		known := r.digest != nil && slices.ContainsFunc(fresh, func(other outboxRow) bool { return bytes.Equal(r.digest, other.digest) })
		if !known {
			_, known, err = o.duplicate(t, r)
		}
		if err != nil {
			return 0, err
		}
		if !known {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	if batch.Most > 0 {
		var waiting int
		if _, err := t.row(waitingOf, []any{o.component, batch.Items[0].User}, &waiting); err != nil {
			return 0, err
		}
		if waiting+len(fresh) > batch.Most {
			return 0, transport.ErrOutboxFull
		}
	}
	for _, r := range batch.Records {
		if err := records(o).admit(t, r); err != nil {
			return 0, err
		}
	}
	err = t.part(func() error {
		for _, r := range fresh {
			if err := o.insert(t, r); err != nil {
				return err
			}
		}
		for _, r := range batch.Records {
			if err := records(o).put(t, r); err != nil {
				return err
			}
		}
		return nil
	})
	return len(fresh), err
}

// Waiting implements transport.Outbox.
func (o outbox) Waiting(ctx context.Context, user string) (int, error) {
	n, _, err := row(ctx, o.s, scanOne[int], waitingOf, o.component, user)
	return n, err
}

// An outcome is what became of an item that was put.
type outcome struct {
	key    int64
	stored bool
}

func (o outbox) put(t *tx, item transport.OutboxItem) (out outcome, err error) {
	r, err := o.rowOf(item)
	if err != nil {
		return out, err
	}
	key, known, err := o.duplicate(t, r)
	if err != nil || known {
		return outcome{key: key}, err
	}
	if err := o.insert(t, r); err != nil {
		return out, err
	}
	_, err = t.row(`SELECT last_insert_rowid()`, nil, &out.key)
	out.stored = err == nil
	return out, err
}

// An outboxRow is an item as it is written at first.
type outboxRow struct {
	transport.OutboxItem
	media  string
	digest []byte
}

func (o outbox) rowOf(item transport.OutboxItem) (r outboxRow, err error) {
	r.OutboxItem = item
	if r.Put.IsZero() {
		r.Put = o.s.now()
	}
	r.State = transport.Queued
	r.media, err = writeMedia(item.Media)
	r.digest = digestOf(o.component, item, r.media)
	return r, err
}

// duplicate gives the key of the same item that was put not long before, if any.
func (o outbox) duplicate(t *tx, r outboxRow) (key int64, known bool, err error) {
	if r.digest == nil {
		return 0, false, nil
	}
	known, err = t.row(findDuplicate, []any{r.digest, nanos(r.Put.Add(-transport.DuplicateWindow))}, &key)
	return key, known, err
}

func (o outbox) insert(t *tx, r outboxRow) error {
	return t.exec(putOutbox, o.component, r.User, string(r.Chat), string(r.Room), string(r.From),
		r.Origin, r.Text, string(r.Request), int(r.State), string(r.ID), r.Attempts,
		nanos(r.Put), nanos(r.NotBefore), r.LastError, int(r.Status), r.digest, r.media, r.Fallback)
}

// digestOf is the same for items that are duplicates, and nil for one that
// can't be any's.
func digestOf(component string, item transport.OutboxItem, media string) []byte {
	if item.Origin == "" {
		return nil
	}
	h := sha256.New()
	parts := []string{component, item.User, string(item.Chat), item.Origin, item.Text}
	if media != "" {
		parts = append(parts, media)
	}
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Update implements transport.Outbox. An item that is not there is an error.
func (o outbox) Update(ctx context.Context, item transport.OutboxItem) error {
	_, err := write(ctx, o.s, func(t *tx) (struct{}, error) { return struct{}{}, o.write(t, item) })
	return err
}

func (o outbox) write(t *tx, item transport.OutboxItem) error {
	row := []any{int(item.State), string(item.From), string(item.ID), item.Attempts, nanos(item.NotBefore),
		item.LastError, int(item.Status), item.Fallback, item.Key, o.component}
	found, err := o.update(t, item, row)
	if err == nil && !found {
		err = fmt.Errorf("the outbox of %s has no item %d", o.component, item.Key)
	}
	return err
}

// update also notes what there is in memory of an item.
func (o outbox) update(t *tx, item transport.OutboxItem, row []any) (found bool, err error) {
	if item.State != transport.Sent {
		o.touch(t, item, false)
		rows, err := t.change(updateSameID, row...)
		if err == nil && rows == 0 {
			rows, err = t.change(updateOutbox, row...)
		}
		return rows > 0, err
	}
	var chat, room, request, media string
	var put int64
	if err := t.exec(updateOutbox, row...); err != nil {
		return false, err
	}
	found, err = t.row(sentOutbox, []any{item.Key, o.component}, &item.User, &chat, &room, &item.Origin, &item.Text, &request, &put, &media)
	item.Chat, item.Room, item.Request = transport.Address(chat), transport.Address(room), transport.Request(request)
	item.Put, item.NotBefore = timeOf(put), timeOf(nanos(item.NotBefore))
	o.touch(t, item, found && err == nil && media == "")
	return found, err
}

// In implements transport.Outbox.
func (o outbox) In(ctx context.Context, state transport.OutboxState, now time.Time, after int64, max int, but ...transport.Address) ([]transport.OutboxItem, error) {
	leftOut, err := json.Marshal(append([]transport.Address{}, but...))
	if err != nil {
		return nil, err
	}
	return few(ctx, o.s, scanOutbox, outboxIn, o.component, int(state), after, nanos(now), string(leftOut), max)
}

// Find implements transport.Outbox.
func (o outbox) Find(ctx context.Context, id transport.MessageID) (transport.OutboxItem, bool, error) {
	if item, ok := o.justSent(id); ok {
		return item, true, nil
	}
	return row(ctx, o.s, scanOutbox, findOutbox, o.component, string(id))
}

// Forget implements transport.Outbox.
func (o outbox) Forget(ctx context.Context, t time.Time) error {
	return change(ctx, o.s, forgetOutbox, o.component, int(transport.Done), nanos(t))
}

func scanOutbox(r scanner) (transport.OutboxItem, error) {
	var item transport.OutboxItem
	var put, notBefore int64
	var media string
	err := r.Scan(&item.Key, &item.User, &item.Chat, &item.Room, &item.From, &item.Origin, &item.Text, &item.Request,
		&item.State, &item.ID, &item.Attempts, &put, &notBefore, &item.LastError, &item.Status, &media, &item.Fallback)
	if err == nil && media != "" {
		err = json.Unmarshal([]byte(media), &item.Media)
	}
	item.Put, item.NotBefore = timeOf(put), timeOf(notBefore)
	return item, err
}

func writeMedia(media []transport.Media) (string, error) {
	if len(media) == 0 {
		return "", nil
	}
	b, err := json.Marshal(media)
	return string(b), err
}
