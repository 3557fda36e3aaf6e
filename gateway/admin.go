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
	role := slices.Index(roleNames[:], item.Role)
	affiliation := slices.Index(affiliationNames[:], item.Affiliation)
	switch {
	case item.Role == "" || item.Affiliation == "":
	case role == int(transport.RoleNone) && affiliation != int(transport.Outcast):
		item.Affiliation = "" // a kick
	case role >= 0:
		item.Role = "" // follows from the affiliation
	}
	if item.JID != "" && a.Nick == "" {
		bans := affiliation == int(transport.Outcast) || affiliation == int(transport.AffiliationNone)
		if err := h.nameWhom(&a, item.JID, bans && item.Role == ""); err != nil {
			return a, err
		}
	}
	if a.Nick == "" && a.Who == "" && a.Mask == "" {
		return a, bad("the change does not say whom it is for")
	}
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

// nameWhom reads the address of somebody who is given an affiliation. Those who
// are banned, or no longer, may be named by a mask.
func (h *host) nameWhom(a *transport.Action, address string, mask bool) error {
	j, err := jid.ParsePrepared(address)
	switch {
	case err == nil && j.Domain == h.Domain:
		if a.Who, _, err = h.resolve(j); err != nil && mask {
			a.Who, err = transport.Address(jid.Unescape(j.Local)), nil
		}
		return err
	case mask:
		a.Mask = address
		return nil
	}
	return &transport.Error{Reason: transport.BadRequest, Text: "name people by their nick, or by their address on " + h.Domain}
}

// sendAdminQuery asks for the list of those who may not come in (XEP-0045
// §9.2). What else can be asked for is known here.
func (s *session) sendAdminQuery(ctx context.Context, st *stanza.Received) (taken bool) {
	t, err := s.host.target(st.To)
	bans, ok := s.link.(transport.Bans)
	wanted := stanza.ReadMUCItems(st.Payload())
	if err == nil && s.countFirst(ctx, st, t, wanted) {
		return true
	}
	if err != nil || t.kind != toRoom || !ok || s.roomOf(st, t.address) == nil ||
		len(wanted) != 1 || wanted[0].Role != "" || wanted[0].Affiliation != affiliationNames[transport.Outcast] {
		return false
	}
	request, ok := s.keepIQ(st, 1, func(e transport.Event) payload {
		listed, _ := e.(transport.BansListed)
		return s.host.banItems(listed.Bans)
	})
	if !ok {
		return true
	}
	if err := bans.ListBans(ctx, t.address, request); err != nil {
		s.answerKept(request, nil, err)
	}
	return true
}

// banItems shows bans as addresses, by which they can be ended.
func (h *host) banItems(bans []transport.Ban) stanza.MUCAdmin {
	var list stanza.MUCAdmin
	for _, b := range bans {
		j, err := h.at(b.Who).Prepare()
		if err != nil || b.Who == "" {
			continue
		}
		list.Items = append(list.Items, stanza.MUCItem{
			Affiliation: affiliationNames[transport.Outcast], JID: j.String(), Reason: b.String(),
		})
	}
	return list
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
