package irc

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	watchLimit   = 100              // people that a server watches for one link
	rosterLimit  = 1000             // people that one user wants to have watched on one server
	pollLimit    = 60               // people asked for by ISON
	pollInterval = 60 * time.Second // and up to half of it more
	nicksBytes   = 400              // of the nicks in one line
)

// A sighting is what is known of somebody who is watched.
type sighting struct {
	who    transport.Address
	name   string // as the address has it
	polled bool   // by ISON: the server has no better way, or not for so many
	is     transport.Availability
	face   *transport.Face
}

// sightings are those whom a link watches, while it is up: by MONITOR (IRCv3),
// by WATCH, or by ISON (RFC 2812 §4.9) from time to time. The session's mutex
// guards them.
type sightings struct {
	watched map[string]*sighting // by folded nick
	polls   [][]*sighting        // ISONs without an answer, the oldest first
	pollAt  time.Time            // of the next ones; zero while nobody is polled

	toldAway map[string]string // why others are away, as it was told last
}

// Watch implements transport.Watching. Nobody is connected to for it.
func (s *session) Watch(_ context.Context, who transport.Address) error {
	name, srv, err := s.network.split(who)
	switch {
	case err != nil:
		return err
	case !validNick(name):
		return refuse(transport.BadRequest, "%q can't be a nick on IRC.", name)
	}
	return s.do(func() error {
		if len(s.watched[srv]) >= rosterLimit {
			return refuse(transport.TooMany, "You have %d people of %s in your roster; no more can be watched.", rosterLimit, srv.name)
		}
		if s.watched == nil {
			s.watched = map[*server]map[string]transport.Address{}
		}
		if s.watched[srv] == nil {
			s.watched[srv] = map[string]transport.Address{}
		}
		s.watched[srv][name] = who
		if l := s.links[srv]; l != nil && l.phase == online {
			l.watchFor(map[string]transport.Address{name: who})
		}
		return nil
	})
}

// Unwatch implements transport.Watching.
func (s *session) Unwatch(_ context.Context, who transport.Address) error {
	name, srv, err := s.network.split(who)
	if err != nil {
		return err
	}
	return s.do(func() error {
		delete(s.watched[srv], name)
		if l := s.links[srv]; l != nil && l.phase == online {
			l.unwatch(name)
		}
		return nil
	})
}

// watchFor begins to watch people.
func (l *link) watchFor(names map[string]transport.Address) {
	if l.watched == nil {
		l.watched = map[string]*sighting{}
	}
	var asked []string
	byServer := max(l.is.monitor, l.is.watch)
	for name, who := range names {
		key := l.is.fold(name)
		if w := l.watched[key]; w != nil {
			if w.who == "" { // it was our own wish
				w.who = who
			}
			continue
		}
		w := &sighting{who: who, name: name, polled: len(l.watched) >= byServer}
		l.watched[key] = w
		if w.polled {
			l.poll(time.Now())
		} else {
			asked = append(asked, name)
		}
		if u := l.users[key]; u != nil {
			l.see(w, u)
		}
	}
	for _, some := range linesOf(asked, ",") {
		if l.is.monitor > 0 {
			l.sendLater("MONITOR", "+", some)
		} else {
			l.sendLater("WATCH", strings.Fields("+"+strings.ReplaceAll(some, ",", " +"))...)
		}
	}
}

func (l *link) unwatch(name string) {
	key := l.is.fold(name)
	w := l.watched[key]
	if w == nil {
		return
	}
	delete(l.watched, key)
	switch {
	case w.polled:
	case l.is.monitor > 0:
		l.sendLater("MONITOR", "-", w.name)
	default:
		l.sendLater("WATCH", "-"+w.name)
	}
}

// linesOf joins nicks into as few parameters as they fit into.
func linesOf(nicks []string, by string) (lines []string) {
	for _, nick := range nicks {
		if n := len(lines); n > 0 && len(lines[n-1])+len(by)+len(nick) <= nicksBytes {
			lines[n-1] += by + nick
			continue
		}
		lines = append(lines, nick)
	}
	return lines
}

// loseSight is for a link that is lost: nobody on its server is seen any more.
func (l *link) loseSight() {
	for _, w := range l.watched {
		l.shows(w, transport.Availability{})
		l.showsFace(w, nil)
	}
}

// shows tells of somebody, if that is news.
func (l *link) shows(w *sighting, a transport.Availability) {
	if !a.Online && l.is.fold(w.name) == l.is.fold(l.wanted) {
		l.nickIsFree()
	}
	if w.is != a && w.who != "" {
		w.is = a
		l.emit(transport.PresenceChanged{Who: w.who, Availability: a})
	}
}

