package irc

import (
	"math/rand/v2"
	"time"

	"gatehouse/gateway/transport"
)

const (
	regainMin = 15 * time.Second
	regainMax = 10 * time.Minute
)

// regaining is the way back to a nick that somebody else has. The session's
// mutex guards it.
type regaining struct {
	regainAt    time.Time // of the next try; zero: there is none
	regainTries int
	regainAsked bool // services, and no answer came yet
}

// regainsByServices says that services can be told to free the nick.
func (l *link) regainsByServices() bool {
	switch l.set.recover {
	case "REGAIN", "RECOVER", "GHOST":
		return !l.set.sasl.password.IsZero() && l.secrets()
	}
	return false
}

// startRegaining is called when we are connected, with another nick than we
// want if that was taken. It needs mu.
func (l *link) startRegaining() {
	if l.hasNick() || l.set.recover == "none" {
		return
	}
	if l.regainsByServices() {
		l.sendFirst("PRIVMSG", nickServ, l.set.recover+" "+l.wanted+" "+l.set.sasl.password.Reveal())
		l.regainAsked = true
	}
	l.watchFor(map[string]transport.Address{l.wanted: ""})
	l.regainLater()
}

func (l *link) hasNick() bool { return l.is.fold(l.nick) == l.is.fold(l.wanted) }

// regainLater sets the time of the next try, later each time, and not at the
// same time for all who lost theirs together.
func (l *link) regainLater() {
	d := min(regainMin<<min(l.regainTries, 10), regainMax)
	l.regainTries++
	l.regainAt = time.Now().Add(d + rand.N(d/4))
	l.arm()
}

// regain tries once. A refusal is nobody's concern. It needs mu.
func (l *link) regain() {
	l.regainAt = time.Time{}
	if l.phase != online || l.hasNick() || l.set.recover == "none" {
		return
	}
	// With no request there is nobody to tell of the outcome.
	if err := l.command(&pending{command: "NICK", target: l.is.fold(l.wanted)}, "NICK", l.wanted); err == nil {
		l.regainLater()
	}
}

// servicesAnswer is called for what NickServ says. It needs mu.
func (l *link) servicesAnswer() {
	l.identified()
	if l.regainAsked {
		l.regainAsked = false
		l.nickIsFree()
	}
}

// nickIsFree is called when whoever has the nick gives it up. It needs mu.
func (l *link) nickIsFree() {
	if l.phase == online && !l.regainAt.IsZero() {
		l.regain()
	}
}
