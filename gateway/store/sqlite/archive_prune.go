package sqlite

import (
	"errors"
	"time"
)

const (
	firstPrune  = 5 * time.Minute       // after the start
	prunePeriod = time.Hour             // between two passes
	pruneStep   = 20 * time.Millisecond // between two steps of a pass
	pruneAtOnce = 500                   // messages forgotten in one commit

	nextView   = `SELECT key, component, user, address FROM archive_views WHERE key > ? ORDER BY key LIMIT 1`
	newestKept = `SELECT message FROM archive_seen WHERE view = ? ORDER BY message DESC LIMIT 1 OFFSET ?`
	lastToGo   = `SELECT coalesce(max(message), 0), count(*) FROM
		(SELECT message FROM archive_seen WHERE view = ? AND message < ? ORDER BY message LIMIT ?)`
	unsee      = `DELETE FROM archive_seen WHERE view = ?1 AND message <= ?2`
	fewerViews = `UPDATE archive SET views = views - 1 WHERE key IN
		(SELECT message FROM archive_seen WHERE view = ?1 AND message <= ?2)`
	forgetUnseen = `DELETE FROM archive WHERE views <= 1 AND key IN
		(SELECT message FROM archive_seen WHERE view = ?1 AND message <= ?2)`
	forgetView = `DELETE FROM archive_views WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM archive_seen WHERE view = ?1)`
)

// retention says what stays in the archive.
type retention struct {
	age    time.Duration
	length int
	view   int64 // the one that this pass looked at last
}

func (r *retention) limits() bool { return r.age > 0 || r.length > 0 }

// prune forgets some of what is too old, and says when to go on. What goes is
// the oldest of its view, so that there are no holes (XEP-0313 §3.2).
func (w *writer) prune() time.Duration {
	pause := pruneStep
	err := w.tx.transact(func() (err error) {
		var view int64
		var name viewName
		found, err := w.tx.row(nextView, []any{w.keep.view}, &view, &name.component, &name.user, (*string)(&name.address))
		if err != nil {
			return err
		}
		if !found {
			w.keep.view, pause = 0, prunePeriod
			return nil
		}
		more, err := w.pruneView(view)
		if err != nil || more {
			return err
		}
		w.keep.view = view
		forgotten, err := w.tx.change(forgetView, view)
		if forgotten > 0 {
			delete(w.names.views, name)
		}
		return err
	})
	w.report(err)
	if err != nil {
		w.names.forget()
		return prunePeriod
	}
	return pause
}

func (w *writer) pruneView(view int64) (more bool, err error) {
	var border int64 // what is before it goes
	if w.keep.age > 0 {
		border = w.now().Add(-w.keep.age).UnixMicro()
	}
	if w.keep.length > 0 {
		var oldest int64
		_, err := w.tx.row(newestKept, []any{view, w.keep.length - 1}, &oldest)
		if err != nil {
			return false, err
		}
		border = max(border, oldest)
	}
	var last, count int64
	if _, err := w.tx.row(lastToGo, []any{view, border, pruneAtOnce}, &last, &count); err != nil || count == 0 {
		return false, err
	}
	w.names.forgetRows()
	for _, text := range []string{forgetUnseen, fewerViews, unsee} {
		if e := w.tx.exec(text, view, last); e != nil {
			err = errors.Join(err, e)
			break
		}
	}
	return count == pruneAtOnce, err
}
