package gateway

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const maxItems = 32 // changes in one iq

// sendAdmin changes roles and affiliations (XEP-0045 §8, §9). The iq is
// answered when the network has answered every change in it.
func (s *session) sendAdmin(ctx context.Context, st *stanza.Received) (taken bool) {
	taken = true
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
	}
	actions := make([]transport.Action, len(items))
	for i, item := range items {
		if actions[i], err = s.host.action(item); err != nil {
			s.fail(st, err)
			return
		}
	}
	request, ok := s.keepIQ(st, len(actions), nil)
	if !ok {
		return
	}
	for _, a := range actions {
		a.Request = request
		if err := moderation.Moderate(ctx, r.address, a); err != nil {
			s.answerKept(request, nil, err)
		}
	}
	return
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
