package irc

import (
	"context"

	"gatehouse/gateway/transport"
)

const reactionBytes = 200 // of one reaction

// targetOf gives the link to a chat, and whom or what it is there. The caller
// holds mu.
func (s *session) targetOf(chat transport.Address, nick string) (*link, string, error) {
	name, srv, err := s.network.split(chat)
	if err != nil {
		return nil, "", err
	}
	l, err := s.online(srv)
	if err != nil {
		return nil, "", err
	}
	if srv.isChannel(name) && nick != "" {
		name = nick
	}
	if u := l.users[l.is.fold(name)]; u != nil {
		name = u.nick()
	}
	ch := l.channel(name)
	switch {
	case l.isChannel(name) && (ch == nil || ch.state != joined):
		return nil, "", refuse(transport.NotJoined, "You are not in %s.", name)
	case ch != nil:
		name = ch.name
	case !l.validTarget(name):
		return nil, "", refuse(transport.BadAddress, "%q can't be a nick on IRC.", name)
	}
	return l, name, nil
}

// React implements transport.Reactions by TAGMSG (IRCv3 react).
func (s *session) React(_ context.Context, r transport.Reaction) error {
	s.isActive()
	return s.do(func() error {
		l, target, err := s.targetOf(r.Chat, r.Nick)
		if err != nil {
			return err
		}
		if len(r.To) > idBytes {
			return refuse(transport.NotFound, "There is no such message.")
		}
		var lines [][]byte
		first := l.newLabels(1)
		add := func(name string, values []string) error {
			for _, value := range values {
				b, err := line(l.is.lineLen, "TAGMSG", target)
				if err != nil || len(value) > reactionBytes {
					return refuse(transport.Unacceptable, "A reaction on IRC has at most %d bytes.", reactionBytes)
				}
				label := uint64(0)
				if len(lines) == 0 {
					label = first
				}
				lines = append(lines, l.tagged(b, label, append([]tag{{name, value}}, replyTags(r.To)...)...))
			}
			return nil
		}
		if err := add(tagReact, r.Add); err != nil {
			return err
		}
		if err := add(tagUnreact, r.Remove); err != nil {
			return err
		}
		if err := l.enqueue(lines...); err != nil {
			return err
		}
		// Refused as a message is, so it waits as one.
		p := &pending{command: "PRIVMSG", target: l.is.fold(target), request: r.Request, chat: r.Chat, lines: len(lines), label: first, tagged: &r}
		l.await(p)
		if !l.echoes() {
			l.showTagged(p)
		}
		return nil
	})
}

// showTagged tells of the user's own reaction.
func (l *link) showTagged(p *pending) {
	r := *p.tagged
	p.tagged = nil
	if !l.isChannel(p.target) {
		l.emit(transport.Answered{Request: r.Request})
		return
	}
	r.Nick = l.nick
	if u := l.users[l.is.fold(l.nick)]; u != nil {
		r.Sender = l.identity(u)
	}
	l.emit(transport.MessageReacted{Reaction: r})
}

// receiveTagmsg handles TAGMSG: what is said by tags alone (IRCv3
// message-tags).
func receiveTagmsg(l *link, m *message) error {
	if l.isOwn(m) && l.echoes() {
		l.visible(m)
		if p := l.ownTagged(m); p != nil {
			l.showTagged(p)
			return nil
		}
		if l.labelOf(m) > 0 || !l.isChannel(l.nameParam(m.param(0))) {
			return nil
		}
	}
	if l.receiveReaction(m) {
		return nil
	}
	l.receiveTyping(m)
	return nil
}

// ownTagged finds the reaction that an echo shows: by its label, or the oldest.
func (l *link) ownTagged(m *message) *pending {
	if label := l.labelOf(m); label > 0 {
		if p := l.withLabel(label); p != nil && p.tagged != nil {
			return p
		}
		return nil
	}
	if l.labels() || m.clientTag(tagReact)+m.clientTag(tagUnreact) == "" {
		return nil
	}
	target := l.is.fold(l.nameParam(m.param(0)))
	for _, p := range l.open {
		if p.tagged != nil && p.target == target {
			return p
		}
	}
	return nil
}

// placeOf gives the chat that a message from somebody belongs to. Ok is false
// where it is shown to nobody.
func (l *link) placeOf(m *message) (chat transport.Address, nick string, ok bool) {
	if m.fromServer() || m.nick == "" {
		return "", "", false
	}
	target := l.nameParam(m.param(0))
	if l.isChannel(target) {
		ch := l.channel(target)
		if ch == nil || !ch.shown() {
			return "", "", false
		}
		return ch.address, m.nick, true
	}
	if l.isOwn(m) || l.is.fold(target) != l.is.fold(l.nick) || !l.validTarget(m.nick) || !validNick(m.nick) {
		return "", "", false
	}
	return l.network.address(l.server, m.nick), "", true
}

// receiveReaction tells what somebody thinks of a message.
func (l *link) receiveReaction(m *message) bool {
	r, ok := l.reactionOf(m)
	if !ok {
		return false
	}
	if r.Chat, r.Nick, ok = l.placeOf(m); ok {
		r.Sender = l.sender(m)
		l.emit(transport.MessageReacted{Reaction: r})
	}
	return true
}

// saysReaction says that the text of a message is that of the reaction on it, or
// there is none.
func (l *link) saysReaction(m *message) bool {
	return m.param(1) == "" || m.param(1) == m.clientTag(tagReact)
}

// reactionOf reads a reaction, wherever it is.
func (l *link) reactionOf(m *message) (r transport.Reaction, ok bool) {
	added, removed := clean(m.clientTag(tagReact)), clean(m.clientTag(tagUnreact))
	r.To = m.replyTo()
	if r.To == "" || added == "" && removed == "" || len(added) > reactionBytes || len(removed) > reactionBytes {
		return r, false
	}
	if added != "" {
		r.Add = []string{added}
	}
	if removed != "" {
		r.Remove = []string{removed}
	}
	return r, true
}
