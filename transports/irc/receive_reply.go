package irc

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// A server tells everybody of a JOIN before it answers what came behind it: in a
// channel of more than modesMembers the modes are not waited for, although
// everybody's role is told twice where it is moderated.
const modesMembers = 500

// receiveChannelModes handles 324: nick, channel, modes, arguments.
func receiveChannelModes(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(1)))
	if ch == nil || len(m.Params) < 3 {
		return nil
	}
	if l.take(func(p *pending) bool { return p.asked && p.target == l.is.fold(ch.name) }) != nil {
		l.emit(transport.RoomNotice{Room: ch.address, Text: "Mode " + ch.name + " [" + clean(strings.Join(m.Params[2:], " ")) + "]"})
	}
	before := ch.modes
	ch.modes = 0
	args := m.Params[3:]
	for _, c := range l.is.modeChanges(clean(m.param(2)), args) {
		if c.flag {
			c.arg = clean(c.arg)
			ch.setFlag(c)
		}
	}
	if ch.modesDue {
		ch.modesDue = false
		if l.take(func(p *pending) bool { return p.command == "modes" && p.target == l.is.fold(ch.name) }) != nil {
			l.complete(ch)
		}
		return nil
	}
	l.modesChanged(ch, before)
	return nil
}

// receiveTopicReply handles 331 and 332: nick, channel, topic.
func receiveTopicReply(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(1)))
	if ch == nil {
		return nil
	}
	text := ""
	if m.Command == "332" {
		text = formatFromIRC(m.param(2))
	}
	if text == ch.subject.Text {
		return nil
	}
	ch.subject = transport.Subject{Text: text}
	if ch.state == joined {
		l.emit(transport.SubjectChanged{Room: ch.address, Subject: ch.subject})
	}
	return nil
}

// receiveTopicWho handles 333: nick, channel, who set the topic, when.
func receiveTopicWho(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(1)))
	if ch == nil {
		return nil
	}
	by, _, _ := strings.Cut(clean(m.param(2)), "!")
	ch.subject.By = by
	if at, err := strconv.ParseInt(m.param(3), 10, 64); err == nil && at > 0 && at < 1<<40 {
		ch.subject.At = time.Unix(at, 0).UTC()
	}
	return nil
}

// receiveNames handles 353: nick, symbol, channel, names.
func receiveNames(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(2)))
	if ch == nil || ch.state != entering && !ch.counting {
		return nil
	}
	switch m.param(1) {
	case "@":
		ch.modes = ch.modes.with('s', true)
	case "*":
		ch.modes = ch.modes.with('p', true)
	}
	for name := range strings.FieldsSeq(m.text()) {
		modes, full := l.is.splitPrefixes(name)
		nick, host, _ := strings.Cut(full, "!") // userhost-in-names
		if nick == "" || len(full) > sourceLimit {
			continue
		}
		u := l.seenFrom(nick, host)
		if ch.counting {
			l.counted(ch, u, modes)
		} else {
			l.enter(ch, u, modes)
		}
	}
	return nil
}

// receiveEndOfNames handles 366: nick, channel.
func receiveEndOfNames(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(1)))
	if ch != nil && ch.state == entering && ch.asked.IsZero() {
		l.take(func(p *pending) bool { return p.command == "JOIN" && p.target == l.is.fold(ch.name) })
		l.isNamed(ch)
	} else if ch != nil && ch.counting {
		l.allCounted(ch)
	}
	return nil
}

// isNamed is called once all names of a channel are there. Clients ask what a
// room is like as soon as they are in, so its modes are waited for where that
// takes no more than the server's answer: else they come as a change.
func (l *link) isNamed(ch *channel) {
	ch.modesDue = ch.modesDue && ch.members.len() <= modesMembers
	if ch.modesDue {
		l.await(&pending{command: "modes", target: l.is.fold(ch.name)})
		l.wake()
		return
	}
	l.complete(ch)
}

// receiveAwayReply handles 301: nick, who, why; the answer to a private
// message, or a part of that to WHOIS. The server repeats it with every
// message, we do not.
func receiveAwayReply(l *link, m *message) error {
	nick, why := m.param(1), m.reason()
	key := l.is.fold(nick)
	_, talking := l.talking[key]
	switch {
	case l.openAsk("WHOIS", nick) != nil:
		return receiveWhois(l, m)
	case !talking: // the console shows what it asked for
	case l.watched[key] != nil:
		l.seesAway(nick, true, why)
	case l.toldAway[key] != why:
		if l.toldAway == nil || len(l.toldAway) >= talkingLimit {
			l.toldAway = map[string]string{}
		}
		l.toldAway[key] = why
		l.console(strings.TrimSuffix(clean(nick)+" is away: "+why, ": "))
	}
	return nil
}

// receiveVisibleHost handles 396: nick, our new host or user@host.
func receiveVisibleHost(l *link, m *message) error {
	host := clean(m.param(1))
	if user, _, ok := strings.Cut(l.host, "@"); ok && !strings.Contains(host, "@") {
		host = user + "@" + host
	}
	if l.host != "" || strings.Contains(host, "@") {
		l.host = host
	}
	return nil
}
