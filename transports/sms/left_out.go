package sms

import (
	"time"

	"gatehouse/gateway/transport"
)

// leftOutMost bounds the numbers that a query leaves out.
const leftOutMost = 1000

// isStuck says that nothing can be sent from a number before a certain time:
// it has its pace, or its trunk a pause.
func (s *sender) isStuck(from transport.Address, now time.Time) bool {
	_, slow := s.turns.free[string(from)]
	return slow || now.Before(s.paceOf(string(from)).paused)
}

// leaveOut has the items of numbers that are stuck left out of what is fetched,
// so that however many they are, they hide nobody else's. It says whether there
// are more such numbers than before.
func (s *sender) leaveOut(now time.Time) (more bool) {
	for _, item := range s.queue {
		if !s.out[item.From] && len(s.out) < leftOutMost && s.isStuck(item.From, now) {
			s.out[item.From], more = true, true
		}
	}
	return more
}

// letIn has the items of those that are stuck no more fetched again.
func (s *sender) letIn(now time.Time) {
	for from := range s.out {
		if !s.isStuck(from, now) {
			delete(s.out, from)
			s.stale = true
		}
	}
}

// unaskable gives the numbers whose trunks can't be asked anything just now.
func (s *sender) unaskable(now time.Time) (numbers []transport.Address) {
	for t, p := range s.paces {
		if t == nil || p.asks < lookUps && !now.Before(p.paused) {
			continue
		}
		for number := range s.n.lines.numbersOf(t) {
			if len(numbers) == leftOutMost {
				return numbers
			}
			numbers = append(numbers, transport.Address(number))
		}
	}
	return numbers
}

// asksFull says that some trunk is being asked as much as it may be.
func (s *sender) asksFull() bool {
	for _, p := range s.paces {
		if p.asks >= lookUps {
			return true
		}
	}
	return false
}
