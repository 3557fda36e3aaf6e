package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const maxAddresses = 50 // of one stanza

// sendToSeveral sends a message to all its addresses (XEP-0033): where there are
// several, they are a group. False means that it has none. Those who have it
// already get nothing (§4.5), and whoever is a blind copy's is not in the group.
func (s *session) sendToSeveral(ctx context.Context, st *stanza.Received) bool {
	all, any := st.ReadAddresses()
	if !any || !s.host.info.Groups || st.Type == stanza.Groupchat {
		return false
	}
	if len(all) > maxAddresses {
		s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: fmt.Sprintf("a message has at most %d addresses", maxAddresses)})
		return true
	}
	var open, blind []transport.Address
	addressed := false
	if st.To.Local != "" { // to one of them, with word of the others (§3)
		a, kind, err := s.host.resolve(st.To)
		if err != nil || kind != transport.Person {
			return false
		}
		open = append(open, a)
	}
	for _, address := range all {
		if !address.Receives() {
			continue
		}
		addressed = true
		if address.Delivered {
			continue
		}
		a, refusal := s.recipient(address)
		switch {
		case refusal != nil:
			s.refuse(st, *refusal)
			return true
		case address.Type == "bcc":
			blind = append(blind, a)
		default:
			open = append(open, a)
		}
	}
	if st.To.Local != "" && len(open)+len(blind) == 1 {
		return false
	}
	slices.Sort(open)
	slices.Sort(blind)
	open = slices.Compact(open)
	blind = slices.DeleteFunc(slices.Compact(blind), func(a transport.Address) bool { return slices.Contains(open, a) })
	switch {
	case len(open) > 0:
		if !s.sendToGroup(ctx, st, open, noteMessage) {
			return true
		}
	case !addressed:
		s.refuse(st, badRequest("the message has no addresses to send it to"))
	}
	for i, a := range blind {
		kind := noteCopy
		if len(open) == 0 && i == 0 {
			kind = noteMessage
		}
		if !s.sendToGroup(ctx, st, []transport.Address{a}, kind) {
			break
		}
	}
	return true
}

// recipient gives whom an address is, or why it can't be written to (§8).
func (s *session) recipient(address stanza.Address) (transport.Address, *stanza.Error) {
	malformed := func(text string) (transport.Address, *stanza.Error) {
		return "", &stanza.Error{Class: stanza.Modify, Condition: stanza.JIDMalformed, Text: text}
	}
	text := address.URI
	switch {
	case (address.JID == "") == (address.URI == ""):
		return malformed("an address has either a jid or a uri")
	case address.JID != "":
		to, err := jid.ParsePrepared(address.JID)
		if err != nil {
			return malformed(address.JID + " is not an address")
		}
		if to.Domain != s.host.Domain || to.Local == "" {
			return "", &stanza.Error{Class: stanza.Auth, Condition: stanza.Forbidden, Text: "nothing is passed on to " + address.JID}
		}
		text = jid.Unescape(to.Local)
	default:
		plain, _, _ := strings.Cut(text, "?") // what may follow says nothing of the person
		unescaped, err := url.PathUnescape(plain)
		if err != nil {
			return malformed(text + " is not an address")
		}
		text = unescaped
	}
	a, kind, err := s.host.Network.Resolve(text)
	moved, isMoved := errors.AsType[*transport.Error](err)
	if isMoved && moved.Reason == transport.Moved { // a URI never has the one spelling
		a, kind, err = s.host.Network.Resolve(string(moved.Redirect))
	}
	switch {
	case err != nil:
		e := stanzaError(err, s.host.Domain)
		return "", &e
	case kind != transport.Person:
		return malformed(text + " is not a person")
	}
	return a, nil
}

// sendToGroup sends a message to people, of whom one alone is no group. False
// means that it was refused.
func (s *session) sendToGroup(ctx context.Context, st *stanza.Received, people []transport.Address, kind noteKind) bool {
	link, err := s.openLink()
	if err != nil {
		s.fail(st, err)
		return false
	}
	groups, ok := link.(transport.Groups)
	if !ok {
		s.refuse(st, unsupported("messages go to one person at a time here"))
		return false
	}
	a := people[0]
	if len(people) > 1 {
		if a, err = groups.Group(people); err != nil {
			s.fail(st, err)
			return false
		}
	}
	if _, kind, err := s.host.Network.Resolve(string(a)); err == nil && kind == transport.Room {
		s.sendAround(ctx, st, a)
		return true
	}
	one := *st
	one.To = s.at(a) // which receipts and errors come from
	if kind == noteCopy {
		one.ID = "" // there is one error for an id, and one receipt (RFC 6120 §8.3.1)
	}
	s.sendMeaning(ctx, &one, one.ReadMeaning(), place{chat: a, with: a, kind: kind})
	return true
}

// sendAround sends to everybody in a group that the client has not joined.
func (s *session) sendAround(ctx context.Context, st *stanza.Received, a transport.Address) {
	r := s.rooms[a]
	if r == nil {
		r = s.newRoom(a, s.user.Local)
	}
	s.sendMeaning(ctx, st, st.ReadMeaning(), place{chat: a, room: r, with: a, kind: noteMessage})
}
