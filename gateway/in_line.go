package gateway

import (
	"context"
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// maxInLine is how many messages of one user wait behind others.
const maxInLine = 64

// A turn is a message to a chat that waits for the disk. What is sent to the
// same chat meanwhile waits behind it: nobody is to hear the answer first.
type turn struct {
	of     *stanza.Received
	behind []inLine
}

// An inLine is a message that waits. What was done with its stanza before is
// not done again.
type inLine struct {
	st   *stanza.Received
	send func(context.Context)
}

// takesTurn has what is sent to a chat from now on wait for a message that is
// done aside.
func (s *session) takesTurn(st *stanza.Received, chat transport.Address) {
	if s.turns == nil {
		s.turns = map[transport.Address]*turn{}
	}
	s.turns[chat] = &turn{of: st}
}

// standInLine has a message wait behind a turn, or refuses it as too many do.
func (s *session) standInLine(t *turn, st *stanza.Received, m stanza.Meaning, p place) {
	waiting := 0
	for _, other := range s.turns {
		waiting += len(other.behind)
	}
	if waiting >= maxInLine {
		s.refuse(st, overloaded("wait until your earlier messages are sent"))
		return
	}
	t.behind = append(t.behind, inLine{st, func(ctx context.Context) { s.sendMeaning(ctx, st, m, p) }})
}

// endTurn sends what has waited for a message that is done, until one of those
// has to wait itself.
func (s *session) endTurn(st *stanza.Received) {
	for chat, t := range s.turns {
		if t.of != st {
			continue
		}
		delete(s.turns, chat)
		for i, next := range t.behind {
			s.current = next.st
			s.call(next.send)
			s.current = nil
			if again := s.turns[chat]; again != nil {
				again.behind = append(again.behind, slices.Clone(t.behind[i+1:])...)
				return
			}
		}
		return
	}
}

// refuseTurns answers what waits when the session ends.
func (s *session) refuseTurns() {
	for _, t := range s.turns {
		for _, next := range t.behind {
			s.host.refuse(next.st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
		}
	}
	s.turns = nil
}
