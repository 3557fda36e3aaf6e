package gateway

import (
	"context"
	"errors"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// maxDirected is how many of a user's clients may have shown themselves to one
// of our addresses alone.
const maxDirected = 256

// isServed says that the network has an account for the user, where it wants
// one. What it can't tell just now counts as yes.
func (s *session) isServed() bool {
	if !s.host.info.AlwaysOn {
		return true
	}
	_, err := s.openLink()
	e, ok := errors.AsType[*transport.Error](err)
	return !ok || e.Reason != transport.NotRegistered
}

// sendContactPresence follows RFC 6121 §3 and XEP-0100 §4.6: a contact of ours
// lets everybody subscribe whom the network serves, and subscribes back once.
// Nothing is said in answer to what is only an acknowledgement, so that no two
// sides keep each other busy.
func (s *session) sendContactPresence(ctx context.Context, st *stanza.Received, a transport.Address, kind transport.Kind) {
	sub, known := s.roster[st.To.Local]
	switch {
	case !s.isServed():
		s.sendUnserved(ctx, st, sub)
		return
	case !known && len(s.roster) >= maxContacts:
		s.refuse(st, overloaded("you have too many contacts here"))
		return
	}
	watched := sub.From
	switch st.Type {
	case stanza.Subscribe:
		s.tell(st.To, stanza.Subscribed, st.ID)
		s.showContact(st.To.Bare(), a, kind, false)
		if !sub.To && !s.asked[st.To.Local] {
			s.askBack(st.To, a, kind)
		}
		sub.From = true
		s.adopted(ctx, a, kind)
	case stanza.Subscribed:
		sub.To = true
	case stanza.Unsubscribe:
		s.parted(ctx, sub, a, kind)
		sub = s.letGo(st, sub, kind)
	case stanza.Unsubscribed:
		s.parted(ctx, sub, a, kind)
		sub.To = false
		s.noteAsked(st.To.Local) // and was answered
	case stanza.Probe:
		sub.From = true // the user's server knows better than we do
		if why := s.loginProblem(); st.To.Local == "" && why != nil {
			s.send(st.Answer(stanza.ErrorType, *why)) // XEP-0100 §4.4.2
			break
		}
		s.showContact(st.To.Bare(), a, kind, true)
	case stanza.Available, stanza.Unavailable:
		s.noteClient(st, sub, kind)
		return
	default:
		return
	}
	s.remember(st.To.Local, sub)
	switch {
	case kind != transport.Person:
	case sub.From && !watched:
		s.watch(ctx, a)
	case !sub.From && watched:
		s.unwatch(ctx, a)
	}
}

// letGo ends the user's subscription. The gateway of a network that is always on
// goes on seeing the user, whose account is as it was; anybody else leaves the
// user's roster wholly, as we have none to keep them in.
func (s *session) letGo(st *stanza.Received, sub store.Subscription, kind transport.Kind) store.Subscription {
	s.hideContact(st.To.Bare(), kind)
	s.tell(st.To, stanza.Unsubscribed, "")
	sub.From = false
	if st.To.Local == "" && s.host.info.AlwaysOn {
		return sub
	}
	if sub.To {
		s.tell(st.To, stanza.Unsubscribe, "")
	}
	sub.To = false
	delete(s.asked, st.To.Local)
	return sub
}

// sendUnserved takes the presence of somebody who may use the gateway, but has
// no account on its network. They may have the gateway as a contact, so that it
// can tell them how to get one.
func (s *session) sendUnserved(ctx context.Context, st *stanza.Received, sub store.Subscription) {
	switch {
	case st.Type == stanza.Subscribe && st.To.Local == "":
		s.tell(st.To, stanza.Subscribed, st.ID)
		sub.From = true
		s.tellToRegister()
	case st.Type == stanza.Subscribe:
		s.refuseWholly(st, s.host.notRegistered())
		return
	case st.Type == stanza.Probe, st.Type == stanza.Unsubscribe:
		s.tell(st.To, stanza.Unsubscribed, "")
		sub.From, sub.To = false, false
	default:
		return
	}
	s.remember(st.To.Local, sub)
}

// refuseWholly answers with the error itself, where refuse would only deny a
// subscription.
func (s *session) refuseWholly(st *stanza.Received, e stanza.Error) {
	if answer, due := st.Refuse(e); due {
		s.send(answer)
	}
}

// tellToRegister says once how to register. What has no user is a server or
// another gateway, which reads nothing.
func (s *session) tellToRegister() {
	if s.toldToRegister || s.user.Local == "" {
		return
	}
	s.toldToRegister = true
	s.send(stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(""), To: s.user, Type: stanza.Chat, ID: s.newID()},
		Payloads: []payload{stanza.Body("You are not registered with " + s.host.Name + " yet. " + s.host.howToRegister())},
	})
}

