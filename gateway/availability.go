package gateway

import (
	"context"
	"maps"
	"slices"
	"unique"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// fromBusy orders what a client may show from the least to the most available
// (RFC 6121 §4.7.2.1).
var fromBusy = []string{"xa", "away", "dnd", "", "chat"}

// setAvailability notes what a client in some room shows.
func (s *session) setAvailability(ctx context.Context, st *stanza.Received) {
	a := transport.Availability{Online: true, Show: st.ReadShow(), Status: st.ReadStatus()}
	if !slices.Contains(fromBusy, a.Show) {
		a.Show = ""
	}
	put(&s.clients, unique.Make(st.From.Resource).Value(), &a)
	s.noteAvatar(st)
	s.showAvailability(ctx, st.From.Resource)
}

// forgetAvailability is called when a client left a room.
func (s *session) forgetAvailability(ctx context.Context, resource string) {
	for _, r := range s.rooms {
		if r.listeners.of(resource) != nil {
			return
		}
	}
	delete(s.clients, resource)
	s.showAvailability(ctx, "")
}

// showAvailability tells the network what the most available of the user's
// clients shows, or among equals the one that spoke last, if that has changed:
// the network sees one person, and clients tell every room. Who stays in rooms
// without a client is not available.
func (s *session) showAvailability(ctx context.Context, spoke string) {
	p, ok := s.link.(transport.PresenceUpdates)
	if !ok || len(s.clients) == 0 && !s.staysAnywhere() {
		return
	}
	best, bestRank := transport.Availability{}, -1
	for _, resource := range slices.Sorted(maps.Keys(s.clients)) {
		a := *s.clients[resource]
		rank := slices.Index(fromBusy, a.Show)
		if rank > bestRank || rank == bestRank && resource == spoke {
			best, bestRank = a, rank
		}
	}
	if best == s.shown {
		return
	}
	s.shown = best
	if err := p.SetPresence(ctx, best); err != nil {
		s.log().Info("the user's availability was not passed on", "err", err)
	}
}
