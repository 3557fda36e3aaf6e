package irc

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	splitHold    = 5 * time.Minute  // so long those whom a netsplit took may come back unnoticed
	splitQuiet   = 2 * time.Second  // without more of them before it is told
	splitPatient = 10 * time.Second // or so long
	absentLimit  = 10_000           // of one channel
	namedLimit   = 5                // are told by name
)

// splitReason is what servers that lost each other say for everybody behind
// them, some without their names: "*.net *.split".
var splitReason = regexp.MustCompile(`^[A-Za-z0-9*-]+(\.[A-Za-z0-9*-]+)+ [A-Za-z0-9*-]+(\.[A-Za-z0-9*-]+)+$`)

// A netsplit is a channel's part of one. Those who are gone are not among
// its members any more, but that they left is not told before splitHold: most
// come back, and hundreds of them at once.
type netsplit struct {
	absent map[string]*absence // by folded nick
	reason string
	gone   []string // nicks that the room was not told of yet
	back   []string
	since  time.Time // of the first of those
	latest time.Time
}

// An absence is somebody whom the user's clients still see.
type absence struct {
	member transport.Member // as it was shown
	reason string
	until  time.Time
	unseen bool // the room was shown without them since
}

// isSplit says whether a QUIT is part of a netsplit: by its batch (IRCv3
// netsplit), or by what it says.
func (l *link) isSplit(m *message) bool {
	if ok, reference := m.GetTag("batch"); ok && l.batches[reference].typ == "netsplit" {
		return true
	}
	return len(m.Params) > 0 && splitReason.MatchString(m.text())
}

// splitsOff takes somebody out of a channel without telling it.
func (l *link) splitsOff(ch *channel, u *user, reason string) {
	if ch.split == nil {
		ch.split = &netsplit{absent: map[string]*absence{}}
	}
	if !ch.shown() || len(ch.split.absent) >= absentLimit {
		l.goes(ch, u, transport.MemberLeft{Reason: reason})
		return
	}
	now := time.Now()
	nick := u.nick()
	l.returnsNot(ch, nick) // one of the same nick, of whose leaving we were not told
	ch.split.absent[l.is.fold(nick)] = &absence{member: l.member(ch, u), reason: reason, until: now.Add(splitHold)}
	ch.split.reason = reason
	ch.split.gone = append(ch.split.gone, nick)
	l.exit(ch, u)
	l.splitChanged(ch, now)
}

func (l *link) splitChanged(ch *channel, now time.Time) {
	if ch.split.since.IsZero() {
		ch.split.since = now
	}
	ch.split.latest = now
	l.splitDue(ch.split.reportAt())
}

// reportAt is when the room is told; zero if there is nothing to tell.
func (s *netsplit) reportAt() time.Time {
	if s.since.IsZero() {
		return time.Time{}
	}
	quiet, patient := s.latest.Add(splitQuiet), s.since.Add(splitPatient)
	if patient.Before(quiet) {
		return patient
	}
	return quiet
}

// splitDue has the link look up in time.
func (l *link) splitDue(at time.Time) {
	if !at.IsZero() && (l.splitAt.IsZero() || at.Before(l.splitAt)) {
		l.splitAt = at
		l.arm()
	}
}

// comesBack is called when somebody has joined. It says whether they are seen
// anyway, just as they are now.
func (l *link) comesBack(ch *channel, u *user) (seen bool) {
	if ch.split == nil {
		return false
	}
	nick := u.nick()
	a := ch.split.absent[l.is.fold(nick)]
	if a == nil {
		return false
	}
	if !a.isSame(u) {
		l.returnsNot(ch, nick)
		return false
	}
	delete(ch.split.absent, l.is.fold(nick))
	u.id, u.hostTold = uniqueText(a.member.Identity), false
	if i := slices.Index(ch.split.gone, a.member.Nick); i >= 0 {
		ch.split.gone = slices.Delete(ch.split.gone, i, i+1) // nobody was told that they were gone
	} else {
		ch.split.back = append(ch.split.back, nick)
	}
	l.splitChanged(ch, time.Now())
	return !a.unseen && reflect.DeepEqual(l.member(ch, u), a.member)
}

// isSame says whether somebody who joins is the one who is absent.
func (a *absence) isSame(u *user) bool {
	if u.account != noText && a.member.Account != "" {
		return u.account.Value() == a.member.Account
	}
	return a.member.Host == "" || u.host() == a.member.Host
}

// returnsNot tells at last that somebody left, whose nick another has now.
func (l *link) returnsNot(ch *channel, nick string) {
	if ch.split == nil {
		return
	}
	if a := ch.split.absent[l.is.fold(nick)]; a != nil {
		delete(ch.split.absent, l.is.fold(nick))
		l.emit(transport.MemberLeft{Room: ch.address, Member: a.member, Reason: a.reason})
	}
}

// shownAnew is for a client that sees the members as they are.
func (s *netsplit) shownAnew() {
	if s == nil {
		return
	}
	for _, a := range s.absent {
		a.unseen = true
	}
}

// splitsDue tells rooms of netsplits, and in the end who did not come back.
func (l *link) splitsDue(now time.Time) {
	if l.splitAt.IsZero() || now.Before(l.splitAt) {
		return
	}
	l.splitAt = time.Time{}
	for _, ch := range l.channels {
		if ch.split == nil {
			continue
		}
		if at := ch.split.reportAt(); !at.IsZero() && !now.Before(at) {
			l.report(ch)
		}
		l.splitDue(ch.split.reportAt())
		var late []string
		for _, a := range ch.split.absent {
			if now.Before(a.until) {
				l.splitDue(a.until)
			} else {
				late = append(late, a.member.Nick)
			}
		}
		slices.Sort(late)
		for _, nick := range late {
			l.returnsNot(ch, nick)
		}
		if len(ch.split.absent) == 0 && ch.split.since.IsZero() {
			ch.split = nil
		}
	}
}

// report tells a room in one line what a netsplit did.
func (l *link) report(ch *channel) {
	s := ch.split
	var lines []string
	if len(s.gone) > 0 {
		lines = append(lines, fmt.Sprintf("Netsplit (%s): %s gone for now.", s.reason, people(s.gone)))
	}
	if len(s.back) > 0 {
		lines = append(lines, fmt.Sprintf("The netsplit is over for %s.", peopleAre(s.back)))
	}
	s.gone, s.back, s.since = nil, nil, time.Time{}
	if len(lines) > 0 {
		l.emit(transport.RoomNotice{Room: ch.address, Text: strings.Join(lines, " ")})
	}
}

// people says who is.
func people(nicks []string) string {
	if len(nicks) == 1 {
		return nicks[0] + " is"
	}
	return peopleAre(nicks) + " are"
}

func peopleAre(nicks []string) string {
	slices.Sort(nicks)
	if len(nicks) > namedLimit {
		return fmt.Sprintf("%d people", len(nicks))
	}
	return strings.Join(nicks, ", ")
}
