package sqlite

import "context"

const (
	viewsOf = `SELECT key FROM archive_views WHERE component = ? AND user = ?`
	lastOf  = `SELECT coalesce(max(message), 0), count(*) FROM (SELECT message FROM archive_seen WHERE view = ? ORDER BY message LIMIT ?)`
)

// forgotten are the statements that delete what a user has on a component.
var forgotten = []string{
	`DELETE FROM accounts WHERE component = ? AND user = ?`,
	`DELETE FROM settings WHERE component = ? AND user = ?`,
	`DELETE FROM rooms WHERE component = ? AND user = ?`,
	`DELETE FROM records WHERE component = ? AND user = ?`,
	`DELETE FROM subscriptions WHERE component = ? AND user = ?`,
	`DELETE FROM inbox WHERE component = ? AND user = ?`,
	`DELETE FROM outbox WHERE component = ? AND user = ? AND state >= 2`, // transport.Sent and Done: what is on its way goes on
	`DELETE FROM outbox_waiting WHERE component = ? AND user = ? AND items = 0`,
}

// Forget implements store.Store. A crash in between leaves a part, which
// another call deletes.
func (s *Store) Forget(ctx context.Context, component, user string) error {
	for _, text := range forgotten {
		if err := changeKept(ctx, s, []cell{{component: component, user: user}}, text, component, user); err != nil {
			return err
		}
	}
	if err := (archive{s}).flush(ctx, component, user); err != nil {
		return err
	}
	views, err := rows(ctx, s, scanOne[int64], viewsOf, component, user)
	if err != nil {
		return err
	}
	for _, view := range views {
		for more := true; more; {
			if more, err = write(ctx, s, func(t *tx) (bool, error) { return s.writer.forgetSome(t, view) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetSome forgets the oldest of what a user saw in one chat, and after the
// last of it the view itself.
func (w *writer) forgetSome(t *tx, view int64) (more bool, err error) {
	err = t.part(func() (err error) {
		more, err = w.forgetStep(t, view)
		return err
	})
	return more, err
}

func (w *writer) forgetStep(t *tx, view int64) (more bool, err error) {
	var last, count int64
	if _, err := t.row(lastOf, []any{view, pruneAtOnce}, &last, &count); err != nil {
		return false, err
	}
	w.names.forget() // they may name the view
	for _, text := range []string{forgetUnseen, fewerViews, unsee} {
		if err := t.exec(text, view, last); err != nil {
			return false, err
		}
	}
	if count == pruneAtOnce {
		return true, nil
	}
	return false, t.exec(forgetView, view)
}
