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
	spareRows    = 256
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
	chats  map[chatName]rowKey
	views  map[viewName]*view
	newest int64 // key of the last row that is no late one

	rows     map[rowName]*archiveRow // the first of all that there are of a name
	rowBytes int

	batch []*archiveRow // that some are to be added to
	spare []*archiveRow // that no name led to: they are for the next batch
}

// A rowKey is a key with what statements take for it, which is made once.
type rowKey struct {
	key int64
	arg any
}

func keyOf(key int64) rowKey { return rowKey{key, key} }

func (n *archiveNames) forget() {
	*n = archiveNames{chats: map[chatName]rowKey{}, views: map[viewName]*view{}}
	n.forgetRows()
}

// spareRow gives a row that is nobody's.
func (n *archiveNames) spareRow() *archiveRow {
	last := len(n.spare) - 1
	if last < 0 {
		return &archiveRow{}
	}
	row := n.spare[last]
	n.spare = n.spare[:last]
	return row
}

// forgetRows is to be called when rows leave the file.
func (n *archiveNames) forgetRows() {
	n.rows, n.rowBytes = map[rowName]*archiveRow{}, 0
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
	rowKey
	m        store.Archived
	stored   bool        // before this batch
	viewers  []viewer    // who is to be added
	inserted int         // of them, how many the row counts already
	one      [1]viewer   // room for the first
	kept     bool        // a name leads to it
	next     *archiveRow // of that name
}

// A viewer is a view that a row belongs to.
type viewer struct {
	*view
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
	w.names.batch = w.names.batch[:0] // one that failed may have left some
	for i := range messages {
		fresh, err := w.archiveOne(t, &messages[i])
		if err != nil {
			return 0, err
		}
		if fresh {
			added++
		}
	}
	for _, row := range w.names.batch {
		if err := addViewers(t, row); err != nil {
			return 0, err
		}
	}
	w.names.endBatch()
	return added, nil
}

// endBatch makes the rows what they are once the file has them. Those that no
// name leads to are nobody's.
func (n *archiveNames) endBatch() {
	for _, row := range n.batch {
		switch {
		case row.kept:
			row.one[0] = viewer{}
			row.stored, row.viewers, row.inserted = true, nil, 0
		case len(n.spare) < spareRows:
			*row = archiveRow{}
			n.spare = append(n.spare, row)
		}
	}
	clear(n.batch)
	n.batch = n.batch[:0]
}

// archiveOne finds or makes the row of a message, and notes who saw it.
func (w *writer) archiveOne(t *tx, m *store.Archived) (fresh bool, err error) {
	chat, err := w.chatKey(t, chatName{m.Component, m.Chat})
	if err != nil {
		return false, err
	}
	var room [2]*view
	views, err := w.viewsOf(t, m, room[:0])
	if err != nil {
		return false, err
	}
	last := int64(0)
	for _, v := range views {
		last = max(last, v.last)
	}
	name := rowName{m.ID, chat.key}
	same, known := w.names.rows[name]
	if !known && !m.Fresh {
		if err := w.findRows(t, name, chat); err != nil {
			return false, err
		}
		same = w.names.rows[name]
	}
	var shared *archiveRow
	for r := same; r != nil; r = r.next {
		seen, err := hasSeen(t, r, views[0])
		if err != nil || seen {
			return false, err
		}
		// The order in which a user saw things outweighs a row saved.
		if shared == nil && looksLike(&r.m, m) && (m.Late || r.key > last) {
			shared = r
		}
	}
	if shared == nil {
		if shared, err = w.newRow(t, m, chat, max(last, w.names.newest), len(views)); err != nil {
			return false, err
		}
		if !m.Fresh {
			w.names.remember(name, shared)
		}
	}
	if len(shared.viewers) == 0 { // it is met for the first time
		w.names.batch = append(w.names.batch, shared)
		shared.viewers = shared.one[:0]
	}
	for _, v := range views {
		shared.viewers = append(shared.viewers, viewer{v, namesOf(&shared.m) != namesOf(m), namesOf(m)})
		v.last = max(v.last, shared.key)
	}
	return true, nil
}

// remember adds a row to those of a name.
func (n *archiveNames) remember(name rowName, row *archiveRow) {
	n.rowBytes += rowOverhead + sizeOf(&row.m)
	row.kept, row.next = true, n.rows[name]
	n.rows[name] = row
}

