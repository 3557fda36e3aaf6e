package sqlite

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"gatehouse/gateway/store"
)

const (
	// A clock that was set back by more than this is followed.
	clockStep    = time.Hour
	maxNames     = 65536
	rowOverhead  = 400     // bytes of a row that is remembered, without its text
	maxRowBytes  = 2 << 20 // of all rows that are
	nearAttempts = 3       // at a key close by
	keyAttempts  = 1000

	findChat = `SELECT key FROM archive_chats WHERE component = ? AND address = ?`
	putChat  = `INSERT INTO archive_chats (component, address) VALUES (?, ?)`
	findView = `SELECT key, (SELECT coalesce(max(message), 0) FROM archive_seen WHERE view = archive_views.key)
		FROM archive_views WHERE component = ? AND user = ? AND address = ?`
	putView = `INSERT INTO archive_views (component, user, address) VALUES (?, ?, ?)`

	findArchived = `SELECT key, stanza_id, origin, nick, occupant, sent, text, file, beside FROM archive WHERE id = ? AND chat = ?`
	putArchived  = `INSERT INTO archive (key, chat, id, stanza_id, origin, nick, occupant, sent, text, views, file, beside, retracts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	behindAll = `SELECT coalesce(max(key) + 1, ?1) FROM archive WHERE key BETWEEN ?1 AND ?1 + 1000000`
	moreViews = `UPDATE archive SET views = views + ? WHERE key = ?`

	findSeen    = `SELECT 1 FROM archive_seen WHERE view = ? AND message = ?`
	putSeen     = `INSERT INTO archive_seen (view, message) VALUES (?, ?)`
	putSeenAs   = `INSERT INTO archive_seen (view, message, stanza_id, origin) VALUES (?, ?, ?, ?)`
	putSeenMany = `INSERT OR IGNORE INTO archive_seen (view, message) SELECT value, ?2 FROM json_each(?1)`
)

// archiveNames are the keys that were looked up, so that a message costs few
// statements. They are owned by the writer.
type archiveNames struct {
	chats  map[chatName]int64
	views  map[viewName]*view
	newest int64 // key of the last row that is no late one

	rows     map[rowName][]*archiveRow // all that there are of their names
	rowBytes int
}

func (n *archiveNames) forget() {
	*n = archiveNames{chats: map[chatName]int64{}, views: map[viewName]*view{}}
	n.forgetRows()
}

// forgetRows is to be called when rows leave the file.
func (n *archiveNames) forgetRows() {
	n.rows, n.rowBytes = map[rowName][]*archiveRow{}, 0
}

// bound is called between batches: within one, a view's last message may not
// be in the file yet.
func (n *archiveNames) bound() {
	if n.chats == nil || len(n.chats)+len(n.views) > maxNames {
		n.forget()
	}
	if n.rowBytes > maxRowBytes {
		n.forgetRows()
	}
}

// An archiveRow is one row of the archive that many may see.
type archiveRow struct {
	key      int64
	m        store.Archived
	stored   bool     // before this batch
	viewers  []viewer // who is to be added
	inserted int      // of them, how many the row counts already
}

// A viewer is a view that a row belongs to.
type viewer struct {
	view  int64
	named bool // under names of its own
	names
}

// Names are what clients call a message, beside the id that it is archived by.
// Its author's clients may call it otherwise than all others.
type names struct{ stanzaID, origin string }

func namesOf(m *store.Archived) names { return names{m.StanzaID, m.Origin} }

// plain are the names of a message that is called as it is archived.
func plain(m *store.Archived) names { return names{stanzaID: m.ID} }

type rowName struct {
	id   string
	chat int64
}

// archiveAll keeps messages and counts those that are new to their users. After
// an error the transaction must be undone.
func (w *writer) archiveAll(t *tx, messages []store.Archived) (added int, err error) {
	w.names.bound()
	var order []*archiveRow
	for i := range messages {
		row, fresh, err := w.archiveOne(t, &messages[i])
		if err != nil {
			return 0, err
		}
		if fresh {
			added++
		}
		if row != nil {
			order = append(order, row)
		}
	}
	for _, row := range order {
		if err := addViewers(t, row); err != nil {
			return 0, err
		}
		row.stored, row.viewers, row.inserted = true, nil, 0
	}
	return added, nil
}

// archiveOne finds or makes the row of a message, and notes who saw it. Row is
// set when it is met for the first time.
func (w *writer) archiveOne(t *tx, m *store.Archived) (row *archiveRow, fresh bool, err error) {
	chat, err := w.chatKey(t, chatName{m.Component, m.Chat})
	if err != nil {
		return nil, false, err
	}
	views, err := w.viewsOf(t, m)
	if err != nil {
		return nil, false, err
	}
	last := int64(0)
	for _, v := range views {
		last = max(last, v.last)
	}
	name := rowName{m.ID, chat}
	same, known := w.names.rows[name]
	if !known && !m.Fresh {
		if same, err = storedRows(t, m.ID, chat); err != nil {
			return nil, false, err
		}
		w.names.remember(name, same...)
	}
	var shared *archiveRow
	for _, r := range same {
		seen, err := hasSeen(t, r, views[0])
		if err != nil || seen {
			return nil, false, err
		}
		// The order in which a user saw things outweighs a row saved.
		if looksLike(&r.m, m) && (m.Late || r.key > last) {
			shared = r
		}
	}
	if shared == nil {
		if shared, err = w.newRow(t, m, chat, max(last, w.names.newest), len(views)); err != nil {
			return nil, false, err
		}
		if !m.Fresh {
			w.names.remember(name, shared)
		}
		row = shared
	} else if shared.stored && len(shared.viewers) == 0 {
		row = shared
	}
	for _, v := range views {
		shared.viewers = append(shared.viewers, viewer{v.key, namesOf(&shared.m) != namesOf(m), namesOf(m)})
		v.last = max(v.last, shared.key)
	}
	return row, true, nil
}

// remember adds rows to those of a name.
func (n *archiveNames) remember(name rowName, rows ...*archiveRow) {
	n.rows[name] = append(n.rows[name], rows...)
	n.rowBytes += rowOverhead
	for _, r := range rows {
		n.rowBytes += rowOverhead + sizeOf(&r.m)
	}
}

// looksLike says that what somebody saw can be the row a, be it under other
// names.
func looksLike(a, m *store.Archived) bool {
	return a.Text == m.Text && a.File == m.File && a.Beside == m.Beside && a.Nick == m.Nick && a.Occupant == m.Occupant && a.Sent == m.Sent &&
		(namesOf(a) == plain(a) || namesOf(a) == namesOf(m))
}

func storedRows(t *tx, id string, chat int64) ([]*archiveRow, error) {
	found, err := t.query(findArchived, []any{id, chat})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []*archiveRow
	for {
		row := &archiveRow{m: store.Archived{ID: id}, stored: true}
		m := &row.m
		more, err := t.next(found, []any{&row.key, &m.StanzaID, &m.Origin, &m.Nick, &m.Occupant, &m.Sent, &m.Text, &m.File, &m.Beside})
		if err != nil || !more {
			return rows, err
		}
		rows = append(rows, row)
	}
}

func hasSeen(t *tx, r *archiveRow, v *view) (bool, error) {
	if slices.ContainsFunc(r.viewers, func(w viewer) bool { return w.view == v.key }) {
		return true, nil
	}
	if !r.stored || r.key > v.last {
		return false, nil
	}
	var one int
	return t.row(findSeen, []any{v.key, r.key}, &one)
}

// newRow inserts a row behind those that are there, or where its time says.
func (w *writer) newRow(t *tx, m *store.Archived, chat, last int64, views int) (*archiveRow, error) {
	key := m.At.UnixMicro()
	if m.Late { // a network's clock that is wrong must not put what all others say into the future
		key = min(key, time.Now().UnixMicro())
	}
	if !m.Late && key <= last && last-key < clockStep.Microseconds() {
		key = last + 1
	}
	for attempt := range keyAttempts {
		err := t.exec(putArchived, key, chat, m.ID, m.ID, "", m.Nick, m.Occupant, m.Sent, m.Text, views, m.File, m.Beside, m.Retracts)
		if !isTaken(err) {
			if !m.Late {
				w.names.newest = key
			}
			row := &archiveRow{key: key, m: *m, inserted: views}
			row.m.StanzaID, row.m.Origin = m.ID, ""
			return row, err
		}
		if key++; attempt >= nearAttempts { // many at one time: an import that knows whole seconds only
			if _, err := t.row(behindAll, []any{key}, &key); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("too many messages at one time")
}

func isTaken(err error) bool {
	e, ok := err.(sqlite3.Error)
	return ok && e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey
}

func addViewers(t *tx, row *archiveRow) error {
	if more := len(row.viewers) - row.inserted; more > 0 {
		if err := t.exec(moreViews, more, row.key); err != nil {
			return err
		}
	}
	slices.SortFunc(row.viewers, func(a, b viewer) int { return cmp.Compare(a.view, b.view) })
	var list []byte
	for _, v := range row.viewers {
		var err error
		switch {
		case v.named:
			err = t.exec(putSeenAs, v.view, row.key, v.stanzaID, v.origin)
		case len(row.viewers) <= 2:
			err = t.exec(putSeen, v.view, row.key)
		default:
			list = strconv.AppendInt(append(list, "[,"[min(len(list), 1)]), v.view, 10)
		}
		if err != nil {
			return err
		}
	}
	if list == nil {
		return nil
	}
	return t.exec(putSeenMany, string(append(list, ']')), row.key)
}

func (w *writer) chatKey(t *tx, name chatName) (int64, error) {
	if key, ok := w.names.chats[name]; ok {
		return key, nil
	}
	var key int64
	found, err := t.row(findChat, []any{name.component, string(name.address)}, &key)
	if err == nil && !found {
		key, err = t.insert(putChat, name.component, string(name.address))
	}
	if err != nil {
		return 0, err
	}
	w.names.chats[name] = key
	return key, nil
}

func (w *writer) viewOf(t *tx, name viewName) (*view, error) {
	if v, ok := w.names.views[name]; ok {
		return v, nil
	}
	v := &view{}
	found, err := t.row(findView, []any{name.component, name.user, string(name.address)}, &v.key, &v.last)
	if err == nil && !found {
		v.key, err = t.insert(putView, name.component, name.user, string(name.address))
	}
	if err != nil {
		return nil, err
	}
	w.names.views[name] = v
	return v, nil
}

// viewsOf gives the views that a message belongs to, first that of its chat.
func (w *writer) viewsOf(t *tx, m *store.Archived) (views []*view, err error) {
	v, err := w.viewOf(t, viewName{m.Component, m.User, m.Chat})
	if err != nil || !m.Private {
		return []*view{v}, err
	}
	all, err := w.viewOf(t, viewName{m.Component, m.User, ""})
	return []*view{v, all}, err
}
