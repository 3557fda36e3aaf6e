package gateway

import (
	"context"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// lingerTime is how long a room is kept after its last client has left it.
const lingerTime = 2 * time.Second

// leaveRoom lets one client go at once. The last one takes the user out of the
// room on the network.
func (s *session) leaveRoom(ctx context.Context, r *room, resource, reason string) {
	s.send(s.goodbye(r, resource))
	r.listeners.remove(resource)
	if len(r.listeners) == 0 {
		s.linger(ctx, r, reason)
		s.askStays(r.address)
	}
	s.forgetAvailability(ctx, resource)
}

// A departure is the leave of a room's last client, which the network has not
// been told of yet.
type departure struct {
	at     time.Time
	reason string
	outage uint64 // the number of the stream's losses then
}

// linger waits a moment before the user leaves the room on the network: a
// server that is restarted says farewell for its users just before its stream
// ends, and they will be back.
func (s *session) linger(ctx context.Context, r *room, reason string) {
	if !r.joined && !r.stays {
		s.part(ctx, r, reason)
		return
	}
	r.leaving = &departure{at: time.Now(), reason: reason, outage: s.host.outages.Load()}
	if s.lingering == nil {
		s.lingering = time.After(lingerTime)
	}
}

// endLingering leaves the rooms that were left in earnest.
func (s *session) endLingering(ctx context.Context) {
	s.lingering = nil
	now := time.Now()
	for _, r := range s.rooms {
		switch {
		case r.leaving == nil:
		case r.leaving.outage != s.host.outages.Load(), r.stays:
			r.emptied, r.leaving = r.leaving.at, nil
		case now.Sub(r.leaving.at) >= lingerTime:
			s.part(ctx, r, r.leaving.reason)
		case s.lingering == nil:
			s.lingering = time.After(lingerTime - now.Sub(r.leaving.at))
		}
	}
}

func (s *session) part(ctx context.Context, r *room, reason string) {
	delete(s.rooms, r.address)
	s.forgetStay(r)
	rooms, ok := s.link.(transport.Rooms)
	if !ok {
		return
	}
	s.parting[r.address]++
	if err := rooms.Leave(ctx, r.address, reason); err != nil {
		s.unpart(r.address)
		s.log().Warn("a room was not left", "err", err)
	}
}

// unpart counts an answered Leave. False means that none was open.
func (s *session) unpart(a transport.Address) bool {
	n := s.parting[a]
	if n <= 1 {
		delete(s.parting, a)
	} else {
		s.parting[a] = n - 1
	}
	return n > 0
}

// lose takes out a client that went without a word. The room is kept for a
// while: most clients come back within minutes.
func (s *session) lose(ctx context.Context, r *room, resource string) {
	r.listeners.remove(resource)
	if len(r.listeners) == 0 && r.emptied.IsZero() {
		r.emptied = time.Now()
	}
	s.forgetAvailability(ctx, resource)
}

// tidyRooms leaves rooms that nobody came back to, and ends joins that the
// network never answered.
func (s *session) tidyRooms(ctx context.Context, now time.Time) {
	for _, r := range s.rooms {
		for resource, l := range r.listeners.all() {
			if l.waiting && now.Sub(l.since) > joinTime {
				s.send(r.refusal(resource, stanza.Error{
					Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: "the network did not answer the join",
				}))
				s.lose(ctx, r, resource)
			}
		}
		if r.stays {
			s.retryStay(ctx, r, now)
			continue
		}
		if len(r.listeners) == 0 && r.leaving == nil && (!r.joined || now.Sub(r.emptied) >= graceTime) {
			s.part(ctx, r, "")
		}
	}
}

// takeLeave closes the link, tells the user's clients that they are out of
// their rooms, and answers what waited for the network.
func (s *session) takeLeave() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	s.leaveAll(ctx)
	s.refuseAsides()
	s.reads.refuse(s)
}

func (s *session) leaveAll(ctx context.Context) {
	for _, r := range s.rooms {
		for resource, l := range r.listeners.all() {
			s.host.TrySend(s.lastWord(r, resource, l))
		}
	}
	for _, iq := range s.keptIQs {
		s.host.refuse(iq.st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
	}
	s.refuseLists()
	s.refuseUnsaid()
	s.refuseInquiries()
	s.failFetches()
	if s.link == nil {
		return
	}
	if err := s.link.Close(ctx, s.farewell); err != nil {
		s.log().Warn("the link did not close cleanly", "err", err)
	}
}

// endLink closes the link although the session goes on.
func (s *session) endLink(ctx context.Context, why string) {
	was := s.farewell
	s.farewell = why
	s.leaveAll(ctx)
	s.farewell = was
	s.link = nil
	clear(s.links)
	clear(s.rooms)
	clear(s.parting)
	clear(s.keptIQs)
	clear(s.lists)
	clear(s.clients)
	clear(s.seen)
	s.forgetFaces()
	s.broken = nil
	s.inquiries = inquiries{}
	s.shown = transport.Availability{Online: true}
	s.held = nil
	for len(s.events) > 0 { // nothing is delivered after Close
		<-s.events
	}
}

// lastWord ends a client's stay in a room: status 332 where the service shuts
// down, 333 where something broke (XEP-0045 §15.6.2).
func (s *session) lastWord(r *room, resource string, l *listener) stanza.Stanza {
	if l.waiting {
		return r.refusal(resource, stanza.Error{Class: stanza.Wait, Condition: stanza.ServiceUnavailable, Text: s.farewell})
	}
	status := stanza.LinkFailed
	if s.farewell == farewellStop {
		status = stanza.Shutdown
	}
	return r.selfGone(resource, status, transport.RoomLeft{Reason: s.farewell})
}
