package gateway

import (
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// receiveRoomJoined welcomes the clients that wait for the room. The others see
// it anew if it was lost meanwhile, by the network or by us.
func (s *session) receiveRoomJoined(e transport.RoomJoined) {
	s.doubtLists(e.Room)
	r := s.rooms[e.Room]
	if r == nil {
		return // left while the join was under way
	}
	s.showCrowd(r)
	r.crowd.size = len(e.Members)
	fresh := r.joined && !r.stale && r.anyWaiting()
	r.joined, r.stale, r.nick, r.subject, r.modes = true, false, e.Nick, e.Subject, e.Modes
	r.own = transport.Member{Nick: r.nick, Role: transport.Participant, Identity: r.own.Identity}
	for _, m := range e.Members {
		r.learnSelf(m)
	}
	s.inAgain(r)
	s.catchUp(r)
	for resource, l := range r.listeners.all() {
		switch {
		case l.waiting:
			s.welcome(r, resource, l, e.Members)
		case !fresh:
			s.refresh(r, resource, l, e.Members)
		}
	}
}

// learnSelf keeps what the network knows of the user.
func (r *room) learnSelf(m transport.Member) {
	if m.Nick == r.nick {
		r.own = m
	}
}

func (r *room) anyWaiting() bool {
	for _, l := range r.listeners.all() {
		if l.waiting {
			return true
		}
	}
	return false
}

// refresh shows a room that was joined anew to a client that never left it.
func (s *session) refresh(r *room, resource string, l *listener, members []transport.Member) {
	to := r.to(resource)
	s.seeFaces(members...)
	for _, m := range members {
		if m.Nick != r.nick {
			s.send(r.presence(to, m))
		}
	}
	if l.nick != r.nick {
		s.send(r.renamed(to, l.nick, r.own, stanza.SelfPresence))
		l.nick = r.nick
	}
	s.send(r.presence(to, r.own, stanza.SelfPresence))
	s.send(r.subjectMessage(to, r.subject))
}

func (s *session) receiveRoomLeft(e transport.RoomLeft) {
	s.doubtLists("")
	r := s.rooms[e.Room]
	if (r == nil || e.Why == transport.Parted) && s.unpart(e.Room) {
		return // we asked for it, and have told everybody
	}
	if r == nil {
		return
	}
	delete(s.rooms, e.Room)
	s.outOf(r, e)
	if e.Why == transport.Refused {
		e.Why = transport.LinkLost // for those who were in before the network joined anew
	}
	if e.Reason == "" && e.Err != nil {
		e.Reason = stanzaError(e.Err, s.host.Domain).Text
	}
	for resource, l := range r.listeners.all() {
		if !l.waiting {
			s.send(r.selfGone(resource, 0, e))
			continue
		}
		err := e.Err
		if err == nil {
			err = &transport.Error{Reason: transport.Rejected, Text: e.Reason}
		}
		s.send(r.refusal(resource, stanzaError(err, s.host.Domain)))
	}
}

// receiveModes takes what the room is like now.
func (s *session) receiveModes(r *room, modes transport.RoomModes) {
	if r.modes == modes {
		return
	}
	r.modes = modes
	s.sendRoomChanged(r)
}

func (s *session) receiveSubject(e transport.SubjectChanged) {
	s.inRoom(e.Room, func(r *room) {
		r.subject = e.Subject
		s.archiveSubject(r, e.Subject)
		news := e.Subject
		news.At = time.Time{}
		r.each(func(to jid.JID) { s.send(r.subjectMessage(to, news)) })
	})
}

// changed is the presence of somebody who came, or is not what they were
// (XEP-0045 §7.2.3, §8.3, §9.6).
func (r *room) changed(to jid.JID, e transport.MemberChanged) stanza.Stanza {
	st := r.presence(to, e.Member)
	x := stanza.MUCUser{Item: r.host.item(e.Member)}
	x.Item.Actor, x.Item.Reason = e.By, e.Reason
	if r.isOwn(to, e.Nick) {
		x.Statuses = []int{stanza.SelfPresence}
	}
	st.Payloads[len(st.Payloads)-1] = x
	return st
}

// receiveRename shows a new nick: the old one goes with status 303, the new one
// comes (XEP-0045 §7.6).
func (s *session) receiveRename(r *room, e transport.MemberRenamed) {
	s.showFirst(r, e.Was)
	s.showFirst(r, e.Nick)
	if e.Was == r.nick {
		s.receiveOwnRename(r, e.Member)
		return
	}
	r.miss(transport.MemberLeft{Room: e.Room, Member: transport.Member{Nick: e.Was}})
	r.each(func(to jid.JID) {
		s.send(r.renamed(to, e.Was, e.Member))
		s.send(r.presence(to, e.Member))
	})
}

// receiveOwnRename does the same for the user. A client that can't be told just
// now is told when the room is shown again.
func (s *session) receiveOwnRename(r *room, own transport.Member) {
	r.nick, r.own = own.Nick, own
	s.keepRoom(r)
	if s.host.streamDown.Load() {
		return
	}
	for resource, l := range r.listeners.all() {
		if l.waiting {
			continue
		}
		to := r.to(resource)
		s.send(r.renamed(to, l.nick, r.own, stanza.SelfPresence))
		l.nick = own.Nick
		s.send(r.presence(to, own, stanza.SelfPresence))
	}
}

// renamed is the last presence under a nick that gives way to another.
func (r *room) renamed(to jid.JID, was string, m transport.Member, statuses ...int) stanza.Stanza {
	item := r.host.item(m)
	item.Nick = m.Nick
	return stanza.Stanza{
		Kind:     stanza.Presence,
		Header:   stanza.Header{From: r.occupant(was), To: to, Type: stanza.Unavailable},
		Payloads: []payload{r.idOf(m), stanza.MUCUser{Item: item, Statuses: append([]int{stanza.NewNick}, statuses...)}},
	}
}

func (s *session) showDeparture(r *room, e transport.MemberLeft) {
	r.each(func(to jid.JID) { s.send(r.gone(to, e.Member, e.Why, e.By, e.Reason)) })
}
