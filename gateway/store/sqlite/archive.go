package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	archiveDelay = 80 * time.Millisecond // how long messages wait for company
	archiveTries = 3                     // of a batch that fails while the disk works
)

type archive struct{ s *Store }

// Archive implements store.Store.
func (s *Store) Archive() store.Archive { return archive{s} }

// Add implements store.Archive.
func (a archive) Add(m store.Archived) (room <-chan struct{}) {
	w := a.s.writer
	if w.isStopping() {
		return nil
	}
	room, due, first := w.archive.add(&m)
	if first {
		w.log.Error("the archive can't be written: messages are not kept", "waiting", archiveWaiting)
	}
	if due {
		select {
		case w.archived <- struct{}{}:
		default: // it is awake
		}
	}
	return room
}

// Dropped implements store.Archive.
func (a archive) Dropped() uint64 {
	q := &a.s.writer.archive
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.dropped
}

// flush waits until all that was added for a user before is over, but no longer
// than ctx.
func (a archive) flush(ctx context.Context, component, user string) error {
	q := &a.s.writer.archive
	for last := q.lastOf(component, user); !q.isOver(last); {
		if err := a.nudge(ctx); err != nil {
			return fmt.Errorf("wait for the archive to be written: %w", err)
		}
	}
	return nil
}

// nudge has the writer make a commit. Unlike a write it changes nothing, so
// nobody has to wait for its fate.
func (a archive) nudge(ctx context.Context) error {
	w := a.s.writer
	done := make(chan error, 1)
	select {
	case w.queue <- request{run: func(*tx) error { return nil }, answer: func(err error) { done <- err }}:
	case <-w.stopping:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-w.stopped:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Import implements store.Archive.
func (a archive) Import(ctx context.Context, messages []store.Archived) (added int, err error) {
	for len(messages) > 0 {
		n := min(len(messages), archiveBatch)
		past := slices.Clone(messages[:n])
		for i := range past {
			past[i].Late, past[i].Fresh = true, false
		}
		part, err := write(ctx, a.s, func(t *tx) (int, error) { return a.s.writer.importAll(t, past) })
		if err != nil {
			return added, err
		}
		added += part
		messages = messages[n:]
	}
	return added, nil
}

// importAll is archiveAll within a commit that others share: it undoes itself.
func (w *writer) importAll(t *tx, messages []store.Archived) (added int, err error) {
	err = t.part(func() (err error) {
		if added, err = w.archiveAll(t, messages); err != nil {
			w.names.forget()
		}
		return err
	})
	return added, err
}

// finishArchive keeps the messages for another try unless they are written. A
// batch that fails while the disk works is given up in the end, or nothing
// after it would ever be written.
func (w *writer) finishArchive(messages int, commit, own error) {
	if messages == 0 {
		return
	}
	if commit == nil && own != nil {
		w.archiveFailed++
	} else {
		w.archiveFailed = 0
	}
	lost := w.archiveFailed >= archiveTries
	if lost {
		w.archiveFailed = 0
		w.log.Error("messages can't be written to the archive: they are not kept", "count", messages, "err", own)
	}
	w.archive.finish(commit == nil && own == nil || lost, lost)
}

// What the writer looks up by name.
type (
	chatName struct {
		component string
		address   transport.Address
	}
	viewName struct {
		component, user string
		address         transport.Address
	}
	view struct {
		rowKey
		last int64 // its newest message
	}
)
