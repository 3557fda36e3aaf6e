package gateway

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	maxMissedSaid = 500 // messages of one chat that are caught up with at once
	maxCatchingUp = maxRooms + 100
)

// A hearing is what a room remembers of when the user heard it.
type hearing struct {
	heardSince time.Time // they are in, as long as the network keeps its history
	heard      time.Time // the last that was said
}

func (r *room) hear(at time.Time) {
	if at.After(r.heard) {
		r.heard = at
	}
}

// A catchUp is what was said in a chat while the user could not hear it.
type catchUp struct {
	s     *session
	chat  transport.Address
	room  bool
	after time.Time // the user heard what was said; zero: as far as the archive goes
	most  int

	wanted bool // somebody is there to be shown it
	keep   bool
	atJoin int
	items  []pastItem
	known  stretches
}

// catchUp asks for what was said while the user was not in a room that they are
// in now. Clients that have been in all the time are shown it (XEP-0203): they
// ask an archive when they join, and not again. Those that join are shown as
// much as they want to see of the past.
func (s *session) catchUp(r *room) {
	since, kept := s.hears(r.address)
	if !kept || since.IsZero() || since.Equal(r.heardSince) || len(s.catching.waiting) >= maxCatchingUp {
		return
	}
	c := &catchUp{s: s, chat: r.address, room: true, after: r.heard, most: maxMissedSaid}
	if c.after.Before(r.heardSince) {
		c.after = r.heardSince
	}
	if !r.heardSince.IsZero() {
		c.known = c.known.add(stretch{r.heardSince, c.after})
	}
	r.heardSince = since
	present := make(map[string]*listener, len(r.listeners))
	limits := map[string]stanza.HistoryLimits{}
	for resource, l := range r.listeners.all() {
		if present[resource] = l; l.waiting {
			limits[resource] = l.limits
		}
		c.wanted = c.wanted || !l.waiting || l.limits.MaxStanzas != 0
	}
	if len(limits) == len(present) {
		c.most = archivePage
	}
	s.catching.run(s, waitingErrand{failed: func(context.Context) {}, errand: func(ctx context.Context) func(context.Context) {
		err := c.collect(ctx)
		return func(context.Context) {
			if err != nil {
				s.log().Info("what was said in a room meanwhile is not known", "err", err)
			}
			s.learnPast(c.chat, c.known)
			if s.rooms[r.address] == r && r.joined {
				c.show(r, present, limits)
			}
		}
	}})
}

// show shows what was missed to those who are still there.
func (c *catchUp) show(r *room, present map[string]*listener, limits map[string]stanza.HistoryLimits) {
	var missed history
	for _, item := range c.items {
		r.hear(item.At)
		if !isSubject(item.kept) { // the room itself has shown what it is now
			missed.said = append(missed.said, saidOf(item.kept))
			c.s.learnThought(r, item.kept)
		}
	}
	for resource, l := range present {
		if r.listeners.of(resource) != l || l.waiting {
			continue
		}
		said := missed.said
		if limit, joins := limits[resource]; joins {
			said = missed.within(limit)
			said = said[max(0, len(said)-c.atJoin):]
		}
		for _, m := range said {
			c.s.send(r.past(r.to(resource), m))
		}
	}
}

