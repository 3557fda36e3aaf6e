package gateway

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// errNotGranted says that a user's server does not let us act for them.
var errNotGranted = errors.New("the server does not let us act for the user")

// mayAct says whether a user's server lets us send iqs of a type and namespace
// in the user's name (XEP-0356 §6).
func (h *host) mayAct(user jid.JID, typ, space string) bool {
	g := h.grantOf(user).iq[space]
	return typ == stanza.Get && g.Get || typ == stanza.Set && g.Set
}

// actFor sends an iq to the user's own account in the user's name, and gives the
// payload of the answer.
func (h *host) actFor(ctx context.Context, user jid.JID, typ string, query *wire.Element) (*wire.Element, error) {
	if !h.mayAct(user, typ, query.Space) {
		return nil, errNotGranted
	}
	ctx, cancel := context.WithTimeout(ctx, rosterTime)
	defer cancel()
	answer, err := h.Stream.Request(ctx, stanza.Stanza{
		Kind:     stanza.IQ,
		Header:   stanza.Header{From: jid.JID{Domain: h.Domain}, To: user.Bare(), Type: typ},
		Payloads: []payload{stanza.PrivilegedIQ{Type: typ, ID: component.NewID(), Payload: query}},
	})
	if err != nil {
		return nil, err
	}
	is, refused := answer.ReadPrivilegedAnswer()
	if refused != "" {
		return nil, fmt.Errorf("the user's server answers with %s", refused)
	}
	return is, nil
}
