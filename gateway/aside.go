package gateway

import (
	"context"

	"gatehouse/component/stanza"
)

const (
	maxAsides = 16 // of one user at a time
	maxOrders = 16 // that wait for one session
)

// aside does for a stanza what the session must not wait for: work runs on a
// goroutine of its own, and what it returns on the session's, which answers the
// stanza. The stanza is refused if too much is under way, or if the session
// ends first. False means that it was refused at once.
func (s *session) aside(st *stanza.Received, work func(context.Context) func(context.Context)) bool {
	if len(s.asides) >= maxAsides {
		s.refuse(st, overloaded("wait for the answers to your earlier requests"))
		return false
	}
	put(&s.asides, st, true)
	s.running.Go(func() {
		then := func(context.Context) { s.refuse(st, internalError()) }
		s.host.guard("work for "+s.user.String(), func() {
			ctx, cancel := context.WithTimeout(s.closing, callTimeout)
			defer cancel()
			then = work(ctx)
		})
		s.giveBack(func(ctx context.Context) {
			delete(s.asides, st)
			s.current = st // answered even if this panics
			then(ctx)
			s.current = nil
			s.endTurn(st)
		})
	})
	return true
}

// refuseAsides answers what was under way when the session ended.
func (s *session) refuseAsides() {
	for st := range s.asides {
		s.host.refuse(st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
	}
	s.refuseTurns()
}

// order has f run on the session's goroutine, on behalf of another session. It
// never waits. False means that the session is too busy.
func (s *session) order(f func(context.Context)) bool {
	select {
	case s.orders <- f:
		s.wake()
		return true
	default:
		return false
	}
}
