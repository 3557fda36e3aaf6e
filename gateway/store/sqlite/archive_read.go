package sqlite

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	archiveView  = `SELECT key FROM archive_views WHERE component = ? AND user = ? AND address = ?`
	archiveChats = `SELECT address FROM archive_views WHERE component = ? AND user = ? AND address <> '' ORDER BY address LIMIT ?`
	archivePlace = `SELECT s.message FROM archive m CROSS JOIN archive_seen s ON s.view = ? AND s.message = m.key
		WHERE m.id = ? ORDER BY s.message LIMIT 1`
	archiveCount = `SELECT count(*) FROM (SELECT 1 FROM archive_seen WHERE view = ? AND message BETWEEN ? AND ? LIMIT ? + 0)`
	archiveEnd   = `SELECT m.id, m.key FROM archive_seen s CROSS JOIN archive m ON m.key = s.message
		WHERE unlikely(s.view = ?) ORDER BY s.message`
	archiveFirst = archiveEnd + ` LIMIT 1`
	archiveLast  = archiveEnd + ` DESC LIMIT 1`

	calledThere = `coalesce(s.stanza_id, m.stanza_id), coalesce(s.origin, m.origin)`

	// ?4 is the one nick wanted, or "".
	archivePage = `SELECT m.key, m.chat, c.address, m.id, ` + calledThere + `, m.nick, m.occupant, m.sent, m.text, m.file, m.beside
		FROM archive_seen s CROSS JOIN archive m ON m.key = s.message CROSS JOIN archive_chats c ON c.key = m.chat
		WHERE unlikely(s.view = ?1) AND s.message BETWEEN ?2 AND ?3 AND (?4 = '' OR m.nick = ?4)
		ORDER BY s.message`
	// ?1 are pairs of a chat and a name, as a JSON array.
	archiveRetractions = `SELECT m.key, m.chat, m.retracts, m.id, ` + calledThere + `, m.nick, m.occupant, m.sent, m.beside
		FROM json_each(?1) n CROSS JOIN archive m ON m.chat = json_extract(n.value, '$[0]')
			AND m.retracts = json_extract(n.value, '$[1]') AND m.retracts <> ''
		CROSS JOIN archive_seen s ON unlikely(s.view = ?2) AND s.message = m.key
		ORDER BY m.key LIMIT ?3 + 0`
	archiveForwards  = archivePage + ` LIMIT ?5 + 0 OFFSET ?6 + 0`
	archiveBackwards = archivePage + ` DESC LIMIT ?5 + 0`

	retractionsRead  = 1000 // for one page
	retractionsOfOne = 16   // anybody may send some that mean nothing

	endOfTime = 1<<63 - 1
	countable = 20_000 // longer results aren't counted
)

// A span is a part of a view, both ends inclusive.
type span struct{ from, to int64 }

// Page implements store.Archive.
func (a archive) Page(ctx context.Context, q store.ArchiveQuery) (store.ArchivePage, error) {
	page := store.ArchivePage{Index: -1, Count: -1}
	if err := a.flush(ctx, q.Component, q.User); err != nil {
		return page, err
	}
	view, _, err := row(ctx, a.s, scanOne[int64], archiveView, q.Component, q.User, string(q.Chat))
	if err != nil {
		return page, err
	}
	// A view that isn't there has the key 0, which no message bears.
	whole, part, err := a.spans(ctx, view, q)
	if err != nil {
		return page, err
	}
	if len(q.IDs) > 0 {
		return a.picked(ctx, view, q, whole, part)
	}
	if q.Counted && q.Nick == "" {
		page.Count, _, err = row(ctx, a.s, scanOne[int], archiveCount, view, whole.from, whole.to, countable+1)
		if err != nil {
			return page, err
		}
		if page.Count > countable {
			page.Count = -1
		}
	}
	found, err := a.read(ctx, view, q, part, q.Max+1)
	if err != nil {
		return page, err
	}
	return a.finish(ctx, view, page, whole, found, q)
}

// finish cuts the page to its size.
func (a archive) finish(ctx context.Context, view int64, page store.ArchivePage, whole span, found []keyed, q store.ArchiveQuery) (store.ArchivePage, error) {
	page.Complete = len(found) <= q.Max
	found = found[:min(len(found), q.Max)]
	if backwards(q) {
		slices.Reverse(found)
	}
	if err := a.attachRetractions(ctx, view, found); err != nil {
		return page, err
	}
	for _, f := range found {
		page.Messages = append(page.Messages, f.Archived)
	}
	if len(found) == 0 || page.Count < 0 {
		return page, nil
	}
	var err error
	page.Index, _, err = row(ctx, a.s, scanOne[int], archiveCount, view, whole.from, found[0].key-1, countable)
	return page, err
}

