package irc

import (
	"strings"

	"gatehouse/gateway/transport"
)

// receivePrivmsg handles PRIVMSG, and CTCP in it.
func receivePrivmsg(l *link, m *message) error {
	text := m.param(1)
	if l.receiveEcho(m, text) {
		return nil
	}
	if body, ok := strings.CutPrefix(text, "\x01"); ok {
		command, args, _ := strings.Cut(strings.TrimSuffix(body, "\x01"), " ")
		if !strings.EqualFold(command, "ACTION") {
			l.answerCTCP(m, strings.ToUpper(command), args)
			return nil
		}
		text = "/me " + args
	}
	if l.receiveReaction(m) && l.saysReaction(m) {
		return nil
	}
	l.deliverText(m, formatFromIRC(text))
	return nil
}

// deliverText finds the chat of a message.
func (l *link) deliverText(m *message, text string) {
	if text == "" {
		return
	}
	message := transport.Message{Text: text, Sent: m.at, Delayed: l.delayed(m)}
	if ok, id := m.GetTag("msgid"); ok {
		message.ID = transport.MessageID(clean(id))
	}
	if id := m.replyTo(); id != "" {
		message.ReplyTo = &transport.Reply{ID: id}
	}
	l.refreshHost(m)
	target := l.nameParam(m.param(0))
	if l.isChannel(target) {
		ch := l.channel(target)
		if ch == nil {
			return
		}
		if only := strings.TrimSuffix(clean(m.param(0)), target); only != "" {
			message.Text = "[" + only + "] " + text // for those alone who have that prefix
		}
		if m.fromServer() || m.nick == "" {
			if ch.shown() {
				l.emit(transport.RoomNotice{Room: ch.address, Text: message.Text})
			}
			return
		}
		message.Chat, message.Nick = ch.address, m.nick
		l.learns(m)
		if ch.shown() {
			message.Sender = l.sender(m)
			l.typed(typist{ch.address, m.nick}, message.Sender)
			l.emit(transport.MessageReceived{Message: message})
		} else {
			ch.hold(heldMessage{m, message})
		}
		return
	}
	if m.fromServer() || !l.validTarget(m.nick) {
		l.console(text)
		return
	}
	if l.is.fold(m.nick) == l.is.fold(l.nick) && l.is.fold(target) != l.is.fold(l.nick) {
		return // what another client on the same connection wrote
	}
	if l.users[l.is.fold(m.nick)] == nil {
		l.seesAway(m.nick, false, "") // who writes is not away
	}
	l.touch()
	l.talksTo(m.nick)
	message.Chat, message.Sender = l.network.address(l.server, m.nick), l.sender(m)
	if !validNick(m.nick) {
		message.Chat, message.Nick = l.network.anybody(l.server), m.nick
	} else if ch := l.contextOf(m); ch != nil {
		message.Room = ch.address
		l.heardAside(ch, m.nick)
	}
	l.typed(typist{chat: message.Chat}, message.Sender)
	l.emit(transport.MessageReceived{Message: message})
}

// refreshHost learns user@host from whoever speaks, as NAMES may not tell it.
func (l *link) refreshHost(m *message) {
	if u := l.users[l.is.fold(m.nick)]; u != nil && m.host != "" && u.host() == "" {
		l.learnsHost(u, m.host)
	}
}

// receiveNotice handles NOTICE. Services and servers speak by it: what is not
// part of a private chat belongs to the console.
func receiveNotice(l *link, m *message) error {
	text := m.param(1)
	if l.receiveEcho(m, text) {
		return nil
	}
	if body, ok := strings.CutPrefix(text, "\x01"); ok {
		command, answer, _ := strings.Cut(strings.TrimSuffix(body, "\x01"), " ")
		l.receiveCTCPReply(m, command, answer)
		return nil
	}
	text = formatFromIRC(text)
	target := l.nameParam(m.param(0))
	if strings.EqualFold(m.nick, nickServ) {
		l.servicesAnswer()
	}
	switch {
	case text == "":
	case l.isChannel(target):
		l.deliverText(m, "[notice] "+text)
	case l.channelNotice(m, text):
	case m.fromServer():
		l.console(text)
	default:
		if _, open := l.talking[l.is.fold(m.nick)]; open || l.contextOf(m) != nil {
			l.deliverText(m, text)
			return nil
		}
		l.console(m.nick + ": " + text)
	}
	return nil
}

// channelNotice delivers what services tell somebody about a channel, as in
// "[#garden] Welcome", in that channel.
func (l *link) channelNotice(m *message, text string) bool {
	name, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "]")
	if !ok || !strings.HasPrefix(text, "[") || !l.isChannel(name) {
		return false
	}
	ch := l.channel(name)
	if ch == nil || !ch.shown() || strings.TrimSpace(rest) == "" {
		return false
	}
	l.emit(transport.MessageReceived{Message: transport.Message{
		Chat: ch.address, Nick: m.nick, Sender: l.sender(m), Text: "[notice] " + text, Sent: m.at, Delayed: l.delayed(m),
	}})
	return true
}

// nameParam takes the prefixes of STATUSMSG off a target: "@#garden" is for
// the operators of #garden.
func (l *link) nameParam(target string) string {
	target = clean(target)
	if l.isChannel(target) {
		return target
	}
	if name := strings.TrimLeft(target, l.is.statusmsg); l.is.statusmsg != "" && l.isChannel(name) {
		return name
	}
	return target
}

func (l *link) isChannel(name string) bool { return isOneOf(name, l.is.chantypes) }
