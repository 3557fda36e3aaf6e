package sms

import (
	"cmp"
	"time"
)

// A pace is how a trunk fares with the sender: one whose provider is slow or
// down delays no other. It belongs to the sender's run.
type pace struct {
	most     int // sends at a time
	sends    int
	asks     int
	failures int       // of the provider, in a row
	paused   time.Time // nothing is sent before
}

// paceOf gives the pace of the trunk that carries a number. What nobody
// carries has one too: it fails, in its turn.
func (s *sender) paceOf(number string) *pace {
	t := s.n.lines.trunkOf(number)
	p := s.paces[t]
	if p == nil {
		p = &pace{most: parallel}
		if t != nil {
			p.most = cmp.Or(t.capabilities().Parallel, parallel)
		}
		s.paces[t] = p
	}
	return p
}

// takes says whether one more text may be sent now.
func (p *pace) takes(now time.Time) bool {
	return p.sends < p.most && !now.Before(p.paused)
}

// anyTakes says whether anything may be sent now, before the outbox is read
// for it. Pauses that are over are forgotten.
func (s *sender) anyTakes(now time.Time) bool {
	known, some := 0, false
	for t, p := range s.paces {
		if !p.paused.IsZero() && !now.Before(p.paused) {
			p.paused = time.Time{}
		}
		if t != nil {
			known++
			some = some || p.takes(now)
		}
	}
	return some || known < s.n.lines.countTrunks()
}

// learn takes into account how a call went.
func (p *pace) learn(r result, now time.Time) {
	switch {
	case r.worked:
		p.failures = 0
	case r.outage:
		p.failures++
		r.pause = max(r.pause, backoff(p.failures, retryFirst, pauseMost))
	}
	if until := now.Add(r.pause); r.pause > 0 && until.After(p.paused) {
		p.paused = until
	}
}

// forgetPaces drops those of trunks that are gone and have no job.
func (s *sender) forgetPaces() {
	for t, p := range s.paces {
		if t != nil && p.sends == 0 && p.asks == 0 && s.n.lines.trunk(t.name) != t {
			delete(s.paces, t)
		}
	}
}