func (h *host) howToRegister() string {
	if _, open := h.registers(); open {
		return "Register with your client, or write \"register\" to " + h.Domain + "."
	}
	return "The administrator of " + h.Domain + " decides who is."
}

// loginProblem says why the network does not take the user's credentials.
func (s *session) loginProblem() *stanza.Error {
	err := s.broken
	if s.host.info.AlwaysOn && err == nil {
		_, err = s.openLink()
	}
	if err == nil {
		return nil
	}
	e := stanzaError(err, s.host.Domain)
	return &e
}

// noteBroken notes that a link was given up because of the user's credentials,
// or that this is over.
func (s *session) noteBroken(err error) {
	s.broken = nil
	if e, ok := errors.AsType[*transport.Error](err); ok && (e.Reason == transport.NotAuthorized || e.Reason == transport.Forbidden) {
		s.broken = e
	}
}

// adopted is called when the user takes somebody into their roster.
func (s *session) adopted(ctx context.Context, a transport.Address, kind transport.Kind) {
	if kind != transport.Person || !s.host.keepsContacts() {
		return
	}
	s.contactBack(ctx, a)
	if s.givenName(a) != "" {
		s.bring(false, a) // to be named there
	}
}

// parted is called when the user takes somebody out of it.
func (s *session) parted(ctx context.Context, sub store.Subscription, a transport.Address, kind transport.Kind) {
	known := sub.From || sub.To || s.asked[s.at(a).Local] || s.contacts[a].Known != unknownYet
	if kind == transport.Person && known && !s.contacts[a].Gone {
		s.contactRemoved(ctx, a)
	}
}

// A directed presence is one client's to one of our contacts, which does not
// see the user otherwise.
type directed struct{ resource, contact string }

// noteClient takes what a client shows of itself to the gateway or to a contact.
// Only a client that went away where we knew it to be gets an answer, and only
// once: two gateways would keep each other busy.
func (s *session) noteClient(st *stanza.Received, sub store.Subscription, kind transport.Kind) {
	here := st.Type == stanza.Available
	if here && st.Child(stanza.MUCNamespace, "x") != nil {
		s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: st.To.Bare().String() + " is not a room"})
		return
	}
	if here {
		s.signs.give(inboxFilled) // XEP-0100 §4.4.1: what waits is sent
	}
	s.noteOnline(st)
	if kind != transport.Person || !s.host.info.Reachable || st.From.Resource == "" {
		return
	}
	d := directed{st.From.Resource, st.To.Local}
	switch {
	case here && !sub.To && len(s.directed) < maxDirected:
		put(&s.directed, d, true)
	case !here && s.directed[d]:
		delete(s.directed, d)
		s.send(s.host.contactPresence(st.From, st.To.Local, stanza.Unavailable))
	}
}

// markStale takes an error for a presence of ours, and answers nothing. An
// address that is not there any more is shown to no one until its server
// probes again.
func (s *session) markStale(ctx context.Context, st *stanza.Received) {
	sub, known := s.roster[st.To.Local]
	if e := st.ReadError(); !known || !s.isServed() || !sub.From || e.Class != stanza.Cancel || !isGone(e.Condition) {
		return
	}
	sub.From = false
	s.remember(st.To.Local, sub)
	if a, kind, err := s.host.resolve(st.To); err == nil && kind == transport.Person {
		s.unwatch(ctx, a)
	}
}

// remember notes a subscription, and has it stored. It never waits.
func (s *session) remember(contact string, sub store.Subscription) {
	sub.Component, sub.User, sub.Contact = s.host.Domain, s.user.String(), contact
	if was := s.roster[contact]; was.From == sub.From && was.To == sub.To {
		return
	}
	s.setSubscription(sub)
	s.host.keptContacts.put(contactName{sub.User, contact}, sub)
}

func (s *session) noteAsked(contact string) {
	if len(s.asked) < maxContacts {
		put(&s.asked, contact, true)
	}
}
