package gateway

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// A target is what an iq is addressed to.
type target struct {
	kind     targetKind
	address  transport.Address
	occupant string // with toOccupant: the nick
}

type targetKind int

const (
	toGateway targetKind = iota
	toServer
	toPerson
	toRoom
	toOccupant
)

func (h *host) target(to jid.JID) (target, error) {
	if to.Local == "" {
		return target{kind: toGateway}, nil
	}
	a, kind, err := h.resolve(to)
	switch {
	case err != nil:
		return target{}, err
	case kind == transport.Server:
		return target{kind: toServer, address: a}, nil
	case kind == transport.Person:
		return target{kind: toPerson, address: a}, nil
	case to.Resource != "":
		return target{kind: toOccupant, address: a, occupant: to.Resource}, nil
	}
	return target{kind: toRoom, address: a}, nil
}

// sendIQ answers an iq. Every get and set gets exactly one answer, results and
// errors get none (RFC 6120 §8.2.3).
func (s *session) sendIQ(ctx context.Context, st *stanza.Received) {
	if st.Type != stanza.Get && st.Type != stanza.Set {
		return
	}
	if q := st.Payload(); q != nil {
		if call := iqCalls[iqName{st.Type, q.Space}]; call != nil && call(s, ctx, st) {
			return
		}
	}
	s.send(s.host.answerIQ(s, st))
}

// iqName is what an iq asks for.
type iqName struct{ typ, space string }

// iqAnswers is what we answer at once. The session is nil for strangers.
var iqAnswers = map[iqName]func(*host, *session, *stanza.Received, target) (payload, *stanza.Error){
	{stanza.Get, stanza.DiscoInfoNamespace}:  (*host).answerInfo,
	{stanza.Get, stanza.DiscoItemsNamespace}: (*host).answerItems,
	{stanza.Get, "urn:xmpp:ping"}:            (*host).answerPing,
	{stanza.Get, "jabber:iq:version"}:        (*host).answerVersion,
	{stanza.Get, "jabber:iq:last"}:           (*host).answerLast,
	{stanza.Get, "urn:xmpp:time"}:            (*host).answerTime,
	{stanza.Get, stanza.PromptNamespace}:     (*host).answerPrompt,
	{stanza.Get, "vcard-temp"}:               (*host).answerVCard,
	{stanza.Get, vcard4Namespace}:            (*host).answerVCard4,
	{stanza.Get, stanza.MUCAdminNamespace}:   (*host).answerAffiliations,
}

// answerIQ makes the answer to a get or a set. What nobody here knows is
// service-unavailable (RFC 6120 §8.3.3.19).
func (h *host) answerIQ(s *session, st *stanza.Received) stanza.Stanza {
	refuse := func(e stanza.Error) stanza.Stanza { return st.Answer(stanza.ErrorType, e) }
	q := st.Payload()
	if q == nil {
		return refuse(badRequest("an iq of type " + st.Type + " carries one element"))
	}
	answer := iqAnswers[iqName{st.Type, q.Space}]
	if answer == nil {
		return refuse(unknown())
	}
	t, err := h.target(st.To)
	if err != nil {
		return refuse(stanzaError(err, h.Domain))
	}
	result, refusal := answer(h, s, st, t)
	switch {
	case refusal != nil:
		return refuse(*refusal)
	case result == nil:
		return st.Result()
	}
	return st.Result(result)
}

func refused(e stanza.Error) (payload, *stanza.Error) { return nil, &e }

// roomOf gives the room if the client that sent the stanza is in it.
func (s *session) roomOf(st *stanza.Received, a transport.Address) *room {
	if s == nil {
		return nil
	}
	if r := s.rooms[a]; r != nil && r.isIn(st.From.Resource) {
		return r
	}
	return nil
}

// answerPing answers for ourselves, and for an occupant's own nick: that is how
// a client learns whether it is still in the room (XEP-0199, XEP-0410 §3).
func (h *host) answerPing(s *session, st *stanza.Received, t target) (payload, *stanza.Error) {
	switch t.kind {
	case toGateway, toServer:
		return nil, nil
	case toPerson:
		if h.info.Reachable {
			return nil, nil
		}
		return refused(unknown())
	}
	r := s.roomOf(st, t.address)
	switch {
	case t.kind == toRoom:
		return nil, nil
	case r == nil:
		return refused(stanza.Error{
			Class: stanza.Cancel, Condition: stanza.NotAcceptable, By: st.To.Bare().String(), Text: "you are not in this room",
		})
	case t.occupant != r.nick:
		return refused(unknown()) // another person's client is not ours to ask
	}
	return nil, nil
}

// answerVersion implements XEP-0092.
func (h *host) answerVersion(_ *session, _ *stanza.Received, t target) (payload, *stanza.Error) {
	if t.kind == toOccupant {
		return refused(unknown())
	}
	const space = "jabber:iq:version"
	return wire.New(space, "query",
		wire.NewText(space, "name", "Gatehouse"),
		wire.NewText(space, "version", h.gateway.Version),
		wire.NewText(space, "os", runtime.GOOS)), nil
}

// answerLast gives the gateway's uptime (XEP-0012 §4).
func (h *host) answerLast(_ *session, _ *stanza.Received, t target) (payload, *stanza.Error) {
	if t.kind != toGateway {
		return refused(unknown())
	}
	seconds := int(time.Since(h.gateway.started).Seconds())
	return wire.New("jabber:iq:last", "query").SetAttr("seconds", strconv.Itoa(seconds)), nil
}

// answerTime implements XEP-0202.
func (h *host) answerTime(_ *session, _ *stanza.Received, t target) (payload, *stanza.Error) {
	if t.kind == toOccupant {
		return refused(unknown())
	}
	return entityTime(time.Now()), nil
}

func entityTime(at time.Time) payload {
	const space = "urn:xmpp:time"
	return wire.New(space, "time",
		wire.NewText(space, "tzo", at.Format("-07:00")),
		wire.NewText(space, "utc", at.UTC().Format("2006-01-02T15:04:05Z")))
}
