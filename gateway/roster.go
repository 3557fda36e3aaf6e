package gateway

import (
	"context"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

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
	sub := s.roster[st.To.Local]
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
		s.tell(st.To, stanza.Unavailable)
		sub.From = false
	case stanza.Unsubscribed:
		sub.To = false
	case stanza.Probe:
		sub.From = true // the user's server knows better than we do
		s.showContact(st.To.Bare(), a, kind)
	default:
		return
	}
	s.remember(ctx, st.To.Local, sub)
}

func (s *session) remember(ctx context.Context, contact string, sub store.Subscription) {
	sub.Component, sub.User, sub.Contact = s.host.Domain, s.user.String(), contact
	if s.roster[contact] == sub {
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
	case contact.Local == "":
		s.send(s.host.ownPresence(s.user, stanza.Available))
	case kind == transport.Server:
		s.showServer(a)
	case s.host.info.Reachable:
		s.send(s.host.personPresence(contact, s.user))
	}
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

// receiveLinkDown tells rooms that wait for the link to come back what they
// wait for. Links that are given up end in RoomLeft events instead.
func (s *session) receiveLinkDown(_ context.Context, e transport.LinkDown) {
	s.log.Info("link down", "server", e.Server, "err", e.Err, "retry", e.RetryIn)
	if e.RetryIn == 0 {
		delete(s.links, e.Server)
	} else {
		s.links[e.Server] = false
	}
	s.showLink(e.Server)
}

func (s *session) showLink(server transport.Address) {
	if contact := s.at(server); server != "" && s.roster[contact.Local].From {
		s.showServer(server)
	}
}

// ownPresence is the presence of the gateway itself (XEP-0100 §4.4.1).
func (h *host) ownPresence(to jid.JID, typ string) stanza.Stanza {
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: h.at(""), To: to, Type: typ}}
	if typ == stanza.Available {
		st.Payloads = []payload{h.caps(h.ownInfo())}
	}
	return st
}

// personPresence is that of somebody who is always reachable. It has a
// resource, because clients look for capabilities only there.
func (h *host) personPresence(contact, to jid.JID) stanza.Stanza {
	return stanza.Stanza{
		Kind:     stanza.Presence,
		Header:   stanza.Header{From: contact.WithResource(h.info.Type), To: to},
		Payloads: []payload{h.caps(h.personInfo())},
	}
}

// announce tells all who subscribe to the gateway that it is there, or not, at
// a pace that the server can follow.
func (h *host) announce(ctx context.Context, typ string) {
	ctx, cancel := context.WithTimeout(ctx, announceTime(typ))
	defer cancel()
	subs := h.gateway.Store.Subscriptions()
	users, err := subs.Users(ctx, h.Domain)
	if err != nil {
		h.log.Error("the subscribers can't be read", "err", err)
		return
	}
	for i, u := range users {
		if i%presencePerPulse == presencePerPulse-1 && typ == stanza.Available {
			select {
			case <-time.After(presencePulse):
			case <-ctx.Done():
				return
			}
		}
		user, err := jid.ParsePrepared(u)
		if err != nil {
			continue
		}
		if sub, err := subs.Get(ctx, h.Domain, u, ""); err == nil && sub.From {
			h.TrySend(h.ownPresence(user, typ))
		}
	}
}

// announceTime is long when there is time, and short when we are stopping.
func announceTime(typ string) time.Duration {
	if typ == stanza.Unavailable {
		return time.Second
	}
	return 10 * time.Minute
}