// see takes what a shared channel tells.
func (l *link) see(w *sighting, u *user) {
	a := transport.Availability{Online: true}
	if u.away {
		a.Show, a.Status = "away", u.status.Value()
	}
	l.shows(w, a)
	l.showsFace(w, l.faces[u])
}

// sees is for what shows by itself that somebody is there, or is not any more.
func (l *link) sees(nick string, there bool) {
	w := l.watched[l.is.fold(nick)]
	if w == nil {
		return
	}
	switch u := l.users[l.is.fold(nick)]; {
	case !there:
		l.shows(w, transport.Availability{})
	case u != nil:
		l.see(w, u)
	case !w.is.Online:
		l.shows(w, transport.Availability{Online: true})
	}
}

// seesAway is for AWAY and 301. Among those who share no channel with the user
// it tells of people in the roster alone.
func (l *link) seesAway(nick string, away bool, status string) {
	if w := l.watched[l.is.fold(nick)]; w != nil {
		a := transport.Availability{Online: true}
		if away {
			a.Show, a.Status = "away", status
		}
		l.shows(w, a)
	}
}

// changesAfar tells that what WHOIS told of somebody in the roster is over, where
// no channel tells it (IRCv3 extended-monitor).
func (l *link) changesAfar(nick string) {
	key := l.is.fold(nick)
	if w := l.watched[key]; w != nil && w.who != "" && l.users[key] == nil {
		l.emit(transport.ProfileChanged{Who: w.who})
	}
}

// receiveMonitor handles 730 and 731: nick, targets.
func receiveMonitor(l *link, m *message) error {
	for target := range strings.SplitSeq(m.param(1), ",") {
		nick, _, _ := strings.Cut(clean(target), "!")
		l.sees(nick, m.Command == "730")
	}
	return nil
}

// receiveMonitorFull handles 734: nick, limit, targets, text. Those are polled.
func receiveMonitorFull(l *link, m *message) error {
	for nick := range strings.SplitSeq(m.param(2), ",") {
		if w := l.watched[l.is.fold(nick)]; w != nil {
			w.polled = true
			l.poll(time.Now())
		}
	}
	return nil
}

// receiveWatch handles the answers to WATCH, whose second parameter is a nick.
func receiveWatch(l *link, m *message) error {
	nick := m.param(1)
	if l.watched[l.is.fold(nick)] == nil {
		return receiveConsole(l, m)
	}
	switch m.Command {
	case "600", "604": // RPL_LOGON, RPL_NOWON
		l.sees(nick, true)
	case "601", "605": // RPL_LOGOFF, RPL_NOWOFF
		l.sees(nick, false)
	case "512": // ERR_TOOMANYWATCH
		l.watched[l.is.fold(nick)].polled = true
		l.poll(time.Now())
	}
	return nil
}

// poll has ISON sent soon.
func (l *link) poll(at time.Time) {
	if l.pollAt.IsZero() || at.Before(l.pollAt) {
		l.pollAt = at.Add(time.Second) // for those that come together
		l.arm()
	}
}

// pollDue sends ISON for those who are polled, and again after a while that
// differs from link to link.
func (l *link) pollDue(now time.Time) {
	if l.pollAt.IsZero() || now.Before(l.pollAt) || l.phase != online {
		return
	}
	l.pollAt = time.Time{}
	var polled []*sighting
	for _, w := range l.watched {
		if w.polled && len(polled) < pollLimit {
			polled = append(polled, w)
		}
	}
	if len(polled) == 0 {
		return
	}
	l.pollAt = now.Add(pollInterval + rand.N(pollInterval/2))
	if len(l.polls) > 0 {
		l.polls = nil // what was not answered in all that time
	}
	names := make([]string, len(polled))
	for i, w := range polled {
		names[i] = w.name
	}
	for _, some := range linesOf(names, " ") {
		n := strings.Count(some, " ") + 1
		l.polls = append(l.polls, polled[:n])
		polled = polled[n:]
		l.sendLater("ISON", strings.Fields(some)...)
	}
}

// receiveIson handles 303: nick, those of the nicks asked for who are there.
func receiveIson(l *link, m *message) error {
	if len(l.polls) == 0 {
		return receiveConsole(l, m)
	}
	asked := l.polls[0]
	l.polls = l.polls[1:]
	there := map[string]bool{}
	for nick := range strings.FieldsSeq(m.text()) {
		there[l.is.fold(nick)] = true
	}
	for _, w := range asked {
		if key := l.is.fold(w.name); l.watched[key] == w {
			l.sees(w.name, there[key])
		}
	}
	return nil
}
