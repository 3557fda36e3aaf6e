package gateway

import (
	"sync/atomic"
	"time"
)

// A sign tells a session that something has happened, which is not told twice.
type sign uint32

const (
	inboxFilled  sign = 1 << iota // with something durable
	linkWanted                    // to be opened
	streamIsBack                  // after it was down
	pulseIsDue                    // see beat
)

// signs are what a session has not heeded yet. They share one channel, since
// every channel that a session at rest waits on takes memory.
type signs struct {
	given atomic.Uint32
	seen  chan struct{} // holds one
}

// give never waits.
func (s *signs) give(which sign) {
	s.given.Or(uint32(which))
	signal(s.seen)
}

// heedSigns does what the signs ask for. Over says that the session is.
func (s *session) heedSigns() (over bool) {
	given := sign(s.signs.given.Swap(0))
	if given&inboxFilled != 0 {
		s.drainInbox()
	}
	if given&linkWanted != 0 {
		s.call(s.openWanted)
	}
	if given&streamIsBack != 0 {
		s.callTheRoll()
	}
	if given&pulseIsDue == 0 {
		return false
	}
	s.pulse.Reset(beat)
	return s.tidy(time.Now())
}

// put adds to a map that is made when something is first put into it: most of a
// session's maps never are.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}
