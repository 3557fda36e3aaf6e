package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"gatehouse/gateway/store"
)

const (
	queueLength = 1024                  // a full queue makes callers wait
	batchLength = 512                   // requests in one commit
	company     = 128                   // so many share a commit without waiting for more
	markDelay   = 20 * time.Millisecond // how long marks wait for company
	retryDelay  = time.Second           // how long marks wait after a failed commit
	tidyPeriod  = time.Hour
	tidyAtOnce  = 1000 // items forgotten in one commit
)

// A request is run inside a transaction with others. It may read, and writes
// with one statement, or in a part: SQLite undoes a statement that fails, so a
// request that fails leaves nothing of itself, and the others go on.
type request struct {
	run    func(*tx) error
	answer func(error) // after the commit
}

// A writer owns the only connection that writes.
type writer struct {
	tx   *tx
	path string
	now  func() time.Time
	log  *slog.Logger

	queue    chan request
	wake     chan struct{} // there are marks
	marks    marks
	archived chan struct{} // there are messages for the archive
	archive  archiveQueue
	recent   recent
	stopping chan struct{}
	stopped  chan struct{}
	commits  commitTimes

	// Owned by run:
	turn          turn
	failing       bool
	nextTidy      time.Time
	names         archiveNames
	archiveFailed int // tries of the oldest messages
	keep          retention
}

// A tx is the transaction. It is owned by run.
type tx struct {
	*connection
	touched []touch
	careful bool // what fails in part is undone by itself,
	spoilt  bool // and not with all else
}

