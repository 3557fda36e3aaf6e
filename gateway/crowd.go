package gateway

import (
	"time"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

const (
	crowdTime   = 15 * time.Second // how long those who come and go in a crowd are told together
	crowdLength = 5000             // of them at most
)

// A crowd is what a large room has not been told yet: who came, went or is away
// now, the last of each. Whoever came and went in between is never shown. All
// that people do or that is done to them is told at once, and shows them first.
// What the network is asked for, such as the list of occupants, is always true.
type crowd struct {
	size    int                        // of the room
	pending map[string]transport.Event // MemberChanged or MemberLeft, by nick
	order   []string                   // of the nicks, those that only passed through included
}

// isCrowd says whether a room is so large that comings and goings are noise.
func (s *session) isCrowd(r *room) bool {
	return s.host.info.Crowd > 0 && r.crowd.size > s.host.info.Crowd
}

// receiveMember shows who came or changed.
func (s *session) receiveMember(r *room, e transport.MemberChanged) {
	r.learnSelf(e.Member)
	if e.Joined {
		r.crowd.size++
	}
	if e.By != "" || e.Nick == r.nick || !s.isCrowd(r) {
		s.showFirst(r, e.Nick)
		s.showMember(r, e)
		return
	}
	if _, left := r.crowd.pending[e.Nick].(transport.MemberLeft); left {
		e.Joined = false // they are still shown
	}
	if was, ok := r.crowd.pending[e.Nick].(transport.MemberChanged); ok {
		e.Joined = was.Joined
	}
	s.showLater(r, e.Nick, e)
}

// receiveDeparture shows who left.
func (s *session) receiveDeparture(r *room, e transport.MemberLeft) {
	r.crowd.size--
	if e.Why != transport.Parted || e.By != "" || !s.isCrowd(r) {
		s.showFirst(r, e.Nick)
		s.showLeft(r, e)
		return
	}
	if was, ok := r.crowd.pending[e.Nick].(transport.MemberChanged); ok && was.Joined {
		delete(r.crowd.pending, e.Nick)
		return
	}
	s.showLater(r, e.Nick, e)
}

func (s *session) showMember(r *room, e transport.MemberChanged) {
	if r.isSeen() {
		s.seeFaces(e.Member)
	}
	r.each(func(to jid.JID) { s.send(r.changed(to, e)) })
}

func (s *session) showLeft(r *room, e transport.MemberLeft) {
	r.miss(e)
	s.showDeparture(r, e)
}

func (s *session) showLater(r *room, nick string, e transport.Event) {
	if len(r.crowd.order) >= crowdLength {
		s.showCrowd(r)
	}
	if r.crowd.pending == nil {
		r.crowd.pending = map[string]transport.Event{}
	}
	if r.crowd.pending[nick] == nil {
		r.crowd.order = append(r.crowd.order, nick)
	}
	r.crowd.pending[nick] = e
	if s.crowded == nil {
		s.crowded = time.After(crowdTime)
	}
}

// showFirst tells what is known of somebody who is about to be told of again.
func (s *session) showFirst(r *room, nick string) {
	e := r.crowd.pending[nick]
	delete(r.crowd.pending, nick)
	switch e := e.(type) {
	case transport.MemberChanged:
		s.showMember(r, e)
	case transport.MemberLeft:
		s.showLeft(r, e)
	}
}

// showCrowd tells a room all at once.
func (s *session) showCrowd(r *room) {
	order := r.crowd.order
	r.crowd.order = nil
	for _, nick := range order {
		s.showFirst(r, nick)
	}
	r.crowd.pending = nil
}

// showCrowds does so for all rooms.
func (s *session) showCrowds() {
	s.crowded = nil
	for _, r := range s.rooms {
		s.showCrowd(r)
	}
}
