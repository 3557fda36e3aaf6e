package gateway

import (
	"context"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxUnsaid  = 256             // messages of one user that the network has still to show
	unsaidTime = 2 * time.Minute // a network that has shown nothing by then never will
)

// An unsaid message is one that the network has taken, and will show itself.
type unsaid struct {
	request transport.Request
	since   time.Time
	st      *stanza.Received
	p       place
	o       outgoing
}

// awaitEcho keeps a message until the network shows it. In a conversation with
// a person it is remembered already, as the user's own clients have it.
func (s *session) awaitEcho(st *stanza.Received, p place, o outgoing) {
	if p.room == nil {
		s.rememberSent(st, spoken{chat: p.with, text: o.shown, replaces: o.anew})
	}
	s.unsaid = append(s.unsaid, unsaid{request: o.request, since: time.Now(), st: st, p: p, o: o})
	if len(s.unsaid) == maxUnsaid {
		s.behind = time.After(slowAfter)
	}
}

// takeUnsaid gives the oldest message of a request.
func (s *session) takeUnsaid(r transport.Request) (u unsaid, ok bool) {
	for i := range s.unsaid {
		if s.unsaid[i].request == r {
			u = s.unsaid[i]
			if i == 0 {
				s.unsaid[0] = unsaid{}
				s.unsaid = s.unsaid[1:]
			} else {
				s.unsaid = append(s.unsaid[:i:i], s.unsaid[i+1:]...)
			}
			if len(s.unsaid) <= maxUnsaid/2 {
				s.behind = nil
			}
			if len(s.unsaid) == 0 {
				s.unsaid = nil
			}
			return u, true
		}
	}
	return u, false
}

// echoed shows a message of the user's in a room as the network does.
func (s *session) echoed(ctx context.Context, m transport.Message) (taken bool) {
	m.ID = foreign(m.ID)
	u, ok := s.takeUnsaid(m.Request)
	if !ok {
		taken = m.Request == s.reworded // and all of it was shown with the first
		if n, is := readNote(m.Request); is {
			s.addPart(m.Chat, n, m.ID, !taken)
		}
		return taken
	}
	s.takeBack(ctx, u.st, u.o, u.p)
	if u.p.room == nil {
		return true
	}
	if s.reworded = ""; u.o.changed {
		s.reworded = m.Request
	}
	if r := s.rooms[m.Chat]; r != nil && r.joined {
		if !u.o.changed {
			u.o.shown, u.o.changed = m.Text, true // it comes line by line
		}
		s.reflect(r, u.st, u.o, m.ID)
	}
	return true
}

// settleUnsaid ends the wait for a message by what became of it.
func (s *session) settleUnsaid(ctx context.Context, e transport.MessageStatus) {
	u, ok := s.takeUnsaid(e.Request)
	if ok && e.Status != transport.Failed {
		s.takeBack(ctx, u.st, u.o, u.p)
		s.archiveUnsaid(u, e.ID)
	}
}

func (s *session) archiveUnsaid(u unsaid, id transport.MessageID) {
	if u.p.room == nil && !u.p.unkept {
		s.archiveSent(u.p.with, u.st, u.o.shown, id, u.o.extras...)
	}
}

// tidyUnsaid gives up on what the network never showed.
func (s *session) tidyUnsaid(now time.Time) {
	for len(s.unsaid) > 0 && now.Sub(s.unsaid[0].since) > unsaidTime {
		u, _ := s.takeUnsaid(s.unsaid[0].request)
		if u.p.room == nil {
			s.archiveUnsaid(u, "")
			continue
		}
		s.fail(u.st, &transport.Error{Reason: transport.Unreachable, Text: "The network has not said whether it took the message."})
	}
}

// refuseUnsaid answers what the network has still to show when the link ends.
func (s *session) refuseUnsaid() {
	for _, u := range s.unsaid {
		s.host.refuse(u.st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
	}
	s.unsaid, s.behind = nil, nil
}
