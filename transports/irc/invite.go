package irc

import (
	"context"

	"gatehouse/gateway/transport"
)

var _ transport.Invitations = (*session)(nil)

// Invite implements transport.Invitations.
func (s *session) Invite(_ context.Context, room transport.Address, i transport.Invitation) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		nick, err := l.nickOf(transport.Action{Nick: i.Nick, Who: i.Who})
		switch {
		case err != nil:
			return err
		case !validNick(nick):
			return refuse(transport.BadRequest, "%q can't be a nick on IRC.", nick)
		}
		return l.command(&pending{
			command: "INVITE", target: l.is.fold(ch.name), who: l.is.fold(nick), request: i.Request, chat: ch.address,
		}, "INVITE", nick, ch.name)
	})
}

// invited takes the oldest open INVITE that a reply is about.
func (l *link) invited(m *message) *pending {
	names := map[string]bool{}
	for _, p := range m.Params[min(1, len(m.Params)):] {
		names[l.is.fold(clean(p))] = true
	}
	return l.take(func(p *pending) bool { return p.command == "INVITE" && names[p.target] && names[p.who] })
}

// receiveInviting handles 341: nick, who is invited, channel; some servers have
// the last two the other way round.
func receiveInviting(l *link, m *message) error {
	p := l.invited(m)
	if p == nil {
		return receiveConsole(l, m)
	}
	who, name := m.param(1), m.param(2)
	if l.isChannel(who) {
		who, name = name, who
	}
	l.emit(transport.RoomNotice{Room: p.chat, Text: clean(who) + " has been invited to " + clean(name)})
	l.settle(p, nil)
	return nil
}

// receiveAlreadyIn handles 443: nick, who, channel, text.
func receiveAlreadyIn(l *link, m *message) error {
	p := l.invited(m)
	if p == nil {
		return receiveConsole(l, m)
	}
	text := clean(m.param(1)) + " is already on channel " + clean(m.param(2))
	l.emit(transport.RoomNotice{Room: p.chat, Text: text}) // clients don't show errors of invitations
	l.settle(p, &transport.Error{Reason: transport.Conflict, Text: text, Code: m.Command})
	return nil
}

// receiveInvite handles INVITE nick channel. Others than us are invited where
// the server tells of it (IRCv3 invite-notify).
func receiveInvite(l *link, m *message) error {
	nick, name := clean(m.param(0)), clean(m.param(1))
	switch ch := l.channel(name); {
	case !l.isChannel(name) || !validChannel(name):
	case l.isSelf(nick):
		l.touch() // for the join
		l.emit(transport.Invited{Room: l.network.address(l.server, name), By: m.nick})
	case ch != nil && ch.shown() && !l.isSelf(m.nick):
		l.emit(transport.RoomNotice{Room: ch.address, Text: m.nick + " has invited " + nick + " to " + ch.name})
	}
	return nil
}
