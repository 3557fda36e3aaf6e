package sms

import (
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// servedMost is how many users are remembered as served, before they are
// forgotten and begin anew.
const servedMost = 4096

// turns keep the rate of each number, and share it between the number's users.
// They belong to the sender's run.
type turns struct {
	free   map[string]time.Time // when a number may send again
	served map[string]int64     // by user: which start was their last, from a number with several users
	starts int64
}

func newTurns() turns {
	return turns{free: make(map[string]time.Time), served: make(map[string]int64)}
}

// came forgets the waits that are over.
func (t *turns) came(now time.Time) {
	for number, at := range t.free {
		if !now.Before(at) {
			delete(t.free, number)
		}
	}
}

// take books a text that is sent now: the number waits as long as its parts
// take.
func (t *turns) take(now time.Time, by *trunk, item transport.OutboxItem) {
	if by == nil {
		return
	}
	if len(by.network.lines.usersOf(string(item.From), by)) > 1 {
		if len(t.served) >= servedMost {
			clear(t.served)
		}
		t.starts++
		t.served[item.User] = t.starts
	}
	paced, ok := by.provider.(provider.Paced)
	if !ok {
		return
	}
	rate := paced.Rate(string(item.From))
	if rate <= 0 {
		return
	}
	parts, err := segments(item.Text)
	if err != nil {
		parts = 1 // it will be refused
	}
	t.free[string(item.From)] = now.Add(time.Duration(float64(max(parts, 1)) / rate * float64(time.Second)))
}

// fairest gives the place of an item that may be sent now instead of the first
// that may: if the number has several users, of the first of the one whose turn
// is the longest ago.
func (s *sender) fairest(now time.Time, first int) int {
	best, from := first, s.queue[first].From
	for i := first + 1; i < len(s.queue) && s.turns.served[s.queue[best].User] > 0; i++ {
		item := s.queue[i]
		if item.From == from && item.State == transport.Queued &&
			s.turns.served[item.User] < s.turns.served[s.queue[best].User] && s.startable(now, item) {
			best = i
		}
	}
	return best
}
