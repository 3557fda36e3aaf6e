package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/component"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// clientQueries are what the user's client is asked when somebody on the network
// asks about it.
var clientQueries = map[transport.Query]*wire.Element{
	transport.QueryVersion: wire.New("jabber:iq:version", "query"),
	transport.QueryPing:    wire.New("urn:xmpp:ping", "ping"),
	transport.QueryTime:    wire.New("urn:xmpp:time", "time"),
}

// receiveQueried passes a question on to the user's most available client. Where
// there is none, or it does not tell, the gateway answers for it: whoever asks
// sees that somebody is there.
func (s *session) receiveQueried(ctx context.Context, e transport.Queried) {
	resource, any := s.bestClient()
	if !any {
		s.replyToQuery(ctx, e, s.ownReply(e.Query))
		return
	}
	// Nothing is refused to anybody if this comes to nothing.
	nobody := &stanza.Received{Header: stanza.Header{Type: stanza.ErrorType}}
	s.aside(nobody, func(ctx context.Context) func(context.Context) {
		answer, err := s.host.Stream.Request(ctx, stanza.Stanza{
			Kind:     stanza.IQ,
			Header:   stanza.Header{From: s.at(e.From), To: s.user.WithResource(resource), Type: stanza.Get},
			Payloads: []payload{clientQueries[e.Query]},
		})
		return func(ctx context.Context) {
			told, refused := errors.AsType[*component.RequestError](err)
			switch {
			case err == nil:
				s.replyToQuery(ctx, e, s.readReply(e.Query, answer))
			case refused && !isVanished(told.Answer.Condition):
				s.replyToQuery(ctx, e, s.ownReply(e.Query))
			}
		}
	})
}

// isVanished says that nobody answered, unlike service-unavailable, with which
// a client says that it does not tell.
func isVanished(c stanza.Condition) bool { return isGone(c) && c != stanza.ServiceUnavailable }

// bestClient is the most available of the user's clients.
func (s *session) bestClient() (resource string, any bool) {
	rank := func(r string) int { return slices.Index(fromBusy, s.clients[r].Show) }
	for _, r := range slices.Sorted(maps.Keys(s.clients)) {
		if !any || rank(r) > rank(resource) {
			resource, any = r, true
		}
	}
	return resource, any
}

func (s *session) replyToQuery(ctx context.Context, e transport.Queried, text string) {
	q, ok := s.link.(transport.Queries)
	if !ok {
		return
	}
	if err := q.Reply(ctx, e.From, e.Query, e.Token, text); err != nil {
		s.log().Info("a question from the network was not answered", "err", err)
	}
}

// clock is how people on the network see a time.
const clock = "Mon, 02 Jan 2006 15:04:05 -0700"

func (s *session) ownReply(q transport.Query) string {
	switch q {
	case transport.QueryVersion:
		return "Gatehouse " + s.host.gateway.Version
	case transport.QueryTime:
		return time.Now().UTC().Format(clock)
	}
	return ""
}

const maxReply = 200 // bytes of one part of what a client says of itself

// readReply makes the text of a client's answer.
func (s *session) readReply(q transport.Query, answer stanza.Received) string {
	p := answer.Payload()
	part := func(name string) string {
		text := strings.Join(strings.Fields(p.Child(p.Space, name).Content()), " ")
		if len(text) > maxReply {
			text = strings.ToValidUTF8(text[:maxReply], "")
		}
		return text
	}
	switch {
	case p == nil:
		return s.ownReply(q)
	case q == transport.QueryVersion:
		through := "(through the Gatehouse gateway)"
		return strings.Join(strings.Fields(strings.Join([]string{part("name"), through, part("version"), part("os")}, " ")), " ")
	case q == transport.QueryTime:
		if at, err := time.Parse(time.RFC3339, part("utc")); err == nil {
			zone, err := time.Parse("-07:00", strings.Replace(part("tzo"), "Z", "+00:00", 1))
			if err == nil {
				at = at.In(zone.Location())
			}
			return at.Format(clock)
		}
		return s.ownReply(q)
	}
	return ""
}
