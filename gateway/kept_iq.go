package gateway

import (
	"context"
	"strconv"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxKeptIQs  = 32 // of one user
	keptTimeout = time.Minute
)

// A keptIQ is one that the network has not wholly answered.
type keptIQ struct {
	st      *stanza.Received
	since   time.Time
	waiting int                           // answers that are still to come
	err     error                         // the first that was one
	result  func(transport.Event) payload // makes the answer of the last event; nil: it is empty
}

// iqCalls is what the network, the disk or others are asked for. One that
// returns false leaves the iq to iqAnswers.
var iqCalls = map[iqName]func(*session, context.Context, *stanza.Received) (taken bool){
	{stanza.Get, stanza.ArchiveNamespace}:       (*session).sendArchiveGet,
	{stanza.Set, stanza.ArchiveNamespace}:       (*session).sendArchiveQuery,
	{stanza.Get, stanza.ChannelSearchNamespace}: (*session).sendChannelSearch,
	{stanza.Get, stanza.DiscoItemsNamespace}:    (*session).sendRoomItems,
	{stanza.Get, "jabber:iq:last"}:              (*session).sendInquiry,
	{stanza.Get, "jabber:iq:version"}:           (*session).sendInquiry,
	{stanza.Get, "urn:xmpp:ping"}:               (*session).sendInquiry,
	{stanza.Get, "urn:xmpp:time"}:               (*session).sendInquiry,
	{stanza.Get, "vcard-temp"}:                  (*session).sendInquiry,
	{stanza.Get, vcard4Namespace}:               (*session).sendInquiry,
	{stanza.Set, stanza.CommandsNamespace}:      (*session).sendCommand,
	{stanza.Get, stanza.MUCAdminNamespace}:      (*session).sendAdminQuery,
	{stanza.Set, stanza.MUCAdminNamespace}:      (*session).sendAdmin,
	{stanza.Get, stanza.RegisterNamespace}:      (*session).sendRegister,
	{stanza.Set, stanza.RegisterNamespace}:      (*session).sendRegister,
	{stanza.Get, stanza.MUCOwnerNamespace}:      (*session).sendOwner,
	{stanza.Get, stanza.SearchNamespace}:        (*session).sendSearch,
	{stanza.Set, stanza.SearchNamespace}:        (*session).sendSearch,
	{stanza.Set, stanza.PromptNamespace}:        (*session).sendPrompt,
	{stanza.Set, stanza.RosterNamespace}:        (*session).receiveRosterPush,
	{stanza.Set, stanza.MUCOwnerNamespace}:      (*session).sendOwner,
	{stanza.Set, stanza.ModerationNamespace}:    (*session).sendModeration,
}

// keepIQ keeps an iq until as many events have answered the Request that it
// gives. False means that there is no place for it, which the user is told.
func (s *session) keepIQ(st *stanza.Received, answers int, result func(transport.Event) payload) (transport.Request, bool) {
	if len(s.keptIQs) >= maxKeptIQs {
		s.refuse(st, overloaded("wait for the answers to your earlier requests"))
		return "", false
	}
	// The client's own id is no key: it may come twice.
	s.lastIQ++
	key := strconv.Itoa(s.lastIQ)
	put(&s.keptIQs, key, &keptIQ{st: st, since: time.Now(), waiting: answers, result: result})
	return note{kind: noteIQ, id: key}.request(), true
}

// answerKept counts one answer, and answers the iq after the last.
func (s *session) answerKept(r transport.Request, e transport.Event, err error) {
	n, ok := readNote(r)
	iq := s.keptIQs[n.id]
	if !ok || n.kind != noteIQ || iq == nil {
		return
	}
	if iq.err == nil {
		iq.err = err
	}
	if iq.waiting--; iq.waiting > 0 {
		return
	}
	delete(s.keptIQs, n.id)
	switch {
	case iq.err != nil:
		s.fail(iq.st, iq.err)
	case iq.result != nil:
		s.send(iq.st.Result(iq.result(e)))
	default:
		s.send(iq.st.Result())
	}
}

// tidyKept answers what the network never did.
func (s *session) tidyKept(now time.Time) {
	for key, iq := range s.keptIQs {
		if now.Sub(iq.since) > keptTimeout {
			delete(s.keptIQs, key)
			s.fail(iq.st, &transport.Error{Reason: transport.Unreachable, Text: "the network did not answer"})
		}
	}
}
