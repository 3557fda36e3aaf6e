package irc

import (
	"math/rand/v2"
	"time"

	"gatehouse/gateway/transport"
)

// A registrationError tells that the server does not want this link.
type registrationError struct {
	told      *transport.Error
	permanent bool
}

func (e *registrationError) Error() string { return e.told.Error() }

// lost puts the state right after a connection that has ended or was never
// made, and gives the time to the next one; 0: there will be none.
func (l *link) lost(cause error) (retry time.Duration) {
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.phase == quitting || s.closed {
		return 0
	}
	why, permanent := l.network.explain(l.server, l.set, l.farewell, cause)
	// Later an ERROR is about this user alone, and may be in their own words.
	if _, v := judge(l.farewell); v.close > 0 && l.phase == connecting {
		l.network.gates.close(l.set.host, l.server.connects, v.close)
	}
	s.log().Info("link lost", "server", l.server.name, "up", l.up, "err", cause)
	l.severed()
	l.failPendings(why)
	l.failAsks(why)
	l.loseSight()
	l.listed(why)
	l.rememberMembers()
	steady := l.phase == online && time.Since(l.upSince) >= steadyAfter
	l.reset()
	l.phase = waiting
	patience := l.patience()
	permanent = permanent || patience <= 0

	for key, ch := range l.channels {
		switch {
		case ch.state == leaving && !ch.again:
			l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Parted})
		case ch.been && permanent:
			l.emit(transport.RoomLeft{Room: ch.address, Why: transport.LinkLost, Err: why})
		case !ch.been || ch.state == leaving:
			l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Refused, Err: why})
		default:
			l.tellLoss(ch, why)
			ch.forget()
			continue
		}
		delete(l.channels, key)
	}
	if len(l.channels) == 0 || permanent {
		l.emit(transport.LinkDown{Server: l.address, Err: why})
		l.phase = quitting
		delete(s.links, l.server)
		return 0
	}
	if steady {
		l.attempts = 0
	}
	l.attempts++
	retry = min(backoff(l.attempts), patience)
	l.emit(transport.LinkDown{Server: l.address, Err: why, RetryIn: retry})
	return retry
}

// backoff doubles from backoffMin to backoffMax, and adds up to half of it so
// that links lost together do not come back together.
func backoff(attempt int) time.Duration {
	d := backoffMin << min(attempt-1, 10)
	return min(d+rand.N(d/2), backoffMax)
}

// retry says whether the link is still wanted.
func (l *link) retry() bool {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if l.phase != waiting {
		return false
	}
	l.phase = connecting
	return true
}
