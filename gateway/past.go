package gateway

import (
	"context"
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// lookBack reads for a client that joins what the room shows of its past
// (XEP-0045 §7.2.14), while the network lets it in.
func (s *session) lookBack(r *room, l *listener) {
	if !s.host.archives() || len(s.lookups.waiting) >= maxLookups {
		return
	}
	l.looking = true
	limits, version := l.limits, s.version
	s.lookUp(func(ctx context.Context) func(context.Context) {
		var record transport.Record
		var past []said
		err := inTurn(ctx, s.host.lookers, func() (err error) {
			record = s.host.recordOf(s.bare, r.address)
			if most := mostPast(record.AtJoin, limits); record.Keep && most > 0 {
				past, err = s.past(ctx, r, most, limits)
			}
			return err
		})
		if err != nil {
			s.log().Warn("a room's past can't be read", "err", err)
		}
		return func(context.Context) {
			s.learnRecord(r.address, record, version)
			l.past, l.looking = past, false
		}
	})
}

// mostPast is how many messages the client and the user want at most.
func mostPast(atJoin int, l stanza.HistoryLimits) int {
	most := min(atJoin, maxPast)
	if l.MaxStanzas >= 0 {
		most = min(most, l.MaxStanzas)
	}
	if l.MaxChars == 0 {
		most = 0
	}
	return most
}

func (s *session) past(ctx context.Context, r *room, most int, l stanza.HistoryLimits) ([]said, error) {
	page, err := s.host.gateway.Store.Archive().Page(ctx, store.ArchiveQuery{
		Component: s.host.Domain, User: s.bare, Chat: r.address, Start: l.Since, Max: most, Last: true,
	})
	buryCorrections(page.Messages)
	past := make([]said, 0, len(page.Messages))
	for _, m := range page.Messages {
		was := saidOf(m)
		if !isSubject(m) && !was.isTombstone() { // XEP-0424 §6: it is not spread any further
			past = append(past, was)
		}
	}
	return past, err
}

func saidOf(m store.Archived) said {
	m, extras := buried(m)
	return said{
		nick: m.Nick, text: m.Text, file: readFile(m.File), extras: extras, occupant: stanza.OccupantID(m.Occupant),
		id: m.StanzaID, stanzaID: m.ID, origin: m.Origin, at: m.At,
	}
}

func (r *room) isLooking() bool {
	for _, l := range r.listeners.all() {
		if l.looking {
			return true
		}
	}
	return false
}

// pastOf is what a client is shown of the room's past: what the archive had
// when it asked to join, and what was said since.
func (h *host) pastOf(r *room, l *listener) []said {
	if !h.archives() {
		return r.history.within(l.limits)
	}
	all := history{said: l.past}
	for _, m := range r.recent.said {
		if !slices.ContainsFunc(l.past, func(p said) bool { return p.stanzaID == m.stanzaID }) {
			all.said = append(all.said, m)
		}
	}
	l.past = nil
	return all.within(l.limits)
}
