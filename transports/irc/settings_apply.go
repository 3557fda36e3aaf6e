package irc

import (
	"fmt"

	"gatehouse/gateway/transport"
)

// readSettings reads what holds for the next connection. Without it we would
// not know whom to trust, so no connection is made if it can't be read.
func (l *link) readSettings() (*linkSettings, error) {
	set, err := l.session.linkSettings(l.server)
	if err != nil {
		return nil, &transport.Error{Reason: transport.Unreachable, Err: err,
			Text: "Your settings for " + l.server.name + " can't be read just now."}
	}
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if set.socket == "" { // STS is about ports of IRC itself
		set.doors = l.network.sts.doors(set.host, set.doors)
	}
	if l.upgraded != 0 {
		set.doors = []door{{l.upgraded, true}}
	}
	l.set = set
	if !l.up && set.nick != "" { // later the user may have changed it
		l.wanted = set.nick
	}
	l.nick = l.wanted
	l.pace = newPace(set.throttle)
	return set, nil
}

// doorClosed tells that another port is tried.
func (l *link) doorClosed(d door, err error) {
	l.session.mu.Lock()
	why, _ := l.network.explain(l.server, l.set, "", err)
	l.console(fmt.Sprintf("Port %d: %s Trying the next one.", d.port, why.Text))
	l.session.mu.Unlock()
	l.session.events.deliver()
}

// readRoomSettings reads what holds for a channel, on the way to it. It needs
// mu.
func (l *link) readRoomSettings(ch *channel) {
	s := l.session
	if s.network.settings == nil || s.closed {
		return
	}
	ch.unread = true
	at := ch.address
	s.running.Go(func() {
		set, err := s.roomSettings(at)
		s.mu.Lock()
		defer s.mu.Unlock()
		ch.unread = false
		if ch.address != at {
			return // renamed meanwhile, and read anew for that
		}
		if err != nil {
			s.log().Warn("settings of a channel not read", "server", l.server.name, "err", err)
		} else {
			ch.set = set
		}
		if l.channel(ch.name) == ch {
			l.joinIfReady(ch)
		}
	})
}

// joinIfReady joins a channel that waits only for the link and its settings.
// It needs mu.
func (l *link) joinIfReady(ch *channel) {
	if ch.state == wanted && !ch.unread && !ch.requested && ch.rejoinAt.IsZero() && l.phase == online && !l.busy {
		l.requestJoin(ch)
	}
}

// renewed are the settings of a connection after the user changed theirs. Where
// it goes and what may be said there stays: it was made to a host of the user's
// choice, perhaps, which is not to get what is for another.
func (set *linkSettings) renewed(now *linkSettings) *linkSettings {
	kept := *set
	kept.faces, kept.bot, kept.real, kept.follow = now.faces, now.bot, now.real, now.follow
	kept.occupants = now.occupants
	kept.throttle, kept.in, kept.out, kept.recover = now.throttle, now.in, now.out, now.recover
	return &kept
}

// Reconfigured implements transport.Reconfigurable. How to connect counts from
// the next connection on.
func (s *session) Reconfigured(at transport.Address) {
	if at == "" || s.network.settings == nil {
		return // nothing of that is used here
	}
	name, srv, err := s.network.split(at)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil || s.closed {
		return
	}
	if name != "" {
		if ch := l.channel(name); ch != nil {
			l.readRoomSettings(ch)
		}
		return
	}
	s.running.Go(func() {
		set, err := s.linkSettings(srv)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.log().Warn("settings of a server not read", "server", srv.name, "err", err)
			return
		}
		if l.phase == waiting {
			signal(l.hurry) // it may be right now
		}
		l.set = l.set.renewed(set)
		l.pace = newPace(set.throttle)
		l.showAnew()
		l.wake()
	})
}
