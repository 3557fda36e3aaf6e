package gateway

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gatehouse/gateway/transport"
)

const (
	heardKind  = "heard" // of the records that say when a user was on a server last
	heardEvery = 5 * time.Minute
	// A link is found to be lost so long after it was.
	lostFor      = 3 * time.Minute
	maxAbsentees = 50 // people whose messages are caught up with at once
	maxSightings = 64 // servers of a user's that it is known of: those heard last
)

// A sighting says until when a user heard what people on a server say to them.
type sighting struct {
	until  time.Time // zero: the disk knows
	caught bool      // and all of it is known
	failed bool      // or can't be known now
	noted  time.Time // on the disk
}

// A heardName says which server of whom.
type heardName struct {
	user   string
	server transport.Address
}

func (n heardName) owner() string { return n.user }

// writeHeard stores until when a user heard a server.
func (h *host) writeHeard(ctx context.Context, name heardName, until time.Time) error {
	return h.gateway.Store.Records(h.Domain).Put(ctx, transport.RecordItem{
		User: name.user, Kind: heardKind, Key: string(name.server), Value: until.UTC().AppendFormat(nil, time.RFC3339Nano),
	})
}

// readHeard is zero where nothing is known.
func (s *session) readHeard(ctx context.Context, server transport.Address) (until time.Time, err error) {
	value, found, err := s.host.gateway.Store.Records(s.host.Domain).Get(ctx, s.bare, heardKind, string(server))
	if err != nil || !found {
		return until, err
	}
	return time.Parse(time.RFC3339Nano, string(value))
}

// tidyHeard forgets on the disk the servers that were heard the longest ago, so
// that there is place for a new one.
func (s *session) tidyHeard(ctx context.Context) error {
	records := s.host.gateway.Store.Records(s.host.Domain)
	all, err := records.OfUser(ctx, s.bare, heardKind)
	if err != nil || len(all) < maxSightings {
		return err
	}
	until := func(r transport.RecordItem) time.Time {
		at, _ := time.Parse(time.RFC3339Nano, string(r.Value)) // zero: it says nothing
		return at
	}
	slices.SortFunc(all, func(a, b transport.RecordItem) int { return until(b).Compare(until(a)) })
	for _, r := range all[maxSightings-1:] {
		if err := records.Delete(ctx, s.bare, heardKind, r.Key); err != nil {
			return err
		}
	}
	return nil
}

// sight gives what is known of a server, for which one without a connection is
// forgotten if there are too many; the disk knows it. Nil: all have one.
func (s *session) sight(server transport.Address) *sighting {
	if seen := s.sightings[server]; seen != nil {
		return seen
	}
	if len(s.sightings) >= maxSightings {
		var oldest *sighting
		var at transport.Address
		for other, seen := range s.sightings {
			if !s.links[other] && (oldest == nil || seen.until.Before(oldest.until)) {
				oldest, at = seen, other
			}
		}
		if oldest == nil {
			return nil
		}
		delete(s.sightings, at)
	}
	seen := &sighting{}
	put(&s.sightings, server, seen)
	return seen
}

// returnTo asks who said something while the user was away from a server.
func (s *session) returnTo(server transport.Address) {
	if _, kept := s.hears(server); !kept || !s.host.archives() || len(s.catching.waiting) >= maxCatchingUp {
		return
	}
	seen := s.sight(server)
	if seen == nil {
		return
	}
	since := seen.until
	seen.caught, seen.failed = false, false
	s.catching.run(s, waitingErrand{failed: func(context.Context) {}, errand: func(ctx context.Context) func(context.Context) {
		now := time.Now()
		var err error
		if since.IsZero() {
			if since, err = s.readHeard(ctx, server); err == nil && since.IsZero() {
				err = s.tidyHeard(ctx)
			}
		}
		var e transport.HistoryFetched
		if err == nil && !since.IsZero() {
			e, err = s.fetch(ctx, transport.HistoryQuery{Chat: server, After: transport.Mark{At: since.Add(-clockSkew)}})
		}
		return func(context.Context) {
			if err != nil {
				s.log().Info("who said something meanwhile is not known", "err", err)
				return
			}
			s.catchUpWithAll(e.Chats, since, seen)
			s.endReturn(server, seen, now)
		}
	}})
}

// endReturn notes that all is known, once it is: what waits is done in order.
func (s *session) endReturn(server transport.Address, seen *sighting, now time.Time) {
	s.catching.run(s, waitingErrand{failed: func(context.Context) {}, errand: func(context.Context) func(context.Context) {
		return func(context.Context) {
			if up, _ := s.hears(server); s.sightings[server] == seen && !seen.failed && !up.IsZero() && !up.After(now) {
				seen.caught = true
				s.noteHeard(server, seen, now)
			}
		}
	}})
}

// catchUpWithAll asks for what people said, those first who waited longest.
func (s *session) catchUpWithAll(chats []transport.HistoryChat, since time.Time, seen *sighting) {
	slices.SortFunc(chats, func(a, b transport.HistoryChat) int {
		return cmp.Or(a.Last.Compare(b.Last), cmp.Compare(a.Chat, b.Chat))
	})
	people := 0
	for _, chat := range chats {
		if people < maxAbsentees && s.isPerson(chat.Chat) && s.rooms[chat.Chat] == nil {
			people++
			s.catchUpWith(chat.Chat, since, seen)
		}
	}
}

// noteHeard has the disk note that all was heard up to now.
func (s *session) noteHeard(server transport.Address, seen *sighting, now time.Time) {
	seen.until, seen.noted = now, now
	s.host.keptHeard.put(heardName{s.bare, server}, now)
}

// goFrom notes that a server can't be heard any more. When that began nobody
// knows exactly.
func (s *session) goFrom(server transport.Address) {
	if seen := s.sightings[server]; seen != nil && seen.caught {
		seen.caught = false
		if until := time.Now().Add(-lostFor); until.After(seen.until) {
			s.noteHeard(server, seen, until)
		}
	}
}

// tidySightings notes from time to time that servers are heard: a crash leaves
// no time for that.
func (s *session) tidySightings(now time.Time) {
	for server, seen := range s.sightings {
		if seen.caught && now.Sub(seen.noted) >= heardEvery {
			if until := now.Add(-lostFor); until.After(seen.until) {
				s.noteHeard(server, seen, until)
			}
			seen.noted = now
		}
	}
}

// endSightings is for a link that is closed in good order.
func (s *session) endSightings() {
	for server, seen := range s.sightings {
		if seen.caught {
			s.noteHeard(server, seen, time.Now())
		}
	}
	clear(s.sightings)
}
