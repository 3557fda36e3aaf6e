package irc

import (
	"context"
	"time"

	"gatehouse/gateway/transport"
)

// The rules of IRCv3 typing.
const (
	typingPause  = 3 * time.Second // between two notifications to one target
	typingAgain  = 4 * time.Second // while the user types on
	typingLimit  = time.Minute     // a client that has not said more by then is forgotten
	activeLimit  = 6 * time.Second
	pausedLimit  = 30 * time.Second
	maxTyping    = 64 // targets, and people in chats, of one link
	typingActive = "active"
	typingPaused = "paused"
	typingDone   = "done"
)

// typings are who is writing: the user to others, and others to the user. The
// session's mutex guards them.
type typings struct {
	out map[string]*typingOut // by folded target
	in  map[typist]typingIn
}

type typingOut struct {
	target string
	state  string // that the user is in
	told   string // that the others know of
	since  time.Time
	sent   time.Time
}

type typist struct {
	chat transport.Address
	nick string // in a channel
}

type typingIn struct {
	state transport.Composing
	until time.Time
}

// SetComposing implements transport.ChatStates.
func (s *session) SetComposing(_ context.Context, chat transport.Address, nick string, c transport.Composing) error {
	return s.do(func() error {
		l, target, err := s.targetOf(chat, nick)
		if err != nil {
			return err
		}
		key := l.is.fold(target)
		t := l.out[key]
		state := map[transport.Composing]string{
			transport.NotComposing: typingDone, transport.IsComposing: typingActive, transport.HasPaused: typingPaused,
		}[c]
		if t == nil {
			if state != typingActive || len(l.out) >= maxTyping {
				return nil // the others know of nothing that could end
			}
			t = &typingOut{target: target}
			if l.out == nil {
				l.out = make(map[string]*typingOut)
			}
			l.out[key] = t
		}
		t.state, t.since = state, time.Now()
		l.tellTyping(key, t.since)
		l.arm()
		return nil
	})
}

// dueAt is when the others are to be told next; zero: never.
func (t *typingOut) dueAt() time.Time {
	switch {
	case t.state != t.told:
		return t.sent.Add(typingPause)
	case t.state == typingActive:
		return t.sent.Add(typingAgain)
	}
	return t.since.Add(typingLimit)
}

// tellTyping tells what is due, and forgets what is over.
func (l *link) tellTyping(key string, now time.Time) {
	t := l.out[key]
	if now.Before(t.dueAt()) {
		return
	}
	if now.Sub(t.since) >= typingLimit {
		delete(l.out, key)
		return
	}
	t.sent, t.told = now, t.state
	if b, err := line(l.is.lineLen, "TAGMSG", t.target); err == nil && l.later.n < laterLength {
		l.later.push(l.tagged(b, 0, tag{tagTyping, t.state}))
		l.wake()
	}
	if t.state == typingDone {
		delete(l.out, key)
	}
}

// sentTo ends the user's typing: a message says that itself.
func (l *link) sentTo(target string) { delete(l.out, target) }

// nextTyping is when something about typing is due; zero: nothing is.
func (l *link) nextTyping() (at time.Time) {
	earlier := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, t := range l.out {
		earlier(t.dueAt())
	}
	for _, t := range l.in {
		earlier(t.until)
	}
	return at
}

func (l *link) typingDue(now time.Time) {
	for key := range l.out {
		l.tellTyping(key, now)
	}
	for who, t := range l.in {
		if !now.Before(t.until) {
			l.typed(who, "")
		}
	}
}

// receiveTyping handles the tag of a TAGMSG.
func (l *link) receiveTyping(m *message) {
	state := m.clientTag(tagTyping)
	chat, nick, ok := l.placeOf(m)
	if !ok || state == "" || l.isOwn(m) {
		return
	}
	who := typist{chat, nick}
	was, known := l.in[who]
	now := typingIn{state: transport.IsComposing, until: m.at.Add(activeLimit)}
	switch state {
	case typingActive:
	case typingPaused:
		now.state, now.until = transport.HasPaused, m.at.Add(pausedLimit)
	default:
		l.typed(who, l.sender(m))
		return
	}
	if !known && len(l.in) >= maxTyping || !now.until.After(time.Now()) {
		return
	}
	if l.in == nil {
		l.in = make(map[typist]typingIn)
	}
	l.in[who] = now
	if was.state != now.state {
		l.emit(transport.ComposingChanged{Chat: chat, Nick: nick, Sender: l.sender(m), Composing: now.state})
	}
}

// typed ends somebody's typing, if they did.
func (l *link) typed(who typist, sender string) {
	if _, ok := l.in[who]; ok {
		delete(l.in, who)
		if ch := l.shownAt(who.chat); who.nick != "" && ch == nil {
			return
		}
		l.emit(transport.ComposingChanged{Chat: who.chat, Nick: who.nick, Sender: sender})
	}
}

// shownAt gives the channel with an address.
func (l *link) shownAt(chat transport.Address) *channel {
	for _, ch := range l.channels {
		if ch.address == chat && ch.shown() {
			return ch
		}
	}
	return nil
}

// typedAway forgets somebody who quit or changed their nick.
func (l *link) typedAway(nick string) {
	for who := range l.in {
		if l.is.fold(who.nick) == l.is.fold(nick) {
			delete(l.in, who)
		}
	}
}
