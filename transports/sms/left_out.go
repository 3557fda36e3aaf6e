package sms

import (
	"context"
	"slices"
	"time"

	"gatehouse/gateway/transport"
)

// leftOutMost bounds the numbers that a query leaves out.
const leftOutMost = 1000

// widen fetches items of other numbers beside those that were fetched, of which
// none can go just now: however many they are, they hide nobody else's. It says
// whether there were any.
func (s *sender) widen(ctx context.Context, now time.Time) bool {
	var but []transport.Address
	seen := make(map[transport.Address]bool)
	for _, item := range s.queue {
		if !seen[item.From] {
			seen[item.From] = true
			but = append(but, item.From)
		}
	}
	if s.wide || len(but) > leftOutMost {
		return false
	}
	items, err := s.n.outbox.In(ctx, transport.Queued, now, 0, batch, but...)
	if err != nil {
		if ctx.Err() == nil {
			s.n.log.Error("read the outbox", "error", err)
		}
		return false
	}
	s.wide = len(items) < batch
	items = slices.DeleteFunc(items, func(i transport.OutboxItem) bool { return s.active[i.Key] })
	s.queue, s.beside = append(s.queue, items...), s.beside || len(items) > 0
	return len(items) > 0
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
