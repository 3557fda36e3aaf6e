package irc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	kicksBorne = 3         // so often one is back in a channel that one was kicked from,
	kickMemory = time.Hour // within so long
)

// A loss is what a channel remembers while the user is not in it, but is to be
// again: after a lost connection, or a kick that is not taken for an answer.
type loss struct {
	before   []transport.Member // who was there; those who are not any more have left
	told     bool               // that the connection is lost
	rejoinAt time.Time          // after a kick
	kicks    int
	kickedAt time.Time

	heardSince time.Time // the user has been in, this time
}

// rememberMembers is called before the link forgets how to read modes.
func (l *link) rememberMembers() {
	for _, ch := range l.channels {
		if ch.before == nil && ch.shown() {
			ch.before = l.others(ch)
		}
	}
}

// others are those in a channel but for the user.
func (l *link) others(ch *channel) []transport.Member {
	return slices.DeleteFunc(l.members(ch), func(m transport.Member) bool { return l.isSelf(m.Nick) })
}

// tellLoss says once to those in a channel that the connection is lost.
func (l *link) tellLoss(ch *channel, why *transport.Error) {
	if ch.told {
		return
	}
	ch.told = true
	text := why.Text
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	l.emit(transport.RoomNotice{Room: ch.address, Text: fmt.Sprintf(
		"%s The connection is being made again; until then you neither hear nor are heard.", text)})
}

// showMissed shows who left meanwhile. It is called before the channel is told
// anew.
func (l *link) showMissed(ch *channel) {
	here := make(map[string]bool, ch.members.len())
	for u := range ch.members.all() {
		here[l.is.fold(u.nick())] = true
	}
	for _, m := range ch.before {
		if !here[l.is.fold(m.Nick)] {
			l.emit(transport.MemberLeft{Room: ch.address, Member: m})
		}
	}
	ch.before = nil
}

// tellReturn says that the connection is back, where its loss was told.
func (l *link) tellReturn(ch *channel) {
	if ch.told {
		ch.told = false
		l.emit(transport.RoomNotice{Room: ch.address, Text: "The connection to " + l.server.name + " is back."})
	}
}

// patience is how long the channels are still kept; not positive: they are not.
func (l *link) patience() time.Duration {
	if l.lostAt.IsZero() {
		l.lostAt = time.Now()
	}
	return l.network.limits.ReconnectGrace - time.Since(l.lostAt)
}

// defiesKick decides whether a kick is for good. Until the user is back, the
// channel is as one whose connection is lost.
func (l *link) defiesKick(ch *channel, by, reason string) bool {
	delay := l.network.limits.RejoinAfterKick
	if delay == 0 || ch.state != joined {
		return false
	}
	now := time.Now()
	if now.Sub(ch.kickedAt) > kickMemory {
		ch.kicks = 0
	}
	ch.kickedAt = now
	if ch.kicks++; ch.kicks > kicksBorne {
		return false
	}
	ch.before = l.others(ch)
	for u := range ch.members.all() {
		l.exit(ch, u)
	}
	ch.forget()
	ch.rejoinAt = now.Add(delay)
	if reason != "" {
		reason = ": " + reason
	}
	l.emit(transport.RoomNotice{Room: ch.address, Text: fmt.Sprintf("%s has kicked you%s. You join again in %v.", by, reason, delay)})
	l.arm()
	return true
}

// nextDuty is when doDuties has something to do; zero: never.
func (l *link) nextDuty() (at time.Time) {
	if l.network.limits.RejoinAfterKick > 0 {
		for _, ch := range l.channels {
			if !ch.rejoinAt.IsZero() && (at.IsZero() || ch.rejoinAt.Before(at)) {
				at = ch.rejoinAt
			}
		}
	}
	if idle := l.network.limits.IdleAfter; idle > 0 {
		if reaped := l.session.active.Add(idle); at.IsZero() || reaped.Before(at) {
			at = reaped
		}
	}
	return at
}

// doDuties joins again where one was kicked from, and takes those off the
// network who do nothing there.
func (l *link) doDuties(now time.Time) {
	if l.phase != online {
		return
	}
	for _, ch := range l.channels {
		if !ch.rejoinAt.IsZero() && !now.Before(ch.rejoinAt) {
			ch.rejoinAt = time.Time{}
			l.joinIfReady(ch)
		}
	}
	idle := l.network.limits.IdleAfter
	if idle == 0 || now.Sub(l.session.active) < idle {
		return
	}
	reason := "You have done nothing on IRC for " + inWords(idle)
	for _, ch := range l.channels {
		l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Parted, Reason: reason})
	}
	clear(l.channels)
	l.emit(transport.LinkDown{Server: l.address})
	l.quit("Idle")
}

// isActive notes that the user does something.
func (s *session) isActive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = time.Now()
}
