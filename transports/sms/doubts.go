package sms

import (
	"context"
	"slices"
	"time"

	"gatehouse/gateway/transport"
)

// A doubt is the time since when nobody knows of an item whether it was taken.
type doubt struct {
	lane  lane
	since time.Time
	tries int
}

// recover learns from the outbox what was under way when the last process
// ended: lanes whose first item is in doubt or waits for its next try.
func (s *sender) recover(ctx context.Context) bool {
	now := time.Now()
	everything := now.Add(10 * keepTrying)
	open, err := s.n.outbox.In(ctx, transport.Sending, everything, 0, largest)
	if err != nil {
		s.n.log.Error("read the outbox", "error", err)
		return false
	}
	queued, err := s.n.outbox.In(ctx, transport.Queued, everything, 0, largest)
	if err != nil {
		s.n.log.Error("read the outbox", "error", err)
		return false
	}
	for _, item := range open {
		s.doubtOf(item)
		// Its call ended with the process that made it.
		if soon := now.Add(firstLook); item.NotBefore.After(soon) {
			item.NotBefore = soon
			s.n.update(ctx, item)
		}
	}
	s.askAnew(ctx, now)
	first := make(map[lane]bool)
	for _, item := range queued {
		l := laneOf(item)
		if !first[l] && item.NotBefore.After(now) {
			s.held[l] = item.NotBefore
		}
		first[l] = true
	}
	return true
}

// askAnew has the provider asked how texts fare whose reports may have come
// while nobody took them.
func (s *sender) askAnew(ctx context.Context, now time.Time) {
	sent, err := s.n.outbox.In(ctx, transport.Sent, now.Add(10*keepTrying), 0, largest)
	if err != nil {
		s.n.log.Error("read the outbox", "error", err)
		return
	}
	anew := 0
	for _, item := range slices.Backward(sent) { // the latest first
		if item.ID == "" || rank(item.Status) > 0 || !item.NotBefore.After(now) || now.Sub(item.Put) > keepTrying {
			continue
		}
		item.NotBefore = now
		s.n.update(ctx, item)
		if anew++; anew == batch {
			return
		}
	}
}

// doubtOf notes that an item is in doubt, and that its lane waits for it.
func (s *sender) doubtOf(item transport.OutboxItem) *doubt {
	d := s.doubts[item.Key]
	if d == nil {
		d = &doubt{lane: laneOf(item), since: time.Now()}
		s.doubts[item.Key] = d
	}
	s.busy[d.lane] = true
	return d
}

// lookAround starts what is due besides sending: looking for items in doubt,
// asking how sent ones fare, telling what could not be told.
func (s *sender) lookAround(ctx, calls context.Context) {
	now := time.Now()
	if now.Before(s.nextScan) {
		return
	}
	s.scanned(now)
	s.stale = true // something may be due that no lane waits for
	if len(s.doubts) > 0 {
		s.scanBy(now.Add(time.Second))
	}
	open, err := s.n.outbox.In(ctx, transport.Sending, now.Add(10*keepTrying), 0, largest)
	var sent []transport.OutboxItem
	if err == nil {
		sent, err = s.n.outbox.In(ctx, transport.Sent, now, 0, batch, s.unaskable(now)...)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.n.log.Error("read the outbox", "error", err)
		}
		s.nextScan = now.Add(storeRetry)
		return
	}
	s.settle(open)
	s.asksLeft = s.asksFull()
	for _, item := range slices.Concat(open, sent) {
		if s.active[item.Key] || item.NotBefore.After(now) {
			continue
		}
		p := s.paceOf(string(item.From))
		if now.Before(p.paused) {
			continue
		}
		if p.asks >= lookUps {
			s.asksLeft = true
			continue
		}
		s.ask(calls, item)
	}
	if now.Sub(s.forgotAt) >= forgetting {
		s.forgotAt = now
		s.forgetPaces()
		if err := s.n.outbox.Forget(ctx, now.Add(-keepDone)); err != nil && ctx.Err() == nil {
			s.n.log.Error("forget old messages", "error", err)
		}
		if err := s.n.forgetPrepared(ctx, now); err != nil && ctx.Err() == nil {
			s.n.log.Error("forget how files were sent", "error", err)
		}
		if err := s.n.forgetShares(ctx, now); err != nil && ctx.Err() == nil {
			s.n.log.Error("forget how old messages fared", "error", err)
		}
	}
}

// settle ends the doubts about items that the store no longer has as being
// sent: an update that returned an error may have been written all the same.
func (s *sender) settle(open []transport.OutboxItem) {
	if len(open) >= largest {
		return
	}
	still := make(map[int64]bool, len(open))
	for _, item := range open {
		still[item.Key] = true
	}
	for key, d := range s.doubts {
		if !still[key] && !s.active[key] {
			delete(s.doubts, key)
			delete(s.busy, d.lane)
			s.stale = true
		}
	}
}

func (s *sender) ask(calls context.Context, item transport.OutboxItem) {
	s.active[item.Key] = true
	p := s.paceOf(string(item.From))
	p.asks++
	if item.State == transport.Sent {
		s.job(checking, p, func() result { return s.n.check(calls, item) })
		return
	}
	d := s.doubtOf(item)
	d.tries++
	seen := *d
	s.job(looking, p, func() result { return s.n.lookUp(calls, item, seen) })
}
