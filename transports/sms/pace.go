package sms

import (
	"cmp"
	"errors"
	"sync/atomic"
	"time"

	"gatehouse/transports/sms/provider"
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
			p.pause(t.rest.until())
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
		if t != nil {
			p.pause(t.rest.until())
		}
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
	case r.outage && now.Before(p.paused): // calls that ran at the same time fail together
	case r.outage:
		p.failures++
		r.pause = max(r.pause, backoff(p.failures, retryFirst, pauseMost))
	}
	if r.pause > 0 {
		p.pause(now.Add(r.pause))
	}
}

func (p *pace) pause(until time.Time) {
	if until.After(p.paused) {
		p.paused = until
	}
}

// A rest is the time for which a provider wants not to be called, by anybody.
type rest struct{ atomic.Int64 }

// learn takes an error of the provider into account, and gives it back.
func (r *rest) learn(err error) error {
	retry, ok := errors.AsType[*provider.Retry](err)
	if !ok || !retry.Everyone || retry.After <= 0 {
		return err
	}
	until := time.Now().Add(retry.After).UnixNano()
	for was := r.Load(); was < until && !r.CompareAndSwap(was, until); was = r.Load() {
	}
	return err
}

// until gives the end of the rest, if there was any.
func (r *rest) until() time.Time {
	if nanos := r.Load(); nanos > 0 {
		return time.Unix(0, nanos)
	}
	return time.Time{}
}

// forgetPaces drops those of trunks that are gone and have no job.
func (s *sender) forgetPaces() {
	for t, p := range s.paces {
		if t != nil && p.sends == 0 && p.asks == 0 && s.n.lines.trunk(t.name) != t {
			delete(s.paces, t)
		}
	}
}
