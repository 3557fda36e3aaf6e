package gateway

import (
	"context"
	"errors"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	maxFetches = 8               // for one page
	fetchTime  = 6 * time.Second // of the time that a page has
	clockSkew  = 5 * time.Second // between the network's clock and ours
)

// A merge answers questions to an archive that the network's history completes:
// what the archive lacks is fetched into it first.
type merge struct {
	s     *session
	chat  transport.Address
	room  bool
	now   time.Time
	known stretches
	reach transport.Mark // how far the last answer went
	edge  time.Time      // of the gap that it has left
	back  bool           // which way that was
}

// mergeOf is nil where the network keeps nothing.
func (s *session) mergeOf(chat transport.Address, room bool) *merge {
	since, kept := s.hears(chat)
	if !kept || chat == "" {
		return nil
	}
	now := time.Now()
	return &merge{s: s, chat: chat, room: room, now: now, known: s.knownOf(chat, since, now)}
}

// archivePage gives a page of the archive, for which more is fetched if need be.
func (s *session) archivePage(ctx context.Context, q store.ArchiveQuery, m *merge) (store.ArchivePage, error) {
	if m == nil || !s.host.recordOf(s.bare, q.Chat).Keep {
		return s.localPage(ctx, q)
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	page, err := m.page(ctx, fetching, q)
	known := m.known
	if late := s.onSession(ctx, func(context.Context) { s.learnPast(q.Chat, known) }); late != nil && err == nil {
		return page, late
	}
	return page, err
}

func (s *session) localPage(ctx context.Context, q store.ArchiveQuery) (page store.ArchivePage, err error) {
	err = inTurn(ctx, s.host.readers, func() (err error) {
		page, err = s.host.gateway.Store.Archive().Page(ctx, q)
		return err
	})
	return page, err
}

// page fetches as long as the page has gaps. Where the network can't be asked
// it is as complete as the archive is, which it says.
func (m *merge) page(ctx, fetching context.Context, q store.ArchiveQuery) (store.ArchivePage, error) {
	if err := m.fetchNamed(fetching, q); err != nil {
		return store.ArchivePage{}, err
	}
	for fetches := 0; ; fetches++ {
		whole, part, err := m.bounds(ctx, q)
		if err != nil {
			return store.ArchivePage{}, err
		}
		once := q
		if _, more := m.known.firstGap(whole); more {
			once.Counted = false // what is not all there has no number
		}
		page, err := m.s.localPage(ctx, once)
		if err != nil {
			return page, err
		}
		gap, any := m.gap(q, part, page)
		var refused error
		if any && fetches < maxFetches && len(q.IDs) == 0 {
			if refused = m.fill(fetching, gap, isBackwards(q)); refused == nil {
				continue
			}
		}
		return m.settle(ctx, q, page, whole, part, any, refused)
	}
}

// settle says how complete a page is.
func (m *merge) settle(ctx context.Context, q store.ArchiveQuery, page store.ArchivePage, whole, part stretch, gap bool, refused error) (store.ArchivePage, error) {
	if len(q.IDs) > 0 {
		return page, nil
	}
	e, isNetworks := errors.AsType[*transport.Error](refused)
	if refused != nil && len(page.Messages) == 0 && q.Max > 0 {
		if !isNetworks || e.Reason != transport.NotFound && e.Reason != transport.Unsupported {
			return page, wait(refused)
		}
		if _, _, any, err := m.s.host.gateway.Store.Archive().Ends(ctx, q.Component, q.User, q.Chat); err == nil && !any && e.Reason == transport.NotFound {
			return page, refused
		}
	}
	if isNetworks && (e.Reason == transport.NotFound || e.Reason == transport.Unsupported) {
		return m.s.localPage(ctx, q) // there is nothing but the archive
	}
	if _, more := m.known.firstGap(whole); more {
		page.Count, page.Index = -1, -1
	}
	if _, more := m.known.firstGap(part); more || gap {
		page.Complete = false
	}
	return page, nil
}

// wait makes an error one that another try may mend.
func wait(err error) error {
	if e, ok := errors.AsType[*transport.Error](err); ok && (e.Reason == transport.Unreachable || e.Reason == transport.RateLimited || e.Reason == transport.Unexplained) {
		return err
	}
	return &transport.Error{Reason: transport.Unreachable, Text: "The network does not say what was said. Ask again later.", Err: err}
}

func isBackwards(q store.ArchiveQuery) bool { return q.Last || q.Before != "" }

// bounds gives in times what a query is about as a whole, and the part of it that
// the page lies in.
func (m *merge) bounds(ctx context.Context, q store.ArchiveQuery) (whole, part stretch, err error) {
	whole = stretch{q.Start, m.now}
	if !q.End.IsZero() && q.End.Before(m.now) {
		whole.to = q.End
	}
	cut := func(s *stretch, after, before string) error {
		if after != "" {
			at, err := m.place(ctx, after)
			if err != nil {
				return err
			}
			if at.After(s.from) {
				s.from = at
			}
		}
		if before != "" {
			at, err := m.place(ctx, before)
			if err != nil {
				return err
			}
			if at.Before(s.to) {
				s.to = at
			}
		}
		return nil
	}
	if err := cut(&whole, q.AfterID, q.BeforeID); err != nil {
		return whole, part, err
	}
	part = whole
	return whole, part, cut(&part, q.After, q.Before)
}

// place is when a message of the archive was said.
func (m *merge) place(ctx context.Context, id string) (time.Time, error) {
	page, err := m.s.localPage(ctx, m.about(id))
	if err != nil || len(page.Messages) == 0 {
		return time.Time{}, orNotArchived(err)
	}
	return page.Messages[0].At, nil
}

func orNotArchived(err error) error {
	if err == nil {
		return store.ErrNotArchived
	}
	return err
}

// about asks for one message.
func (m *merge) about(id string) store.ArchiveQuery {
	return store.ArchiveQuery{Component: m.s.host.Domain, User: m.s.bare, Chat: m.chat, IDs: []string{id}, Max: 1}
}

// gap gives the part of a page that is not known: of one that is full, what lies
// between its messages, or else all that it could have messages of.
func (m *merge) gap(q store.ArchiveQuery, part stretch, page store.ArchivePage) (stretch, bool) {
	full := len(page.Messages) >= q.Max
	if isBackwards(q) {
		if full {
			part.from = part.to
			if len(page.Messages) > 0 {
				part.from = page.Messages[0].At
			}
		}
		return m.known.lastGap(part)
	}
	if full {
		part.to = part.from
		if n := len(page.Messages); n > 0 {
			part.to = page.Messages[n-1].At
		}
	}
	return m.known.firstGap(part)
}

// fill fetches into a gap from one of its ends.
func (m *merge) fill(ctx context.Context, gap stretch, back bool) error {
	q := transport.HistoryQuery{Chat: m.chat, Newest: back}
	if !gap.from.IsZero() {
		q.After = transport.Mark{At: gap.from.Add(-clockSkew)}
	}
	if gap.to.Before(m.now) {
		q.Before = transport.Mark{At: gap.to.Add(clockSkew)}
	}
	if m.back == back && !m.edge.IsZero() { // where the last answer ended this one begins
		switch {
		case back && m.edge.Equal(gap.to):
			q.Before = m.reach
		case !back && m.edge.Equal(gap.from):
			q.After = m.reach
		}
	}
	e, err := m.s.fetch(ctx, q)
	if err != nil {
		return err
	}
	if _, err := m.s.importPast(ctx, answered{e, m.room, q}); err != nil {
		return err
	}
	m.known = m.known.add(m.reached(gap, e, back))
	return nil
}

// reached gives the part of a gap that an answer has closed.
func (m *merge) reached(gap stretch, e transport.HistoryFetched, back bool) stretch {
	if e.Complete {
		return gap
	}
	was := m.reach
	m.back = back
	if m.reach = e.Newest; back {
		m.reach = e.Oldest
	}
	if m.reach == was { // more was said at one time than an answer has place for
		m.reach.ID = ""
		if m.reach.At = was.At.Add(time.Millisecond); back {
			m.reach.At = was.At.Add(-time.Millisecond)
		}
	}
	// Of the millisecond that an answer ends with there may be more.
	if m.edge = m.reach.At.Add(-time.Millisecond); back {
		m.edge = m.reach.At.Add(time.Millisecond)
	}
	switch {
	case m.edge.Before(gap.from):
		m.edge = gap.from
	case m.edge.After(gap.to):
		m.edge = gap.to
	}
	if back {
		return stretch{m.edge, gap.to}
	}
	return stretch{gap.from, m.edge}
}

// fetchNamed fetches messages that are named, but not in the archive, with what
// is around them.
func (m *merge) fetchNamed(ctx context.Context, q store.ArchiveQuery) error {
	asked := 0
	for _, id := range append([]string{q.AfterID, q.BeforeID, q.After, q.Before}, q.IDs...) {
		if id == "" || asked == maxFetches {
			continue
		}
		if _, err := m.place(ctx, id); !errors.Is(err, store.ErrNotArchived) {
			continue
		}
		asked++
		q := transport.HistoryQuery{Chat: m.chat, Around: transport.Mark{ID: transport.MessageID(id)}, Max: 2}
		e, err := m.s.fetch(ctx, q)
		if err != nil {
			continue // then it is not there
		}
		if _, err := m.s.importPast(ctx, answered{e, m.room, q}); err != nil {
			return err
		}
	}
	return nil
}
