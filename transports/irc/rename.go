package irc

import (
	"context"
	"slices"

	"gatehouse/gateway/transport"
)

// Channels that get another name (IRCv3 channel-rename).

const renameCap = "draft/channel-rename"

var _ transport.Renaming = (*session)(nil)

// RenameRoom implements transport.Renaming by RENAME. The server says who may.
func (s *session) RenameRoom(_ context.Context, room transport.Address, name, reason string, r transport.Request) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		if !l.isChannel(name) {
			name = ch.name[:1] + name // people leave it out
		}
		switch {
		case !l.caps.on.has(renameCap):
			return refuse(transport.Unsupported, "Channels of %s can't be renamed.", l.server.name)
		case !validChannel(name):
			return refuse(transport.BadRequest, "%q can't be the name of a channel on IRC.", name)
		case name == ch.name:
			l.emit(transport.Answered{Request: r})
			return nil
		}
		params := []string{ch.name, name}
		if reason != "" {
			params = append(params, withoutCTCP(reason))
		}
		return l.command(&pending{command: "RENAME", target: l.is.fold(ch.name), who: l.is.fold(name), request: r}, "RENAME", params...)
	})
}

// receiveRename handles RENAME: the old name, the new one, a reason. All that
// is known of the channel holds for the new name.
func receiveRename(l *link, m *message) error {
	ch, name := l.channel(l.nameParam(m.param(0))), m.param(1)
	if ch == nil || !l.isChannel(name) {
		return nil
	}
	was, key := l.is.fold(ch.name), l.is.fold(name)
	if l.isSelf(m.nick) {
		l.echoed("RENAME", was, key)
	}
	if was == key { // in another case it is the same channel
		ch.name = name
		return nil
	}
	if other := l.channels[key]; other != nil { // one that we were on the way into
		l.drop(other)
		l.emit(transport.RoomLeft{Room: other.address, Why: transport.Refused, Err: refuse(transport.Conflict, "%s has just got this name: join again.", ch.name)})
	}
	delete(l.channels, was)
	l.channels[key], ch.name = ch, name
	old := ch.address
	for _, p := range slices.Concat(l.open, l.unechoed) {
		if p.target == was {
			p.target = key
		}
		if p.chat == old && ch.state != leaving {
			p.chat = l.network.address(l.server, name)
		}
	}
	if ch.state == leaving { // the server knows the old name no more
		l.await(&pending{command: "PART", target: key})
		l.sendSoon("PART", name)
		return nil
	}
	if !validChannel(name) {
		l.sendSoon("PART", name)
		l.drop(ch)
		l.emit(transport.RoomLeft{Room: old, Why: transport.Kicked, By: m.nick, Reason: "It is called " + name + " now, which no address can be made of."})
		return nil
	}
	l.moveChannel(ch, old, l.network.address(l.server, name))
	reason := ""
	if len(m.Params) > 2 {
		reason = m.text()
	}
	l.emit(transport.RoomRenamed{Room: old, To: ch.address, By: m.nick, Reason: reason})
	return nil
}

// moveChannel gives a channel another address.
func (l *link) moveChannel(ch *channel, from, to transport.Address) {
	ch.address = to
	for who := range l.in {
		if who.chat == from {
			delete(l.in, who)
		}
	}
	if kept := l.saidAt[from]; kept != nil {
		delete(l.saidAt, from)
		l.saidAt[to] = kept
	}
	l.readRoomSettings(ch)
}
