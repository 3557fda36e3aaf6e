package gateway

import (
	"strings"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

type payload = wire.Payload

// mucMarker stands in the errors of joins (XEP-0045 §7.2.2, example 21).
var mucMarker = wire.New(stanza.MUCNamespace, "x")

var roleNames = [...]string{
	transport.RoleNone: "none", transport.Visitor: "visitor",
	transport.Participant: "participant", transport.Moderator: "moderator",
}

var affiliationNames = [...]string{
	transport.AffiliationNone: "none", transport.Outcast: "outcast", transport.MemberOf: "member",
	transport.Admin: "admin", transport.Owner: "owner",
}

// item describes a member to the user's clients.
func (h *host) item(m transport.Member) stanza.MUCItem {
	return stanza.MUCItem{
		Affiliation: affiliationNames[m.Affiliation], Role: roleNames[m.Role], JID: h.memberJID(m),
	}
}

// memberJID is a member's address outside the room, with their host on the
// network as the resource; empty where it can't be a JID.
func (h *host) memberJID(m transport.Member) string {
	if m.Who == "" {
		return ""
	}
	j, err := h.at(m.Who).WithResource(m.Host).Prepare()
	if err != nil {
		return ""
	}
	return j.String()
}

// presence is an occupant's presence (XEP-0045 §7.2.3).
func (r *room) presence(to jid.JID, m transport.Member, statuses ...int) stanza.Stanza {
	st := stanza.Stanza{
		Kind:   stanza.Presence,
		Header: stanza.Header{From: r.occupant(m.Nick), To: to},
	}
	if m.Away {
		st.Payloads = append(st.Payloads, stanza.Show("away"))
		if m.Status != "" {
			st.Payloads = append(st.Payloads, stanza.Status(m.Status))
		}
	}
	if m.Face != nil {
		if m.Face.Status != "" && m.Status == "" {
			st.Payloads = append(st.Payloads, stanza.Status(m.Face.Status))
		}
		st.Payloads = append(st.Payloads, r.host.facePayloads(m.Face)...)
	}
	if hats := hatsOf(m); hats != nil {
		st.Payloads = append(st.Payloads, hats)
	}
	st.Payloads = append(st.Payloads, r.idOf(m), stanza.MUCUser{Item: r.host.item(m), Statuses: statuses})
	return st
}

// hatsOf shows what the network vouches for: what somebody is in the room, that
// they are who they say, or no person at all (XEP-0317).
func hatsOf(m transport.Member) (hats stanza.Hats) {
	if m.Account != "" {
		hats = append(hats, stanza.Hat{URI: "urn:gatehouse:hats:account", Title: "Account " + m.Account})
	}
	if m.Bot {
		hats = append(hats, stanza.Hat{URI: "urn:gatehouse:hats:bot", Title: "Bot"})
	}
	for _, title := range m.Titles {
		uri := "urn:gatehouse:hats:" + strings.ReplaceAll(strings.ToLower(title), " ", "-")
		hats = append(hats, stanza.Hat{URI: uri, Title: title})
	}
	return hats
}

// idOf is on every presence of an occupant (XEP-0421 §4).
func (r *room) idOf(m transport.Member) stanza.OccupantID {
	return r.host.occupantID(r.address, m.Identity, m.Nick)
}

// isOwn says that the nick is the user's, as it is now or as the client knows it.
func (r *room) isOwn(to jid.JID, nick string) bool {
	l := r.listeners.of(to.Resource)
	return nick == r.nick || l != nil && !l.waiting && nick == l.nick
}

// gone is the presence of an occupant who went (XEP-0045 §7.14, §8.2, §9.1).
func (r *room) gone(to jid.JID, m transport.Member, why transport.Departure, by, reason string, statuses ...int) stanza.Stanza {
	item := r.host.item(m)
	item.Role = roleNames[transport.RoleNone]
	item.Actor = by
	switch why {
	case transport.Kicked:
		statuses = append(statuses, stanza.WasKicked)
	case transport.Banned:
		statuses = append(statuses, stanza.WasBanned)
		item.Affiliation = affiliationNames[transport.Outcast]
	case transport.LinkLost:
		statuses = append(statuses, stanza.LinkFailed)
	}
	st := stanza.Stanza{
		Kind:   stanza.Presence,
		Header: stanza.Header{From: r.occupant(m.Nick), To: to, Type: stanza.Unavailable},
	}
	if why == transport.Kicked || why == transport.Banned {
		item.Reason = reason
	} else if reason != "" {
		st.Payloads = append(st.Payloads, stanza.Status(reason))
	}
	st.Payloads = append(st.Payloads, r.idOf(m), stanza.MUCUser{Item: item, Statuses: statuses})
	return st
}

// selfGone tells one of the user's clients that it is out of the room. A
// status of 0 adds none.
func (r *room) selfGone(resource string, status int, left transport.RoomLeft) stanza.Stanza {
	statuses := []int{stanza.SelfPresence}
	if status != 0 {
		statuses = append(statuses, status)
	}
	own := r.own
	own.Nick = r.listeners.of(resource).nick
	if left.Affiliation != transport.AffiliationNone {
		own.Affiliation = left.Affiliation
	}
	return r.gone(r.to(resource), own, left.Why, left.By, left.Reason, statuses...)
}

// welcome sends the whole room to one client, in the order that XEP-0045 §7.2
// demands: occupants, the client itself, history, subject.
func (s *session) welcome(r *room, resource string, l *listener, members []transport.Member) {
	to := r.to(resource)
	for _, m := range members {
		if m.Nick != r.nick {
			s.send(r.presence(to, m))
		}
	}
	statuses := []int{stanza.SelfPresence}
	if l.nick != r.nick {
		statuses = append(statuses, stanza.NickAssigned)
	}
	s.send(r.presence(to, r.own, statuses...))
	l.waiting = false
	l.nick = r.nick
	s.seeFaces(members...)
	s.wish(r.address, s.faceOf(r.address))
	for _, m := range s.host.pastOf(r, l) {
		s.send(r.past(to, m))
	}
	s.send(r.subjectMessage(to, r.subject))
}

// subjectMessage ends a join even where there is no subject (XEP-0045 §7.2.15).
// One without a time is news.
func (r *room) subjectMessage(to jid.JID, subject transport.Subject) stanza.Stanza {
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: r.jid, To: to, Type: stanza.Groupchat, ID: component.NewID()},
		Payloads: []payload{stanza.Subject(subject.Text)},
	}
	if subject.By != "" {
		st.From = r.occupant(subject.By)
		st.Payloads = append(st.Payloads, r.host.occupantID(r.address, subject.Sender, subject.By))
	}
	if !subject.At.IsZero() {
		st.Payloads = append(st.Payloads, stanza.Delay{From: r.jid.String(), At: subject.At})
	}
	return st
}
