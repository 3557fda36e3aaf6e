package gateway

import (
	"context"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	usersPerPulse = 20 // what every user gets is paced: so many users,
	greetPulse    = 100 * time.Millisecond
	goodbyeTime   = time.Second // for all of them when the gateway stops
)

// greet follows the stream: each time it comes up, rooms are made right again,
// and subscribers learn that we are there (XEP-0100 §8), at a pace that the
// server can follow.
func (h *host) greet(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.streamUp:
		}
		for i, s := range h.allSessions() {
			if h.outages.Load() == 0 {
				break // the first time nobody has missed anything
			}
			pace(ctx, i, greetPulse)
			s.streamRestored()
		}
		h.eachSubscription(ctx, greetPulse, func(user jid.JID, sub store.Subscription) {
			h.TrySend(h.contactPresence(user, sub.Contact, stanza.Available))
		})
	}
}

// pace waits for a pulse before every usersPerPulse-th user.
func pace(ctx context.Context, user int, pulse time.Duration) {
	if pulse == 0 || user == 0 || user%usersPerPulse != 0 {
		return
	}
	select {
	case <-time.After(pulse):
	case <-ctx.Done():
	}
}

// sayGoodbye says that we are not.
func (h *host) sayGoodbye() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	h.eachSubscription(ctx, 0, func(user jid.JID, sub store.Subscription) {
		h.TrySend(h.contactPresence(user, sub.Contact, stanza.Unavailable))
	})
}

// eachSubscription calls f for everybody who subscribes to an address of ours
// that is shown without their session.
func (h *host) eachSubscription(ctx context.Context, pulse time.Duration, f func(jid.JID, store.Subscription)) {
	subs := h.gateway.Store.Subscriptions()
	users, err := subs.Users(ctx, h.Domain)
	if err != nil && ctx.Err() == nil {
		h.log.Error("the subscribers can't be read", "err", err)
	}
	for i, u := range users {
		pace(ctx, i, pulse)
		if ctx.Err() != nil {
			return
		}
		user, err := jid.ParsePrepared(u)
		if err != nil || !h.Allows(user) {
			continue
		}
		of, err := subs.OfUser(ctx, h.Domain, u)
		if err != nil {
			h.log.Error("a user's subscriptions can't be read", "user", u, "err", err)
		}
		for _, sub := range of {
			if sub.From && h.isAlwaysShown(sub.Contact) {
				f(user, sub)
			}
		}
	}
}

// isAlwaysShown tells of the gateway itself, and of people who are always there.
func (h *host) isAlwaysShown(contact string) bool {
	if contact == "" {
		return true
	}
	if !h.info.Reachable {
		return false
	}
	_, kind, err := h.resolve(jid.JID{Local: contact, Domain: h.Domain})
	return err == nil && kind == transport.Person
}

// contactPresence is the presence of the gateway itself (XEP-0100 §4.4.1), or of
// somebody who is always reachable.
func (h *host) contactPresence(to jid.JID, contact, typ string) stanza.Stanza {
	info := h.ownInfo
	from := jid.JID{Local: contact, Domain: h.Domain}
	if contact != "" {
		// Clients look for capabilities only where there is a resource.
		info = func() stanza.DiscoInfo { return h.personInfo(transport.Address(jid.Unescape(contact))) }
		from.Resource = h.info.Type
	}
	st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: from, To: to, Type: typ}}
	if typ == stanza.Available {
		st.Payloads = append(h.absence(to, contact), h.caps(info()))
	}
	return st
}

// absence is what is shown of somebody who can't be written to just now.
func (h *host) absence(to jid.JID, contact string) (shown []payload) {
	network, ok := h.Network.(transport.Absences)
	if !ok || contact == "" {
		return nil
	}
	a, absent := network.Absence(to.Bare().String(), transport.Address(jid.Unescape(contact)))
	if !absent {
		return nil
	}
	if a.Show != "" {
		shown = append(shown, stanza.Show(a.Show))
	}
	if a.Status != "" {
		shown = append(shown, stanza.Status(a.Status))
	}
	return shown
}