// looksLike says that what somebody saw can be the row a, be it under other
// names.
func looksLike(a, m *store.Archived) bool {
	return a.Text == m.Text && a.File == m.File && a.Beside == m.Beside && a.Nick == m.Nick && a.Occupant == m.Occupant && a.Sent == m.Sent &&
		(namesOf(a) == plain(a) || namesOf(a) == namesOf(m))
}

// findRows remembers what the file has under a name.
func (w *writer) findRows(t *tx, name rowName, chat rowKey) error {
	found, err := t.query(findArchived, []any{name.id, chat.arg})
	if err != nil {
		return err
	}
	defer found.Close()
	w.names.rows[name] = nil // there may be none
	w.names.rowBytes += rowOverhead
	var key int64
	m := store.Archived{ID: name.id}
	for {
		more, err := t.next(found, []any{&key, &m.StanzaID, &m.Origin, &m.Nick, &m.Occupant, &m.Sent, &m.Text, &m.File, &m.Beside})
		if err != nil || !more {
			return err
		}
		w.names.remember(name, &archiveRow{rowKey: keyOf(key), m: m, stored: true})
	}
}

func hasSeen(t *tx, r *archiveRow, v *view) (bool, error) {
	if slices.ContainsFunc(r.viewers, func(w viewer) bool { return w.key == v.key }) {
		return true, nil
	}
	if !r.stored || r.key > v.last {
		return false, nil
	}
	var one int
	return t.row(findSeen, []any{v.arg, r.arg}, &one)
}

// newRow inserts a row behind those that are there, or where its time says.
func (w *writer) newRow(t *tx, m *store.Archived, chat rowKey, last int64, views int) (*archiveRow, error) {
	key := m.At.UnixMicro()
	if m.Late { // a network's clock that is wrong must not put what all others say into the future
		key = min(key, time.Now().UnixMicro())
	}
	if !m.Late && key <= last && last-key < clockStep.Microseconds() {
		key = last + 1
	}
	id := any(m.ID)
	for attempt := range keyAttempts {
		bound := keyOf(key)
		err := t.exec(putArchived, bound.arg, chat.arg, id, id, "", m.Nick, m.Occupant, m.Sent, m.Text, views, m.File, m.Beside, m.Retracts)
		if !isTaken(err) {
			if !m.Late {
				w.names.newest = key
			}
			row := w.names.spareRow()
			row.rowKey, row.m, row.inserted = bound, *m, views
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

// addViewers notes in the file who saw a row.
func addViewers(t *tx, row *archiveRow) error {
	if more := len(row.viewers) - row.inserted; more > 0 {
		if err := t.exec(moreViews, more, row.arg); err != nil {
			return err
		}
	}
	slices.SortFunc(row.viewers, func(a, b viewer) int { return cmp.Compare(a.key, b.key) })
	var list []byte
	for _, v := range row.viewers {
		var err error
		switch {
		case v.named:
			err = t.exec(putSeenAs, v.arg, row.arg, v.stanzaID, v.origin)
		case len(row.viewers) <= 2:
			err = t.exec(putSeen, v.arg, row.arg)
		default:
			list = strconv.AppendInt(append(list, "[,"[min(len(list), 1)]), v.key, 10)
		}
		if err != nil {
			return err
		}
	}
	if list == nil {
		return nil
	}
	return t.exec(putSeenMany, string(append(list, ']')), row.arg)
}

func (w *writer) chatKey(t *tx, name chatName) (rowKey, error) {
	if key, ok := w.names.chats[name]; ok {
		return key, nil
	}
	var key int64
	found, err := t.row(findChat, []any{name.component, string(name.address)}, &key)
	if err == nil && !found {
		key, err = t.insert(putChat, name.component, string(name.address))
	}
	if err != nil {
		return rowKey{}, err
	}
	w.names.chats[name] = keyOf(key)
	return w.names.chats[name], nil
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
	v.rowKey = keyOf(v.key)
	w.names.views[name] = v
	return v, nil
}

// viewsOf adds the views that a message belongs to, first that of its chat.
func (w *writer) viewsOf(t *tx, m *store.Archived, to []*view) ([]*view, error) {
	v, err := w.viewOf(t, viewName{m.Component, m.User, m.Chat})
	if err != nil || !m.Private {
		return append(to, v), err
	}
	all, err := w.viewOf(t, viewName{m.Component, m.User, ""})
	return append(to, v, all), err
}
