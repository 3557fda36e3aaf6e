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
	switch st.Type {
	case stanza.Subscribe:
		s.tell(st.To, stanza.Subscribed)
		s.showContact(st.To.Bare(), a, kind)
		if !sub.From {
			s.tell(st.To, stanza.Subscribe)
		}
		sub.From = true
	case stanza.Subscribed:
		sub.To = true
	case stanza.Unsubscribe:
		s.tell(st.To, stanza.Unsubscribed)
		s.hideContact(st.To.Bare(), kind)
		sub.From = false
	case stanza.Unsubscribed:
		sub.To = false
	case stanza.Probe:
		sub.From = true // the user's server knows better than we do
		s.showContact(st.To.Bare(), a, kind)
	case stanza.Available:
		if st.Child(stanza.MUCNamespace, "x") != nil {
			s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: st.To.Bare().String() + " is not a room"})
		}
		return
	default:
		return
	}
	s.remember(ctx, st.To.Local, sub)
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
func (s *session) tell(from jid.JID, typ string) {
	s.send(stanza.Stanza{
		Kind:   stanza.Presence,
		Header: stanza.Header{From: from.Bare(), To: s.user, Type: typ},
	})
}

// showContact sends the presence of one of our addresses, where it has one.
func (s *session) showContact(contact jid.JID, a transport.Address, kind transport.Kind) {
	switch {
	case contact.Local == "", kind == transport.Person && s.host.info.Reachable:
		s.send(s.host.contactPresence(s.user, contact.Local, stanza.Available))
	case kind == transport.Server:
		s.showServer(a)
	}
}

// hideContact takes back what showContact showed.
func (s *session) hideContact(contact jid.JID, kind transport.Kind) {
	if kind == transport.Person && s.host.info.Reachable {
		s.send(s.host.contactPresence(s.user, contact.Local, stanza.Unavailable))
		return
	}
	s.tell(contact, stanza.Unavailable)
}

// showServer sends whether the link to a server is up.
func (s *session) showServer(a transport.Address) {
	typ := stanza.Unavailable
	if s.links[a] {
		typ = stanza.Available
	}
	s.tell(s.at(a), typ)
}

// receivePresence shows somebody on the network whom the user watches.
func (s *session) receivePresence(e transport.PresenceChanged) {
	from := s.at(e.Who)
	if !s.roster[from.Local].From {
		return
	}
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: from, To: s.user}}
	if !e.Online {
		st.Type = stanza.Unavailable
	}
	if e.Show != "" {
		st.Payloads = append(st.Payloads, stanza.Show(e.Show))
	}
	if e.Status != "" {
		st.Payloads = append(st.Payloads, stanza.Status(e.Status))
	}
	s.send(st)
}

func (s *session) receiveLinkUp(_ context.Context, e transport.LinkUp) {
	s.links[e.Server] = true
	s.showLink(e.Server)
}

// receiveLinkDown marks the rooms: those that the transport joins again are shown
// anew. Links that are given up end in RoomLeft events instead.
func (s *session) receiveLinkDown(_ context.Context, e transport.LinkDown) {
	s.log.Info("link down", "server", e.Server, "err", e.Err, "retry", e.RetryIn)
	if e.RetryIn == 0 {
		delete(s.links, e.Server)
	} else {
		s.links[e.Server] = false
	}
	for _, r := range s.rooms {
		r.stale = true // whichever link it was, showing a room once more harms nobody
	}
	s.showLink(e.Server)
}

func (s *session) showLink(server transport.Address) {
	if contact := s.at(server); server != "" && s.roster[contact.Local].From {
		s.showServer(server)
	}
}
