package gateway

import (
	"time"

	"gatehouse/gateway/transport"
)

// A pressure holds back a user whose messages come faster than the archive can
// be written. Their link waits, and then whoever writes so much; nothing is
// lost, and nobody else waits. The session's goroutine owns it.
type pressure struct {
	relief  <-chan struct{} // closed once there is room; nil: there is
	pressed time.Time
}

// awaitRoom is given what the archive answered.
func (s *session) awaitRoom(room <-chan struct{}) {
	if room != nil && s.relief == nil {
		s.relief, s.pressed = room, time.Now()
	}
}

func (s *session) relieve() {
	s.relief = nil
	s.signs.give(inboxFilled) // what is stored may wait for it
}

// tidyPressure waits no longer for a disk that hangs.
func (s *session) tidyPressure(now time.Time) {
	if s.relief != nil && now.Sub(s.pressed) > callTimeout {
		s.log().Warn("the archive is not written: what comes is no longer held back for it")
		s.relieve()
	}
}

// nextStanza is where the next stanza is announced; nowhere while the archive
// has no room, or the network is behind with showing what it took.
func (s *session) nextStanza() <-chan struct{} {
	if s.relief != nil || s.behind != nil {
		return nil
	}
	return s.stanzas.more
}

// nextEvent is where the next event comes from; nowhere while one is held, or
// the archive has no room.
func (s *session) nextEvent() <-chan transport.Event {
	if s.held != nil || s.relief != nil {
		return nil
	}
	return s.events
}
