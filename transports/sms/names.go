package sms

import (
	"context"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

var _ transport.Naming = (*session)(nil)

// maxTold bounds the senders whose names a session knows to be known.
const maxTold = 1000

// Called implements transport.Naming: members of groups have the names that the
// user gave them.
func (s *session) Called(who transport.Address, name string) {
	number, _ := splitOwn(who)
	if !strings.HasPrefix(string(number), "+") || isGroup(number) {
		return
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	type place struct {
		room   transport.Address
		number string
	}
	before := map[place]string{} // another of the same name is called differently, too
	for room, g := range s.groups.joined {
		if members := membersOf(room); slices.Contains(members, string(number)) {
			for _, m := range members {
				before[place{room, m}] = s.nickLocked(room, m, g.nick)
			}
		}
	}
	if name == "" {
		delete(s.groups.names, string(number))
	} else {
		s.groups.names[string(number)] = name
	}
	for p, was := range before {
		if s.nickLocked(p.room, p.number, s.groups.joined[p.room].nick) != was {
			s.rename(p.room, p.number, was)
		}
	}
}

// rename has the gateway told of a member's new nick. If that can't be, the room
// shows it when it is joined anew.
func (s *session) rename(room transport.Address, number, was string) {
	err := s.later(func(context.Context) transport.Event {
		for _, m := range s.Members(room) {
			if m.Who == transport.Address(number) {
				return transport.MemberRenamed{Room: room, Was: was, Member: m}
			}
		}
		return transport.Answered{} // the group was left
	})
	if err != nil {
		s.network.log.Warn("a member's new name is not shown", "error", err)
	}
}

// nickLocked is how a member of a group is called there: by their name, with the
// number where others have the same.
func (s *session) nickLocked(room transport.Address, number, own string) string {
	name := s.groups.names[number]
	if name == "" {
		return number
	}
	same := name == own
	for _, other := range membersOf(room) {
		same = same || other != number && s.groups.names[other] == name
	}
	if same {
		name += " (" + number + ")"
	}
	return name
}

// nickIn is the same for those without the lock.
func (s *session) nickIn(room transport.Address, number string) string {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	own := ""
	if g := s.groups.joined[room]; g != nil {
		own = g.nick
	}
	return s.nickLocked(room, number, own)
}

// nameSender tells how a sender whose name is letters writes it: addresses have
// no capitals.
func (n *Network) nameSender(ctx context.Context, user, at string, sender transport.Address, letters string) {
	name := strings.TrimSpace(printable(letters))
	n.mu.Lock()
	s := n.sessions[userKey(user)]
	n.mu.Unlock()
	if s == nil || !strings.HasSuffix(string(sender), lettersSuffix) {
		return
	}
	if sender = n.seenAt(user, at, sender); !s.learnSender(sender, name) {
		return
	}
	if err := s.deliver(ctx, transport.ContactChanged{Who: sender, Name: name}); err != nil {
		n.log.Debug("a sender's name is not told", "error", err)
	}
}

// learnSender says whether the name is news.
func (s *session) learnSender(sender transport.Address, name string) bool {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	if s.groups.told[sender] == name {
		return false
	}
	if len(s.groups.told) >= maxTold {
		clear(s.groups.told)
	}
	s.groups.told[sender] = name
	return true
}
