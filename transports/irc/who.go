package irc

import (
	"strings"
	"time"
	"unique"

	"gatehouse/gateway/transport"
)

const (
	whoMembers   = 500             // we don't ask about those in a larger channel
	whoPlain     = 100             // nor in one so large where the answer tells little
	whoLimit     = 3 * time.Second // so long a channel is not shown, for want of the answer
	whoToken     = "47"            // marks the answers to WHOX as ours
	heldMessages = 200             // of a channel that is not shown yet
)

// complete is called once the names of a channel are there. Where WHO tells
// accounts, or hosts that the names do not tell, the channel is shown with its
// answer, so that everybody has their lasting identity from the start;
// elsewhere the answer comes behind.
func (l *link) complete(ch *channel) {
	switch {
	case ch.lazy:
	case l.is.whox && ch.members.len() <= whoMembers:
		ch.asked = time.Now()
		l.sendLater("WHO", ch.name, "%tcuhnfa,"+whoToken)
		l.whoDue(ch)
		return
	case !l.caps.on.has("userhost-in-names") && l.is.told && ch.members.len() <= whoPlain:
		ch.asked = time.Now()
		l.sendLater("WHO", ch.name)
		l.whoDue(ch)
		return
	case l.caps.on.has("away-notify") && ch.members.len() <= whoMembers:
		ch.asked = time.Now()
		l.sendLater("WHO", ch.name)
	}
	l.isComplete(ch)
}

// whoMissed shows the channels whose WHO was not answered in time.
func (l *link) whoMissed(now time.Time) {
	if l.whoAt.IsZero() || now.Before(l.whoAt) {
		return
	}
	l.whoAt = time.Time{}
	for _, ch := range l.channels {
		switch {
		case ch.state != entering || ch.asked.IsZero():
		case now.Sub(ch.asked) >= whoLimit:
			l.isComplete(ch) // the answer may still come
		default:
			l.whoDue(ch)
		}
	}
}

func (l *link) whoDue(ch *channel) {
	if at := ch.asked.Add(whoLimit); l.whoAt.IsZero() || at.Before(l.whoAt) {
		l.whoAt = at
		l.arm()
	}
}

// receiveWhox handles 354, in the order in which WHOX has its fields: nick,
// token, channel, user, host, nick, flags, account.
func receiveWhox(l *link, m *message) error {
	if m.param(1) != whoToken || len(m.Params) < 8 {
		return receiveConsole(l, m)
	}
	l.learnWho(m.param(2), m.param(5), m.param(3)+"@"+m.param(4), m.param(6), accountNamed(m.param(7)))
	return nil
}

// receiveWho handles 352: nick, channel, user, host, server, nick, flags, text.
func receiveWho(l *link, m *message) error {
	ch := l.channel(m.param(1))
	if ch == nil || ch.asked.IsZero() || len(m.Params) < 7 {
		return receiveConsole(l, m)
	}
	account := noText
	if u := l.users[l.is.fold(m.param(5))]; u != nil {
		account = u.account
	}
	l.learnWho(m.param(1), m.param(5), m.param(2)+"@"+m.param(3), m.param(6), account)
	return nil
}

func (l *link) learnWho(channel, nick, host, flags string, account unique.Handle[string]) {
	u := l.users[l.is.fold(nick)]
	ch := l.channel(channel)
	if u == nil || ch == nil || !ch.has(u) {
		return
	}
	before := *u
	u.account = account
	if l.learnsHost(u, host); l.isSelf(nick) {
		l.host = host
	}
	u.bot = l.is.bot != "" && strings.Contains(flags, l.is.bot)
	u.oper = strings.Contains(flags, "*")
	if away := strings.HasPrefix(flags, "G"); away != u.away {
		u.away, u.status = away, noText
	}
	if *u == before {
		return
	}
	l.changedEverywhere(u)
}

// receiveEndOfWho handles 315: nick, mask, text.
func receiveEndOfWho(l *link, m *message) error {
	ch := l.channel(m.param(1))
	if ch == nil || ch.asked.IsZero() {
		return receiveConsole(l, m)
	}
	if ch.asked = (time.Time{}); ch.state == entering {
		l.isComplete(ch)
	}
	return nil
}

// receiveTryAgain handles 263: nick, command, text. What we asked for by
// ourselves is not asked for again.
func receiveTryAgain(l *link, m *message) error {
	if !strings.EqualFold(m.param(1), "WHO") {
		return receiveListRefusal(l, m)
	}
	for _, ch := range l.channels {
		if ch.asked.IsZero() {
			continue
		}
		if ch.asked = (time.Time{}); ch.state == entering {
			l.isComplete(ch)
		}
	}
	return nil
}

// A heldMessage is one in a channel that is not shown yet.
type heldMessage struct {
	line    *message
	message transport.Message
}

// hold keeps a message while its channel is about to be shown.
func (ch *channel) hold(m heldMessage) {
	if ch.state == entering && !ch.asked.IsZero() && len(ch.held) < heldMessages {
		ch.held = append(ch.held, m)
	}
}

// release delivers what was held.
func (l *link) release(ch *channel) {
	held := ch.held
	ch.held = nil
	for _, h := range held {
		h.message.Sender = l.sender(h.line)
		l.emit(transport.MessageReceived{Message: h.message})
	}
}
