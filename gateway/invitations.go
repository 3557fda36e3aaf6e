package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const maxInvitations = 16 // in one message

// sendInvitations asks people into a room (XEP-0045 §7.8.2): those of the
// network by its own means, everybody else over XMPP.
func (s *session) sendInvitations(ctx context.Context, st *stanza.Received, r *room, all []stanza.Invitation) {
	if len(all) > maxInvitations {
		s.refuse(st, badRequest(fmt.Sprintf("at most %d people are invited at once", maxInvitations)))
		return
	}
	for _, i := range all {
		invitation := transport.Invitation{Reason: i.Reason}
		to, err := jid.ParsePrepared(i.To)
		switch {
		case !strings.Contains(i.To, "@"): // not an address, but how people call each other here
			invitation.Nick = i.To
		case err != nil:
			s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: stanza.JIDMalformed, Text: i.To + " is not an address"})
			return
		case to.Domain != s.host.Domain:
			s.passInvitation(st, r, to, i.Reason)
			continue
		default:
			a, kind, err := s.host.resolve(to)
			switch {
			case err != nil:
				s.fail(st, err)
				return
			case kind == transport.Room && to.Resource != "":
				invitation.Nick = to.Resource
			case kind == transport.Person:
				invitation.Who = a
			default:
				s.refuse(st, badRequest("people are invited, not "+to.Bare().String()))
				return
			}
		}
		s.invite(ctx, st, r.address, invitation)
	}
}

func (s *session) invite(ctx context.Context, st *stanza.Received, room transport.Address, i transport.Invitation) {
	link, err := s.openLink()
	if err != nil {
		s.fail(st, err)
		return
	}
	invitations, ok := link.(transport.Invitations)
	if !ok {
		s.refuse(st, unsupported("nobody can be invited to this room from here"))
		return
	}
	i.Request = s.noteOf(st, noteRoom).request()
	if err := invitations.Invite(ctx, room, i); err != nil {
		s.fail(st, err)
	}
}

// passInvitation invites somebody who is not of the network.
func (s *session) passInvitation(st *stanza.Received, r *room, to jid.JID, reason string) {
	s.send(stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: r.jid, To: to, ID: s.newID()},
		Payloads: stanza.Invitation{Room: r.jid.String(), From: st.From.String(), Reason: reason}.Payloads(),
	})
}

// inviteDirectly is for an invitation that is addressed to the one whom it is
// for (XEP-0249). One into a room elsewhere is told in words, which the network
// can carry. False means that the message is none.
func (s *session) inviteDirectly(ctx context.Context, st *stanza.Received, i transport.Invitation) (is bool, words string) {
	direct, is := st.ReadDirectInvitation()
	if !is {
		return false, ""
	}
	to, err := jid.ParsePrepared(direct.Room)
	if err == nil && to.Domain == s.host.Domain {
		if a, kind, err := s.host.resolve(to); err == nil && kind == transport.Room {
			i.Reason = direct.Reason
			s.invite(ctx, st, a, i)
			return true, ""
		}
	}
	words = textOf(st)
	if words == "" && err == nil {
		words = strings.TrimSpace(direct.Reason + " xmpp:" + direct.Room + "?join")
	}
	return true, words
}

// receiveInvited shows an invitation to those of the user's clients that are in
// rooms here, or else to whichever is there.
func (s *session) receiveInvited(e transport.Invited) {
	from := s.at(e.Room)
	inviter := from
	if e.By != "" {
		inviter = from.WithResource(e.By)
	}
	clients := slices.Sorted(maps.Keys(s.clients))
	if len(clients) == 0 {
		clients = []string{""}
	}
	for _, resource := range clients {
		s.send(stanza.Stanza{
			Kind:     stanza.Message,
			Header:   stanza.Header{From: from, To: s.user.WithResource(resource), ID: s.newID()},
			Payloads: stanza.Invitation{Room: from.String(), From: inviter.String(), Reason: e.Reason}.Payloads(),
		})
	}
}