// collect fetches what was missed, and leaves what is no news. It waits for the
// network and the disk.
func (c *catchUp) collect(ctx context.Context) error {
	if c.s.host.archives() {
		record := c.s.host.recordOf(c.s.bare, c.chat)
		c.keep, c.atJoin = record.Keep, record.AtJoin
	}
	if !c.keep && !c.wanted {
		return nil
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	now := time.Now()
	items, from, err := c.fetchAll(ctx)
	if len(items) == 0 && err != nil {
		return err
	}
	e := transport.HistoryFetched{Chat: c.chat, Items: items, Complete: true}
	if !c.keep {
		c.items = slices.DeleteFunc(c.s.pastItems(ctx, c.room, e), func(i pastItem) bool { return !i.At.After(c.after) })
		return err
	}
	news, bad := c.s.importPast(ctx, answered{e, c.room, transport.HistoryQuery{Newest: true}})
	if bad != nil {
		return bad
	}
	c.items, c.known = news, c.known.add(stretch{from, now})
	return err
}

// begin finds where the archive ends, for a user who has heard nothing yet.
func (c *catchUp) begin(ctx context.Context) error {
	if !c.after.IsZero() {
		return nil
	}
	if c.keep {
		_, last, any, err := c.s.host.gateway.Store.Archive().Ends(ctx, c.s.host.Domain, c.s.bare, c.chat)
		if err != nil {
			return err
		}
		if any {
			c.after = last.At
			return nil
		}
	}
	c.most = min(c.most, max(c.atJoin, 1))
	return nil
}

// fetchAll gives what was said, the newest if it is too much, and since when
// that is all.
func (c *catchUp) fetchAll(ctx context.Context) (all []transport.HistoryItem, from time.Time, err error) {
	q := transport.HistoryQuery{Chat: c.chat, Newest: true, Max: c.most}
	if !c.after.IsZero() {
		q.After = transport.Mark{At: c.after.Add(-clockSkew)}
	}
	from = time.Now()
	for range maxFetches {
		e, err := c.s.fetch(ctx, q)
		if err != nil {
			return all, from, err
		}
		if e.Complete {
			return all, c.after, nil
		}
		all = append(slices.Clone(e.Items), all...)
		if from = e.Oldest.At.Add(time.Millisecond); c.after.IsZero() || len(all) >= c.most {
			return all[max(0, len(all)-c.most):], from, nil
		}
		if !from.After(c.after) {
			return all, c.after, nil
		}
		q.Before = e.Oldest
	}
	return all, from, nil
}

// catchUpWith asks for what a person said while the link to their server was
// lost, or the gateway was not there.
func (s *session) catchUpWith(chat transport.Address, since time.Time, seen *sighting) {
	if _, kept := s.hears(chat); !kept || len(s.catching.waiting) >= maxCatchingUp {
		return
	}
	c := &catchUp{s: s, chat: chat, after: since, most: archivePage, wanted: true}
	s.catching.run(s, waitingErrand{failed: func(context.Context) {}, errand: func(ctx context.Context) func(context.Context) {
		err := c.collect(ctx)
		return func(context.Context) {
			if err != nil {
				s.log().Info("what somebody said meanwhile is not known", "err", err)
				e, known := errors.AsType[*transport.Error](err)
				seen.failed = seen.failed || !known || e.Reason != transport.NotFound
			}
			s.learnPast(chat, c.known)
			for _, item := range c.items {
				c.deliver(item)
			}
		}
	}})
}

// deliver gives the user what a person said to them, with the id that the
// archive has.
func (c *catchUp) deliver(item pastItem) {
	m, ok := item.Event.(transport.MessageReceived)
	if !ok || item.Own {
		return
	}
	if _, known := c.s.called(c.chat, m.ID); known {
		return
	}
	st := c.s.delayed(m.Message, item.kept)
	if c.keep {
		st.Payloads = append(st.Payloads, stanza.StanzaID{ID: item.kept.ID, By: c.s.at(c.chat)})
	}
	c.s.memory.add(spoken{chat: c.chat, id: m.ID, stanzaID: st.ID, shown: item.kept.ID, text: m.Text})
	c.s.send(st)
}

// delayed is a message of a person's that comes late.
func (s *session) delayed(m transport.Message, kept store.Archived) stanza.Stanza {
	m.Text, m.Sent, m.Delayed = kept.Text, kept.At, true
	st := s.chatMessage(m, kept.StanzaID)
	st.Payloads = append(st.Payloads, readBeside(kept.Beside)...)
	return st
}
