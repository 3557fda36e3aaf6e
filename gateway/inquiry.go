package gateway

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

const (
	maxInquiries = 128 // of one user, those that are remembered included
	maxAskers    = 32  // that wait for one answer
	inquiryTime  = 45 * time.Second
	inquiryFresh = time.Minute // how long an answer is given again
)

// A question is what people's clients ask about somebody on the network, or
// their client.
type question uint8

const (
	whoIsIt question = iota
	askVersion
	askPing
	askTime
)

// An inquiry is one question to the network: asked once for all who ask within
// inquiryFresh, however it ends.
type inquiry struct {
	since   time.Time
	waiting []*stanza.Received
	answer  transport.Event // nil until there is one,
	err     error           // or this
}

type inquiryKey struct {
	who  transport.Address
	what question
}

// inquiries are what a session asked of late.
type inquiries struct {
	byKey map[inquiryKey]*inquiry
	byID  map[transport.Request]inquiryKey
	pace  *rate.Limiter // what goes to the network
}

// limit is how often a user may ask.
func (q *inquiries) limit() *rate.Limiter {
	if q.pace == nil {
		q.pace = rate.NewLimiter(rate.Every(2*time.Second), 10)
	}
	return q.pace
}

// inquiryOf names the question of an iq, and makes the answer of what the
// network answered.
var inquiryOf = map[string]struct {
	what   question
	result func(*host, stanza.Received, transport.Event) (payload, *stanza.Error)
}{
	"vcard-temp":        {whoIsIt, (*host).vcardOf},
	vcard4Namespace:     {whoIsIt, (*host).vcard4Of},
	"jabber:iq:last":    {whoIsIt, (*host).idleOf},
	"jabber:iq:version": {askVersion, (*host).versionOf},
	"urn:xmpp:ping":     {askPing, (*host).pongOf},
	"urn:xmpp:time":     {askTime, (*host).timeOf},
}

// sendInquiry asks the network about a person, or about an occupant of a room
// that the client is in.
func (s *session) sendInquiry(ctx context.Context, st *stanza.Received) (taken bool) {
	t, err := s.host.target(st.To)
	if err != nil || !s.host.info.People {
		return false
	}
	who := t.address
	what := inquiryOf[st.Payload().Space].what
	switch t.kind {
	case toPerson:
	case toOccupant:
		r := s.roomOf(st, t.address)
		if r == nil || what == askPing && t.occupant == r.nick {
			return false
		}
		m, here := s.member(r, t.occupant)
		if !here || m.Who == "" {
			// So a client that pings its former nick troubles nobody (XEP-0410 §3.2).
			s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: t.occupant + " is not in this room"})
			return true
		}
		who = m.Who
	default:
		return s.sendCardOfPlace(st, t)
	}
	s.inquire(ctx, st, inquiryKey{who, what})
	return true
}

// member finds somebody in a room.
func (s *session) member(r *room, nick string) (transport.Member, bool) {
	for _, m := range s.members(r) {
		if m.Nick == nick {
			return m, true
		}
	}
	return transport.Member{}, false
}

func (s *session) inquire(ctx context.Context, st *stanza.Received, k inquiryKey) {
	q := s.inquiries.byKey[k]
	switch {
	case q != nil && (q.answer != nil || q.err != nil) && time.Since(q.since) < inquiryFresh:
		s.answerInquiry(st, q)
		return
	case q == nil && s.answerKnown(st, k.who):
		return
	case q != nil && q.answer == nil && q.err == nil && len(q.waiting) < maxAskers:
		q.waiting = append(q.waiting, st)
		return
	case q != nil && q.answer == nil && q.err == nil, len(s.inquiries.byKey) >= maxInquiries && !s.forgetInquiry(),
		!s.inquiries.limit().Allow():
		s.failInquiry(st, &transport.Error{Reason: transport.RateLimited, Text: "you ask too much about people; wait a little"})
		return
	}
	link, err := s.openLink()
	if err != nil {
		s.failInquiry(st, err)
		return
	}
	q = &inquiry{since: time.Now(), waiting: []*stanza.Received{st}}
	request := note{kind: noteInquiry, id: s.newID()}.request()
	put(&s.inquiries.byKey, k, q)
	put(&s.inquiries.byID, request, k)
	err = unsupportedCall
	switch k.what {
	case whoIsIt:
		if p, ok := link.(transport.Profiles); ok {
			err = p.Profile(ctx, k.who, request)
		}
	default:
		if p, ok := link.(transport.Queries); ok {
			err = p.Query(ctx, k.who, queries[k.what], request)
		}
	}
	if err != nil {
		s.inquiryAnswered(request, nil, err)
		delete(s.inquiries.byKey, k) // it was not asked at all
	}
}

