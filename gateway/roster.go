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
		s.log().Error("the user's subscriptions can't be read", "err", err)
	}
	for _, sub := range subs {
		s.roster[sub.Contact] = sub
	}
	// What a session before this one changed may not be on the disk yet.
	s.host.keptContacts.each(s.user.String(), func(_ contactName, sub store.Subscription) { s.setSubscription(sub) })
}

func (s *session) setSubscription(sub store.Subscription) {
	s.roster[sub.Contact] = sub
	if !sub.From && !sub.To {
		delete(s.roster, sub.Contact)
	}
}

// sendPresence is what the user's client or server says to one of our
// addresses.
func (s *session) sendPresence(ctx context.Context, st *stanza.Received) {
	if st.Type == stanza.ErrorType {
		s.bounced(ctx, st)
		s.markStale(ctx, st)
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
		if err := s.refusal(a); err != nil && st.Type == stanza.Subscribe {
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

// refusal says why an address is not for this user; nil means that it is.
func (s *session) refusal(a transport.Address) error {
	if owned, ok := s.host.Network.(transport.Owned); ok {
		return owned.Refuse(s.user.String(), a)
	}
	return nil
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
	s.noteAsked(from.Local)
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
	wasBroken := s.broken != nil
	s.noteBroken(nil)
	if wasBroken && s.roster[""].From {
		s.showGateway()
	}
	s.showLink(e.Server, "")
	s.returnTo(e.Server)
}

// receiveLinkDown marks the rooms: those that the transport joins again are shown
// anew. Links that are given up end in RoomLeft events instead.
func (s *session) receiveLinkDown(_ context.Context, e transport.LinkDown) {
	s.goFrom(e.Server)
	about := []any{"server", e.Server}
	if e.Err != nil {
		about = append(about, "err", e.Err)
	}
	if e.RetryIn > 0 {
		about = append(about, "retry", e.RetryIn)
	}
	s.log().Info("link down", about...)
	if e.RetryIn == 0 {
		delete(s.links, e.Server)
		s.noteBroken(e.Err)
		s.showBroken(e.Server)
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

// showBroken shows a user who has the gateway in their roster that its network
// does not take their credentials any more (XEP-0100 §4.4.2).
func (s *session) showBroken(server transport.Address) {
	if server != "" || s.broken == nil || !s.roster[""].From {
		return
	}
	e := stanzaError(s.broken, s.host.Domain)
	s.send(stanza.Stanza{
		Kind:     stanza.Presence,
		Header:   stanza.Header{From: s.at(""), To: s.user, Type: stanza.ErrorType},
		Payloads: []payload{e},
	})
}
