package irc

import (
	"gatehouse/gateway/transport"
)

// The tag that says in which channel a private message belongs (IRCv3
// channel-context).
const (
	tagContext    = "channel-context"
	tagOldContext = "draft/channel-context"
)

// asides are those who have said something aside, in which channel. The
// session's mutex guards them.
type asides struct{ aside map[typist]bool }

// contextOf gives the channel that a private message belongs in: one where the
// user and the author are. Anybody else could make a stranger's words seem to
// be from there.
func (l *link) contextOf(m *message) *channel {
	name := m.clientTag(tagContext)
	if name == "" {
		name = m.clientTag(tagOldContext)
	}
	if name == "" || !l.isChannel(name) {
		return nil
	}
	ch, u := l.channel(clean(name)), l.users[l.is.fold(m.nick)]
	if ch == nil || u == nil || !ch.shown() || !ch.has(u) {
		return nil
	}
	return ch
}

// heardAside remembers that somebody has, so that the answer is said there too.
func (l *link) heardAside(ch *channel, nick string) {
	if len(l.aside) >= talkingLimit {
		for other := range l.aside { // any one
			delete(l.aside, other)
			break
		}
	}
	if l.aside == nil {
		l.aside = make(map[typist]bool)
	}
	l.aside[typist{ch.address, l.is.fold(nick)}] = true
}

// contextTags tell where an answer to what was said aside belongs.
func (l *link) contextTags(m transport.Message, target string) []tag {
	if !l.aside[typist{m.Chat, l.is.fold(target)}] {
		return nil
	}
	name, _, err := l.network.split(m.Chat)
	if ch := l.channel(name); err == nil && ch != nil {
		return []tag{{tagContext, ch.name}, {tagOldContext, ch.name}}
	}
	return nil
}