var queries = map[question]transport.Query{
	askVersion: transport.QueryVersion, askPing: transport.QueryPing, askTime: transport.QueryTime,
}

var unsupportedCall = &transport.Error{Reason: transport.Unsupported, Text: "the network can't tell"}

// forgetInquiry makes room, where an answered inquiry is kept.
func (s *session) forgetInquiry() bool {
	for k, q := range s.inquiries.byKey {
		if q.answer != nil || q.err != nil {
			delete(s.inquiries.byKey, k)
			return true
		}
	}
	return false
}

// inquiryAnswered answers all who asked.
func (s *session) inquiryAnswered(r transport.Request, e transport.Event, err error) {
	k, known := s.inquiries.byID[r]
	delete(s.inquiries.byID, r)
	q := s.inquiries.byKey[k]
	if !known || q == nil {
		return
	}
	if e == nil && err == nil {
		err = unsupportedCall
	}
	q.answer, q.err, q.since = e, err, time.Now()
	s.wish(k.who, profileOf(e).Face)
	waiting := q.waiting
	q.waiting = nil
	for _, st := range waiting {
		s.answerInquiry(st, q)
	}
	if s.isSelf(k.who) {
		delete(s.inquiries.byKey, k) // the user has several clients, of which one answered
	}
}

// isSelf says that the user has the address on the network.
func (s *session) isSelf(who transport.Address) bool {
	for _, r := range s.rooms {
		if r.joined && r.own.Who == who {
			return true
		}
	}
	return false
}

// failInquiry refuses a question. Clients ping the nick that they take for
// theirs, and only with these two errors they know that they are still in the
// room (XEP-0410 §3.2).
func (s *session) failInquiry(st *stanza.Received, err error) {
	if st.To.Resource != "" && inquiryOf[st.Payload().Space].what == askPing {
		e := stanzaError(err, s.host.Domain)
		if e.Condition != stanza.ItemNotFound {
			e.Class, e.Condition = stanza.Cancel, stanza.ServiceUnavailable
		}
		s.refuse(st, e)
		return
	}
	s.fail(st, err)
}

func (s *session) answerInquiry(st *stanza.Received, q *inquiry) {
	if q.err != nil {
		s.failInquiry(st, q.err)
		return
	}
	result, refusal := inquiryOf[st.Payload().Space].result(s.host, *st, q.answer)
	switch {
	case refusal != nil:
		s.refuse(st, *refusal)
	case result == nil:
		s.send(st.Result())
	default:
		s.send(st.Result(result))
	}
}

// tidyInquiries answers what the network never did.
func (s *session) tidyInquiries(now time.Time) {
	for r, k := range s.inquiries.byID {
		if q := s.inquiries.byKey[k]; q == nil || now.Sub(q.since) > inquiryTime {
			s.inquiryAnswered(r, nil, &transport.Error{Reason: transport.Unreachable, Text: "the network did not answer"})
		}
	}
}

// refuseInquiries answers what was under way when the session ended.
func (s *session) refuseInquiries() {
	for _, q := range s.inquiries.byKey {
		for _, st := range q.waiting {
			s.host.refuse(st, stanza.Error{Class: stanza.Wait, Condition: stanza.RemoteServerTimeout, Text: s.farewell})
		}
	}
}

// versionOf puts the whole of what a client says of itself into the name: the
// network has it in one piece (XEP-0092).
func (h *host) versionOf(_ stanza.Received, e transport.Event) (payload, *stanza.Error) {
	const space = "jabber:iq:version"
	answer, _ := e.(transport.QueryAnswered)
	return wire.New(space, "query", wire.NewText(space, "name", answer.Text), wire.New(space, "version")), nil
}

func (h *host) pongOf(stanza.Received, transport.Event) (payload, *stanza.Error) { return nil, nil }

func (h *host) timeOf(_ stanza.Received, e transport.Event) (payload, *stanza.Error) {
	answer, _ := e.(transport.QueryAnswered)
	return entityTime(answer.At), nil
}
