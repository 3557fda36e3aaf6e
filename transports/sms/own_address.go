package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// ownParam names at the end of an address that one of the user's numbers which
// texts are sent from and come to, where that is not their usual one:
//
//	+15551234567;from=+15550001111
//
// The same contact has so an address for each of the user's numbers.
const ownParam = ";from="

// splitOwn takes the user's number off an address; "" means their usual one.
func splitOwn(a transport.Address) (contact transport.Address, own string) {
	if i := strings.LastIndex(string(a), ownParam); i >= 0 {
		return a[:i], string(a[i+len(ownParam):])
	}
	return a, ""
}

// withOwn is the way back.
func withOwn(contact transport.Address, own string) transport.Address {
	if own == "" {
		return contact
	}
	return contact + ownParam + transport.Address(own)
}

// Resolve implements transport.Network. Whether the user's number is theirs is
// for Refuse to say.
func (n *Network) Resolve(text string) (transport.Address, transport.Kind, error) {
	at := strings.LastIndexByte(text, ownParam[0])
	if at < 0 || len(text) > longestInput || len(text)-at < len(ownParam) || !strings.EqualFold(text[at:at+len(ownParam)], ownParam) {
		return n.resolveContact(text)
	}
	digits, err := dialled(text[at+len(ownParam):])
	own, ok := e164(digits, n.region)
	if err != nil || !ok {
		return "", 0, badAddress(fmt.Sprintf("%q is not a number to send from.", text[at+len(ownParam):]))
	}
	a, kind, err := n.resolveContact(text[:at])
	moved, isMoved := errors.AsType[*transport.Error](err)
	switch {
	case err != nil && (!isMoved || moved.Reason != transport.Moved):
		return "", 0, err
	case err != nil:
		a = moved.Redirect
	}
	a = withOwn(a, own)
	if err == nil && string(a) == strings.ToLower(text) {
		return a, kind, nil
	}
	return "", 0, &transport.Error{
		Reason: transport.Moved, Redirect: a, Text: fmt.Sprintf("The address of this number is %s.", a),
	}
}

// resolveContact resolves an address without a number of the user's: a person's,
// or with commas a group's.
func (n *Network) resolveContact(text string) (transport.Address, transport.Kind, error) {
	if isGroupText(text) {
		return resolveGroup(text, n.region, n.maxMembers)
	}
	if plain, is := fromSGX(transport.Address(text), n.region); is {
		return n.resolveSGX(text, plain)
	}
	a, err := resolve(text, n.region)
	return a, transport.Person, err
}

// Names implements transport.Namer.
func (n *Network) Names(a transport.Address) (short, long string) {
	contact, own := splitOwn(a)
	name := plainName(n.plainAddress(contact))
	if own != "" {
		name = fmt.Sprintf("%s (your number %s)", name, own)
	}
	return name, name
}

// plainName is an address without what only addresses need: letters, and the
// digits of a short code.
func plainName(a transport.Address) string {
	if letters, ok := strings.CutSuffix(string(a), lettersSuffix); ok {
		plain, _ := unescaped(letters)
		return plain
	}
	number, _, _ := strings.Cut(string(a), contextParam)
	return number
}

// Refuse implements transport.Owned: nobody sends from another's number.
func (n *Network) Refuse(user string, a transport.Address) error {
	if err := n.refuseSGX(user, a); err != nil {
		return err
	}
	if _, own := splitOwn(a); own == "" {
		return nil
	}
	_, err := n.senderOf(user, a)
	return err
}

// senderOf gives the number that a user's texts to an address are sent from.
func (n *Network) senderOf(user string, to transport.Address) (string, error) {
	numbers := n.lines.of(user)
	_, own := splitOwn(to)
	switch {
	case len(numbers) == 0:
		return "", errNoNumber
	case own == "":
		return numbers[0], nil
	case !slices.Contains(numbers, own):
		return "", &transport.Error{
			Reason: transport.NotAllowed,
			Text:   fmt.Sprintf("%s is not one of your numbers. Yours: %s.", own, strings.Join(numbers, ", ")),
		}
	}
	return own, nil
}

// addressFor gives a contact's address as a user sees it who got a text at one
// of their numbers.
func (n *Network) addressFor(user string, contact transport.Address, at string) transport.Address {
	if numbers := n.lines.of(user); len(numbers) == 0 || numbers[0] == at {
		return contact
	}
	return withOwn(contact, at)
}

// seenAt gives a sender's address as a user sees it: users of Cheogram see its
// own forms.
func (n *Network) seenAt(user, at string, sender transport.Address) transport.Address {
	if n.Addressed(user) {
		sender = sgxForm(sender)
	}
	return n.addressFor(user, sender, at)
}

// deliverAt delivers a text that came to one of the user's numbers.
func (n *Network) deliverAt(ctx context.Context, user, at string, e transport.MessageReceived) error {
	e.Chat = n.seenAt(user, at, e.Chat)
	return n.deliver(ctx, user, eventOf(e.Message))
}
