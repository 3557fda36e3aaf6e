package gateway

import (
	"context"

	"gatehouse/component/stanza"
)

// An errand is work that waits for the disk or the stream. It runs on a
// goroutine of its own, and what it returns on the session's.
type errand func(context.Context) func(context.Context)

// errands are run one after the other, in order: so a user with many of them
// holds up nobody else. The session's goroutine owns them.
type errands struct {
	waiting []waitingErrand // the first is under way
}

// errandKinds is how many errands of a session may be under way at most.
const errandKinds = 8

type waitingErrand struct {
	errand
	st     *stanza.Received      // refused if the session ends first; may be nil
	failed func(context.Context) // after a panic
}

// run adds an errand.
func (q *errands) run(s *session, e waitingErrand) {
	q.waiting = append(q.waiting, e)
	if len(q.waiting) == 1 {
		q.start(s)
	}
}

func (q *errands) start(s *session) {
	e := q.waiting[0]
	s.running.Go(func() {
		then := e.failed
		s.host.guard("errand for "+s.bare, func() {
			ctx, cancel := context.WithTimeout(s.closing, callTimeout)
			defer cancel()
			then = e.errand(ctx)
		})
		s.giveBack(func(ctx context.Context) { s.endErrand(ctx, q, then) })
	})
}

// end uses what the first errand returned, and starts the next.
func (q *errands) end(ctx context.Context, s *session, then func(context.Context)) {
	then(ctx)
	if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
		q.start(s)
	} else {
		q.waiting = nil
	}
}

// endErrand is for all kinds, with what the one under way returned.
func (s *session) endErrand(ctx context.Context, q *errands, then func(context.Context)) {
	q.end(ctx, s, then)
	if q == &s.lookups {
		s.lookedUp(ctx)
	}
}

// refuse answers what waits when the session ends.
func (q *errands) refuse(s *session) {
	for _, e := range q.waiting {
		if e.st != nil {
			s.host.refuse(e.st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
		}
	}
}
