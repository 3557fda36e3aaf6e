package gateway

import (
	"context"
	"errors"

	"gatehouse/component"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// maxMissed is how many departures a room notes while the stream is down.
const maxMissed = 1000

// A rollCall says which of the user's clients no longer answer.
type rollCall struct{ gone []string }

// callTheRoll asks the user's clients whether they are still there, after the
// stream was lost: if the server was restarted they are not, and nobody tells
// us. The answer comes back as a rollCall.
func (s *session) callTheRoll() {
	if s.calling {
		s.callAgain = true
		return
	}
	resources := map[string]bool{}
	for _, r := range s.rooms {
		for resource := range r.listeners.all() {
			resources[resource] = true
		}
	}
	if len(resources) == 0 {
		return // and nobody missed anything
	}
	s.calling = true
	s.running.Go(func() {
		var call rollCall
		for resource := range resources {
			if s.vanished(resource) {
				call.gone = append(call.gone, resource)
			}
		}
		s.giveBack(func(ctx context.Context) { s.resume(ctx, call) })
	})
}

// vanished pings a client (XEP-0199). Only an error can say that it is gone: one
// that does not answer in time may be asleep while its server keeps its place.
func (s *session) vanished(resource string) bool {
	ctx, cancel := context.WithTimeout(s.closing, callTimeout)
	defer cancel()
	_, err := s.host.Stream.Request(ctx, stanza.Stanza{
		Kind:     stanza.IQ,
		Header:   stanza.Header{From: s.at(""), To: s.user.WithResource(resource), Type: stanza.Get},
		Payloads: []payload{wire.New("urn:xmpp:ping", "ping")},
	})
	e, refused := errors.AsType[*component.RequestError](err)
	return refused && isGone(e.Answer.Condition)
}

// resume takes out the clients that are gone, and shows the others what they
// missed: who left their rooms, and how those look now.
func (s *session) resume(ctx context.Context, call rollCall) {
	s.calling = false
	if s.host.streamDown.Load() {
		return // which asks again once it is up
	}
	if s.callAgain {
		s.callAgain = false
		s.callTheRoll()
		return
	}
	rooms, ok := s.link.(transport.Rooms)
	for _, r := range s.rooms {
		for _, resource := range call.gone {
			if r.listeners.of(resource) != nil {
				s.lose(ctx, r, resource)
			}
		}
		s.showMissed(r)
		if ok && r.joined && len(r.listeners) > 0 {
			r.stale = true
			if err := rooms.Join(ctx, r.address, r.nick, transport.JoinOptions{}); err != nil {
				s.log().Warn("a room could not be shown again", "err", err)
			}
		}
	}
}

// miss notes that somebody left while nobody could be told.
func (r *room) miss(e transport.MemberLeft) {
	if r.host.streamDown.Load() && len(r.listeners) > 0 && len(r.missed) < maxMissed {
		r.missed = append(r.missed, e)
	}
}

func (s *session) showMissed(r *room) {
	for _, e := range r.missed {
		s.showDeparture(r, e)
	}
	r.missed = nil
}
