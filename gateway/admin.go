package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxAdminIQs  = 16 // that wait for the network, of one user
	maxItems     = 32 // changes in one iq
	adminTimeout = time.Minute
)

// An adminIQ is a muc#admin set that the network has not wholly answered.
type adminIQ struct {
	st      *stanza.Received
	since   time.Time
	waiting int   // items without an answer
	err     error // the first that failed
}

// sendAdmin changes roles and affiliations (XEP-0045 §8, §9). The iq is
// answered when the network has answered every change in it.
func (s *session) sendAdmin(ctx context.Context, st *stanza.Received) {
	t, err := s.host.target(st.To)
	if err != nil {
		s.fail(st, err)
		return
	}
	r := s.roomOf(st, t.address)
	moderation, ok := s.link.(transport.Moderation)
	items := stanza.ReadMUCItems(st.Payload())
	switch {
	case t.kind != toRoom || r == nil:
		s.refuse(st, notJoined("join the room before you change it"))
		return
	case !ok:
		s.refuse(st, unsupported("nobody can be moderated here"))
		return
	case len(items) == 0 || len(items) > maxItems:
		s.refuse(st, badRequest(fmt.Sprintf("between 1 and %d changes go into one request", maxItems)))
		return
	case len(s.adminIQs) >= maxAdminIQs:
		s.refuse(st, overloaded("wait for the answers to your earlier changes"))
		return
	}
	actions := make([]transport.Action, len(items))
	for i, item := range items {
		if actions[i], err = s.host.action(item); err != nil {
			s.fail(st, err)
			return
		}
	}
	// The client's own id is no key: it may come twice.
	s.lastIQ++
	key := strconv.Itoa(s.lastIQ)
	s.adminIQs[key] = &adminIQ{st: st, since: time.Now(), waiting: len(actions)}
	for _, a := range actions {
		a.Request = note{kind: noteIQ, id: key}.request()
		if err := moderation.Moderate(ctx, r.address, a); err != nil {
			s.settle(key, err)
		}
	}
}

// action reads one change.
func (h *host) action(item stanza.MUCItem) (a transport.Action, err error) {
	a.Nick, a.Reason = item.Nick, item.Reason
	bad := func(text string) error { return &transport.Error{Reason: transport.BadRequest, Text: text} }
	if item.JID != "" {
		j, err := jid.ParsePrepared(item.JID)
		if err != nil || j.Domain != h.Domain {
			return a, bad("name people by their nick, or by their address on " + h.Domain)
		}
		if a.Who, _, err = h.resolve(j); err != nil {
			return a, err
		}
	}
	if a.Nick == "" && a.Who == "" {
		return a, bad("the change does not say whom it is for")
	}
	role := slices.Index(roleNames[:], item.Role)
	affiliation := slices.Index(affiliationNames[:], item.Affiliation)
	switch {
	case item.Role != "" && item.Affiliation == "" && role >= 0:
		value := transport.Role(role)
		a.Role = &value
	case item.Affiliation != "" && item.Role == "" && affiliation >= 0:
		value := transport.Affiliation(affiliation)
		a.Affiliation = &value
	default:
		return a, bad("a change names one role or one affiliation")
	}
	return a, nil
}

// settle counts one answered change, and answers the iq after the last.
func (s *session) settle(key string, err error) {
	iq := s.adminIQs[key]
	if iq == nil {
		return
	}
	if iq.err == nil {
		iq.err = err
	}
	if iq.waiting--; iq.waiting > 0 {
		return
	}
	delete(s.adminIQs, key)
	if iq.err != nil {
		s.fail(iq.st, iq.err)
		return
	}
	s.send(iq.st.Result())
}

// tidyAdmin answers what the network never did.
func (s *session) tidyAdmin(now time.Time) {
	for key, iq := range s.adminIQs {
		if now.Sub(iq.since) > adminTimeout {
			delete(s.adminIQs, key)
			s.fail(iq.st, &transport.Error{Reason: transport.Unreachable, Text: "the network did not answer"})
		}
	}
}

// answerAffiliations lists occupants by role or affiliation (XEP-0045 §9.5).
// Only those who are in the room are known.
func (h *host) answerAffiliations(s *session, st *stanza.Received, t target) (payload, *stanza.Error) {
	r := s.roomOf(st, t.address)
	wanted := stanza.ReadMUCItems(st.Payload())
	switch {
	case t.kind != toRoom || r == nil:
		return refused(forbidden("join the room before you ask who is in it"))
	case len(wanted) != 1 || (wanted[0].Role == "") == (wanted[0].Affiliation == ""):
		return refused(badRequest("ask for one role or one affiliation"))
	}
	var list stanza.MUCAdmin
	for _, m := range s.members(r) {
		item := h.item(m)
		if item.Role == wanted[0].Role || item.Affiliation == wanted[0].Affiliation {
			item.Nick = m.Nick
			list.Items = append(list.Items, item)
		}
	}
	return list, nil
}