// attachRetractions adds to messages how they were taken back.
func (a archive) attachRetractions(ctx context.Context, view int64, found []keyed) error {
	type name struct {
		chat int64
		text string
	}
	named := map[name][]int{}
	pairs := [][2]any{}
	for i, m := range found {
		for _, text := range []string{m.ID, m.StanzaID, m.Origin} {
			n := name{m.chat, text}
			if text == "" || slices.Contains(named[n], i) {
				continue
			}
			if named[n] == nil {
				pairs = append(pairs, [2]any{m.chat, text})
			}
			named[n] = append(named[n], i)
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		return err
	}
	scan := func(r scanner) (m keyed, err error) {
		err = r.Scan(&m.key, &m.chat, &m.Retracts, &m.ID, &m.StanzaID, &m.Origin, &m.Nick, &m.Occupant, &m.Sent, &m.Beside)
		m.At = time.UnixMicro(m.key)
		return m, err
	}
	all, err := rows(ctx, a.s, scan, archiveRetractions, string(list), view, retractionsRead)
	for _, r := range all {
		for _, i := range named[name{r.chat, r.Retracts}] {
			m := &found[i]
			if len(m.Retractions) < retractionsOfOne && r.key != m.key {
				m.Retractions = append(m.Retractions, r.Archived)
			}
		}
	}
	return err
}

// spans gives the whole result and the part of it that the page lies in.
func (a archive) spans(ctx context.Context, view int64, q store.ArchiveQuery) (whole, part span, err error) {
	whole = span{0, endOfTime}
	if !q.Start.IsZero() {
		whole.from = q.Start.UnixMicro()
	}
	if !q.End.IsZero() {
		whole.to = q.End.UnixMicro()
	}
	cut := func(s *span, after, before string) error {
		if after != "" {
			at, err := a.place(ctx, view, after)
			if err != nil {
				return err
			}
			s.from = max(s.from, at+1)
		}
		if before != "" {
			at, err := a.place(ctx, view, before)
			if err != nil {
				return err
			}
			s.to = min(s.to, at-1)
		}
		return nil
	}
	if err := cut(&whole, q.AfterID, q.BeforeID); err != nil {
		return whole, part, err
	}
	part = whole
	return whole, part, cut(&part, q.After, q.Before)
}

// place finds a message that the user saw.
func (a archive) place(ctx context.Context, view int64, id string) (int64, error) {
	key, found, err := row(ctx, a.s, scanOne[int64], archivePlace, view, id)
	if err == nil && !found {
		err = store.ErrNotArchived
	}
	return key, err
}

type keyed struct {
	store.Archived
	key, chat int64
}

// read gives messages from the end that the page is at.
func (a archive) read(ctx context.Context, view int64, q store.ArchiveQuery, in span, limit int) ([]keyed, error) {
	scan := func(r scanner) (m keyed, err error) {
		m.Component, m.User = q.Component, q.User
		err = r.Scan(&m.key, &m.chat, &m.Chat, &m.ID, &m.StanzaID, &m.Origin, &m.Nick, &m.Occupant, &m.Sent, &m.Text, &m.File, &m.Beside)
		m.At = time.UnixMicro(m.key)
		return m, err
	}
	if backwards(q) {
		return rows(ctx, a.s, scan, archiveBackwards, view, in.from, in.to, q.Nick, limit)
	}
	return rows(ctx, a.s, scan, archiveForwards, view, in.from, in.to, q.Nick, limit, q.Index)
}

// picked gives a page of messages that are named one by one.
func (a archive) picked(ctx context.Context, view int64, q store.ArchiveQuery, whole, part span) (store.ArchivePage, error) {
	page := store.ArchivePage{Index: -1, Count: -1}
	var keys []int64
	for _, id := range q.IDs {
		key, err := a.place(ctx, view, id)
		if err != nil {
			return page, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if backwards(q) {
		slices.Reverse(keys)
	}
	one := q
	one.Index = 0
	var found []keyed
	for _, key := range slices.Compact(keys) {
		if key < max(whole.from, part.from) || key > min(whole.to, part.to) || len(found) > q.Max {
			continue
		}
		more, err := a.read(ctx, view, one, span{key, key}, 1)
		if err != nil {
			return page, err
		}
		found = append(found, more...)
	}
	if !backwards(q) {
		found = found[min(q.Index, len(found)):]
	}
	return a.finish(ctx, view, page, whole, found, q)
}

// Ends implements store.Archive.
func (a archive) Ends(ctx context.Context, component, user string, chat transport.Address) (first, last store.ArchiveMark, any bool, err error) {
	if err := a.flush(ctx, component, user); err != nil {
		return first, last, false, err
	}
	view, _, err := row(ctx, a.s, scanOne[int64], archiveView, component, user, string(chat))
	if err != nil {
		return first, last, false, err
	}
	if first, any, err = row(ctx, a.s, scanMark, archiveFirst, view); err != nil || !any {
		return first, last, any, err
	}
	last, any, err = row(ctx, a.s, scanMark, archiveLast, view)
	return first, last, any, err
}

// Chats implements store.Archive.
func (a archive) Chats(ctx context.Context, component, user string) ([]transport.Address, error) {
	if err := a.flush(ctx, component, user); err != nil {
		return nil, err
	}
	return rows(ctx, a.s, scanOne[transport.Address], archiveChats, component, user, store.MaxChats)
}

// backwards says that the page is at the end of what was asked for.
func backwards(q store.ArchiveQuery) bool { return q.Last || q.Before != "" }

func scanOne[T any](r scanner) (one T, err error) {
	err = r.Scan(&one)
	return one, err
}

func scanMark(r scanner) (m store.ArchiveMark, err error) {
	var key int64
	err = r.Scan(&m.ID, &key)
	m.At = time.UnixMicro(key)
	return m, err
}