func startWriter(c *connection, s *Store) *writer {
	w := &writer{
		tx:       &tx{connection: c},
		path:     s.path,
		now:      s.now,
		log:      s.log,
		queue:    make(chan request, queueLength),
		wake:     make(chan struct{}, 1),
		archived: make(chan struct{}, 1),
		keep:     s.keep,
		stopping: make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	go w.run()
	return w
}

// stop writes what is queued and waits for run.
func (w *writer) stop() {
	close(w.stopping)
	<-w.stopped
}

func (w *writer) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// write queues a request and waits for its commit.
func write[T any](ctx context.Context, s *Store, run func(*tx) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var value, none T
	done := make(chan outcome, 1)
	r := request{
		run: func(t *tx) (err error) {
			value, err = run(t)
			return err
		},
		answer: func(err error) {
			if err != nil {
				value = none
			}
			done <- outcome{value, err}
		},
	}
	w := s.writer
	if w.isStopping() {
		return none, store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("wait to write store: %w", err)
	}
	select {
	case w.queue <- r:
	case <-w.stopping:
		return none, store.ErrClosed
	case <-ctx.Done():
		return none, fmt.Errorf("wait to write store: %w", ctx.Err())
	}
	timeout := time.NewTimer(store.CommitTimeout)
	defer timeout.Stop()
	select {
	case o := <-done:
		return o.value, o.err
	case <-timeout.C:
		return none, fmt.Errorf("write store %s: %w", s.path, store.ErrFateUnknown)
	case <-w.stopped:
	}
	// It came into the queue as the writer left, or was its last.
	select {
	case o := <-done:
		return o.value, o.err
	default:
		return none, store.ErrClosed
	}
}

// change is write for requests without a result.
func change(ctx context.Context, s *Store, text string, args ...any) error {
	return changeKept(ctx, s, nil, text, args...)
}

func (w *writer) run() {
	defer close(w.stopped)
	var due alarm                // when marks and messages are committed, at the latest
	var piece alarm              // when messages are written for that
	var pruning <-chan time.Time // nil: everything stays
	if w.keep.limits() {
		pruning = time.After(firstPrune)
	}
	batch := make([]request, 0, batchLength)
	for last := false; !last || len(w.queue) > 0; {
		batch = batch[:0]
		waits := len(w.queue) == 0
		select {
		case r := <-w.queue:
			batch = append(batch, r)
		case <-w.wake:
			due.within(markDelay)
			continue
		case <-w.archived:
			if !w.archive.isDue() {
				due.within(archiveDelay)
				piece.within(pieceDelay)
				continue
			}
		case <-piece.c:
			if piece.stop(); w.writePiece() {
				piece.within(pieceDelay)
			}
			continue
		case <-pruning:
			if !w.tx.isOpen() {
				pruning = time.After(w.prune())
				continue
			}
			pruning = time.After(0) // once that is committed
		case <-due.c:
		case <-w.stopping:
			last = true
		}
		due.stop()
		piece.stop()
		began := time.Now()
		if waits {
			w.turn.began = began
		}
		written := w.commit(w.fill(batch))
		for last && written && w.archive.len() > 0 {
			written = w.commit(nil)
		}
		switch {
		case written && w.archive.isDue():
			due.within(0)
		case written && w.archive.len() > 0: // what came during the commit waits for company, too
			due.within(archiveDelay - time.Since(began))
			piece.within(pieceDelay)
		case !written && (w.marks.count() > 0 || w.archive.len() > 0):
			due.within(retryDelay)
		}
		w.tidy()
	}
	if n := w.archive.len(); n > 0 {
		w.log.Error("store lost messages for the archive", "count", n)
	}
	if n := w.marks.count(); n > 0 {
		w.log.Error("store lost marks of done items: they will come again", "count", n)
	}
}

// An alarm goes off at the earliest of the times that it was set to.
type alarm struct {
	c  <-chan time.Time
	at time.Time
}

func (a *alarm) within(d time.Duration) {
	if at := time.Now().Add(d); a.c == nil || at.Before(a.at) {
		a.c, a.at = time.After(d), at
	}
}

func (a *alarm) stop() { a.c = nil }

// fill takes what is queued. If that is little, it lets other goroutines run once,
// because those answered by the last commit are about to queue again.
func (w *writer) fill(batch []request) []request {
	for yielded := false; len(batch) < batchLength; {
		select {
		case r := <-w.queue:
			batch = append(batch, r)
		default:
			if yielded || len(batch) >= company {
				return batch
			}
			runtime.Gosched()
			yielded = true
		}
	}
	return batch
}

// commit runs a batch and the marks that wait in one transaction, then answers.
// False means that nothing was written.
func (w *writer) commit(batch []request) bool {
	marks := w.marks.take()
	messages, taken := w.archive.take(w.tx.isOpen())
	if len(batch)+len(marks)+taken == 0 {
		return true
	}
	failed := make([]error, len(batch))
	unkept, err := w.attempt(batch, failed, marks, messages)
	w.tx.careful = true
	if err != nil && (len(messages) < taken || w.tx.spoilt) { // pieces or a part may be why
		messages, taken = w.archive.take(false)
		unkept, err = w.attempt(batch, failed, marks, messages)
	}
	if unkept != nil { // the others have nothing to do with it
		_, err = w.attempt(batch, failed, marks, nil)
	}
	w.tx.careful = false
	w.marks.written(marks, err == nil)
	w.finishArchive(taken, err, unkept)
	w.report(err)
	w.recent.committed(w.tx.touched, err == nil)
	for i, r := range batch {
		w.turn.giveWay()
		if failed[i] == nil {
			failed[i] = err
		}
		if failed[i] != nil {
			failed[i] = fmt.Errorf("write store %s: %w", w.path, failed[i])
		}
		r.answer(failed[i])
	}
	return err == nil && unkept == nil
}

// attempt runs everything in one transaction, which pieces may have begun. Unkept
// is why the messages could not be written, which undoes all.
func (w *writer) attempt(batch []request, failed []error, marks []int64, messages []store.Archived) (unkept, err error) {
	w.tx.touched, w.tx.spoilt = w.tx.touched[:0], false
	pieces, err := w.tx.resume()
	if err != nil {
		return nil, err
	}
	err = w.runAll(batch, failed, marks, pieces)
	if err == nil && len(messages) > 0 {
		_, unkept = w.archiveAll(w.tx, messages)
		err = unkept
	}
	return unkept, w.end(err)
}

// end ends the transaction. What is undone leaves no names.
func (w *writer) end(err error) error {
	began := time.Now()
	if err = w.tx.end(err); err != nil {
		w.names.forget()
	}
	w.commits.add(time.Since(began))
	return err
}

// runAll fails if it can't go on. After pieces it can't once a request fails,
// which it might not do without them, nor once one has left a part of itself.
func (w *writer) runAll(batch []request, failed []error, marks []int64, pieces bool) error {
	for i, r := range batch {
		w.turn.giveWay()
		if failed[i] = r.run(w.tx); failed[i] != nil && (pieces || w.tx.spoilt || !w.tx.isOpen()) {
			return failed[i]
		}
	}
	for _, key := range marks {
		w.turn.giveWay()
		if err := w.tx.exec(markDone, nanos(w.now()), key); err != nil {
			return err
		}
	}
	return nil
}

// report logs when writing begins to fail, and when it works again.
func (w *writer) report(err error) {
	switch {
	case err != nil && !w.failing:
		w.log.Error("store can't be written", "path", w.path, "err", err)
	case err == nil && w.failing:
		w.log.Info("store can be written again", "path", w.path)
	}
	w.failing = err != nil
}

// tidy forgets inbox items whose time is over, some at a time.
func (w *writer) tidy() {
	now := w.now()
	if now.Before(w.nextTidy) {
		return
	}
	w.nextTidy = now.Add(tidyPeriod)
	err := w.tx.transact(func() error {
		n, err := w.tx.change(forgetDone, nanos(now.Add(-store.DedupeTime)), tidyAtOnce)
		if n == tidyAtOnce {
			w.nextTidy = now
		}
		return err
	})
	w.report(err)
}

// part does all that run does or nothing of it, within a transaction that others
// share. Behind a savepoint SQLite copies each page before it changes, which costs
// as much as to change it; so without one at first, and if run fails, the
// transaction is undone, and run again with savepoints.
func (t *tx) part(run func() error) error {
	if !t.careful {
		err := run()
		t.spoilt = t.spoilt || err != nil
		return err
	}
	touched := len(t.touched)
	if err := t.exec("SAVEPOINT part"); err != nil {
		return err
	}
	err := run()
	if err == nil {
		return t.exec("RELEASE part")
	}
	if !t.isOpen() {
		return err
	}
	t.touched = t.touched[:touched]
	return errors.Join(err, t.exec("ROLLBACK TO part"), t.exec("RELEASE part"))
}

// touch says that the transaction changes a cell.
func (t *tx) touch(c cell, value any) { t.touched = append(t.touched, touch{c, value}) }
