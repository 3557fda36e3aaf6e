package irc

import (
	"context"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// Huge channels are joined without a list of who is in them (IRCv3
// no-implicit-names), for those who want that: people are shown once they say
// or do something. The capability holds for all of a connection, so that other
// channels' lists are asked for.
const (
	noNamesCap      = "no-implicit-names"
	draftNoNamesCap = "draft/no-implicit-names"

	occupantsSetting = "occupants"
	allOccupants     = "all"
	seenOccupants    = "seen"
)

var noNamesCaps = []string{noNamesCap, draftNoNamesCap}

var _ transport.Census = (*session)(nil)

// A gathering is how much is known of who is in a channel.
type gathering struct {
	lazy     bool // those alone who were seen
	counting bool // the others are being asked for
	namesDue bool // while entering: NAMES was sent behind the JOIN
}

// sendsNoNames says that a JOIN is not answered with names.
func (l *link) sendsNoNames() bool {
	return l.caps.on.has(noNamesCap) || l.caps.on.has(draftNoNamesCap)
}

func (l *link) wantsSeenAlone(ch *channel) bool {
	if ch.set.occupants != "" {
		return ch.set.occupants == seenOccupants
	}
	return l.set.occupants == seenOccupants
}

// readyForJoin asks for the capability before the first channel that wants it.
func (l *link) readyForJoin(ch *channel) {
	if !l.wantsSeenAlone(ch) || l.sendsNoNames() || l.caps.noNames {
		return
	}
	for _, name := range noNamesCaps {
		if l.caps.offered.has(name) {
			l.caps.noNames = true
			l.caps.asked++
			l.sendNow("CAP", "REQ", name)
			return
		}
	}
}

// nameless is called when a JOIN has come back.
func (l *link) nameless(ch *channel) {
	ch.gathering = gathering{}
	switch {
	case !l.sendsNoNames():
	case l.wantsSeenAlone(ch):
		ch.lazy = true
		l.take(func(p *pending) bool { return p.command == "JOIN" && p.target == l.is.fold(ch.name) })
		l.isNamed(ch)
	default:
		ch.namesDue = true
		l.await(&pending{command: "JOIN", target: l.is.fold(ch.name)})
		l.sendSoon("NAMES", ch.name)
	}
}

// notice shows those who say or do something in a channel where not all are
// known, and those whom it is done to.
func (l *link) notice(m *message) {
	switch m.Command {
	case "PRIVMSG", "TAGMSG", "TOPIC", "KICK", "MODE":
	default:
		return
	}
	ch := l.channel(l.nameParam(m.param(0)))
	if ch == nil || !ch.lazy || l.delayed(m) {
		return
	}
	speaks := m.Command == "PRIVMSG" || m.Command == "TAGMSG"
	switch {
	case m.fromServer() || m.host == "" || m.HasTag(relayTag):
	case strings.HasSuffix(strings.ToLower(m.nick), "serv"): // services do things from outside
	case speaks && !ch.modes.has('n'): // strangers may speak, too
	default:
		l.appears(ch, m.nick, m.host)
	}
	switch m.Command {
	case "KICK":
		l.appears(ch, clean(m.param(1)), "")
	case "MODE":
		args := slices.Clone(m.Params[min(2, len(m.Params)):])
		for i := range args {
			args[i] = clean(args[i])
		}
		for _, c := range l.is.modeChanges(clean(m.param(1)), args) {
			if c.member {
				l.appears(ch, c.arg, "")
			}
		}
	}
}

func (l *link) appears(ch *channel, nick, host string) {
	if u := l.users[l.is.fold(nick)]; u != nil && ch.has(u) || nick == "" || len(nick) > sourceLimit {
		return
	}
	u := l.seenFrom(nick, host)
	if u.rooms == 0 {
		u.away, u.status = false, noText
	}
	l.enter(ch, u, 0)
	l.sees(nick, true)
	if ch.shown() {
		l.emit(transport.MemberChanged{Room: ch.address, Member: l.member(ch, u), Joined: true})
	}
}

// Count implements transport.Census.
func (s *session) Count(_ context.Context, room transport.Address, r transport.Request) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		if !ch.lazy {
			l.emit(transport.Answered{Request: r})
			return nil
		}
		b, err := line(l.is.lineLen, "NAMES", ch.name)
		if err != nil {
			return err
		}
		if err := l.enqueue(b); err != nil {
			return err
		}
		ch.counting = true
		l.await(&pending{command: "NAMES", target: l.is.fold(ch.name), request: r})
		return nil
	})
}

// counted shows one of those who were asked for.
func (l *link) counted(ch *channel, u *user, modes modeSet) {
	was, here := ch.members.modes(u), ch.has(u)
	l.enter(ch, u, modes)
	switch {
	case !ch.shown() || here && was == modes:
	case here:
		l.changed(ch, u, "")
	default:
		l.emit(transport.MemberChanged{Room: ch.address, Member: l.member(ch, u), Joined: true})
	}
}

// allCounted is called behind the last of them.
func (l *link) allCounted(ch *channel) {
	ch.counting, ch.lazy = false, false
	for {
		p := l.take(func(p *pending) bool { return p.command == "NAMES" && p.target == l.is.fold(ch.name) })
		if p == nil {
			return
		}
		l.settle(p, nil)
	}
}

// unseen stands for somebody who may be in a channel where not all are known.
// The server says if they are not.
func (l *link) unseen(ch *channel, nick string) *user {
	if !ch.lazy || !validNick(nick) {
		return nil
	}
	if u := l.users[l.is.fold(nick)]; u != nil {
		return u
	}
	return newUser(nick, "")
}
