package gateway

import (
	"context"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// maxContacts is how many of the component's addresses one user's roster may have.
const maxContacts = 5000

// loadRoster reads which of the component's addresses the user subscribes to.
func (s *session) loadRoster(ctx context.Context) {
	s.roster = map[string]store.Subscription{}
	subs, err := s.host.gateway.Store.Subscriptions().OfUser(ctx, s.host.Domain, s.user.String())
	if err != nil {
		s.log.Error("the user's subscriptions can't be read", "err", err)
	}
	for _, sub := range subs {
		s.roster[sub.Contact] = sub
	}
}

// sendPresence is what the user's client or server says to one of our
// addresses.
func (s *session) sendPresence(ctx context.Context, st *stanza.Received) {
	if st.Type == stanza.ErrorType {
		s.bounced(ctx, st)
		return
	}
	var a transport.Address
	kind := transport.Server // the gateway itself
	if st.To.Local != "" {
		var err error
		if a, kind, err = s.host.resolve(st.To); err != nil {
			s.fail(st, err)
			return
		}
	}
	if kind == transport.Room {
		s.sendRoomPresence(ctx, st, a)
		return
	}
	s.sendContactPresence(ctx, st, a, kind)
}

// sendContactPresence follows RFC 6121 §3 and XEP-0100 §4.6: a contact of ours
// lets everybody subscribe who may use the gateway, and subscribes back once.
// Nothing is said in answer to what is only an acknowledgement, so that no two
// sides keep each other busy.
func (s *session) sendContactPresence(ctx context.Context, st *stanza.Received, a transport.Address, kind transport.Kind) {
	sub, known := s.roster[st.To.Local]
	if !known && len(s.roster) >= maxContacts {
		s.refuse(st, overloaded("you have too many contacts here"))
		return
	}
	watched := sub.From
	switch st.Type {
	case stanza.Subscribe:
		s.tell(st.To, stanza.Subscribed, st.ID)
		s.showContact(st.To.Bare(), a, kind, false)
		if !sub.From {
			s.askBack(st.To, a, kind)
		}
		sub.From = true
	case stanza.Subscribed:
		sub.To = true
	case stanza.Unsubscribe:
		s.hideContact(st.To.Bare(), kind)
		s.tell(st.To, stanza.Unsubscribed, "")
		if sub.To { // we have no roster to keep them in
			s.tell(st.To, stanza.Unsubscribe, "")
		}
		sub.From, sub.To = false, false
	case stanza.Unsubscribed:
		sub.To = false
	case stanza.Probe:
		sub.From = true // the user's server knows better than we do
		s.showContact(st.To.Bare(), a, kind, true)
	case stanza.Available:
		if st.Child(stanza.MUCNamespace, "x") != nil {
			s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: st.To.Bare().String() + " is not a room"})
		}
		return
	default:
		return
	}
	s.remember(ctx, st.To.Local, sub)
	switch {
	case kind != transport.Person:
	case sub.From && !watched:
		s.watch(ctx, a)
	case !sub.From && watched:
		s.unwatch(ctx, a)
	}
}

func (s *session) remember(ctx context.Context, contact string, sub store.Subscription) {
	sub.Component, sub.User, sub.Contact = s.host.Domain, s.user.String(), contact
	if was := s.roster[contact]; was.From == sub.From && was.To == sub.To {
		return
	}
	s.roster[contact] = sub
	if !sub.From && !sub.To {
		delete(s.roster, contact)
	}
	if err := s.host.gateway.Store.Subscriptions().Set(ctx, sub); err != nil {
		s.log.Error("a subscription was not stored", "err", err)
	}
}

// tell sends a presence without content from one of our addresses to the user,
// bare to bare as RFC 6121 §3.1 has it.
func (s *session) tell(from jid.JID, typ, id string) {
	s.send(stanza.Stanza{
		Kind:   stanza.Presence,
		Header: stanza.Header{From: from.Bare(), To: s.user, Type: typ, ID: id},
	})
}

// askBack asks for the user's presence. Some servers put the nick into the
// roster (XEP-0172 §4.1).
func (s *session) askBack(from jid.JID, a transport.Address, kind transport.Kind) {
	name, _ := s.host.nameOf(a)
	nick := nickname(name)
	switch {
	case from.Local == "":
		nick = nickname(s.host.Name)
	case kind == transport.Person:
		nick = s.nickOf(a)
	}
	s.send(stanza.Stanza{
		Kind:     stanza.Presence,
		Header:   stanza.Header{From: from.Bare(), To: s.user, Type: stanza.Subscribe},
		Payloads: []payload{nick},
	})
}

func (s *session) receiveLinkUp(_ context.Context, e transport.LinkUp) {
	s.links[e.Server] = true
	s.showLink(e.Server, "")
}

// receiveLinkDown marks the rooms: those that the transport joins again are shown
// anew. Links that are given up end in RoomLeft events instead.
func (s *session) receiveLinkDown(_ context.Context, e transport.LinkDown) {
	about := []any{"server", e.Server}
	if e.Err != nil {
		about = append(about, "err", e.Err)
	}
	if e.RetryIn > 0 {
		about = append(about, "retry", e.RetryIn)
	}
	s.log.Info("link down", about...)
	if e.RetryIn == 0 {
		delete(s.links, e.Server)
	} else {
		s.links[e.Server] = false
	}
	for _, r := range s.rooms {
		r.stale = true // whichever link it was, showing a room once more harms nobody
	}
	why := ""
	if e.Err != nil {
		why = stanzaError(e.Err, s.host.Domain).Text
	}
	s.showLink(e.Server, why)
}
