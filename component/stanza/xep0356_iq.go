package stanza

import (
	"strings"

	"gatehouse/component/wire"
)

// privilegeNamespace is the one that knows iqs (XEP-0356 §6).
const privilegeNamespace = "urn:xmpp:privilege:2"

// An IQGrant says which iqs a server lets us send in the name of its users, by
// the namespace of the payload.
type IQGrant map[string]RosterGrant

// ReadIQGrant reads what a server advertises (XEP-0356 §6.1); nil: nothing of
// that.
func (s Received) ReadIQGrant() IQGrant {
	p := s.Child(privilegeNamespace, "privilege")
	if p == nil {
		return nil
	}
	var g IQGrant
	for perm := range p.Children() {
		if perm.Name == "perm" && perm.Attr("access") == "iq" {
			g = g.read(perm)
		}
	}
	return g
}

// read takes namespaces at any depth: Prosody puts each into the one before.
func (g IQGrant) read(e *wire.Element) IQGrant {
	for c := range e.Children() {
		if c.Name != "namespace" {
			continue
		}
		if typ := strings.ToLower(c.Attr("type")); len(g) < 50 {
			if g == nil {
				g = IQGrant{}
			}
			g[strings.Clone(c.Attr("ns"))] = RosterGrant{Get: typ == Get || typ == "both", Set: typ == Set || typ == "both"}
		}
		g = g.read(c)
	}
	return g
}

// A PrivilegedIQ is an iq in a user's name (XEP-0356 §6.2).
type PrivilegedIQ struct {
	Type, ID string
	To       string // empty: the user's own account
	Payload  wire.Payload
}

// WriteXML implements wire.Payload.
func (q PrivilegedIQ) WriteXML(w *wire.Writer) {
	w.Start(privilegeNamespace, "privileged_iq")
	w.Start("jabber:client", "iq")
	w.Attr("type", q.Type)
	w.Attr("id", q.ID)
	if q.To != "" {
		w.Attr("to", q.To)
	}
	q.Payload.WriteXML(w)
	w.End()
	w.End()
}

// ReadPrivilegedAnswer gives the payload of the iq that answers one; nil if
// there is none. Refused is the condition of an error.
func (s Received) ReadPrivilegedAnswer() (answer *wire.Element, refused Condition) {
	iq := s.Child(privilegeNamespace, "privilege").Child("urn:xmpp:forward:0", "forwarded").Child("jabber:client", "iq")
	switch {
	case iq == nil:
		return nil, UndefinedCondition
	case iq.Attr("type") != "result":
		for c := range iq.Child("jabber:client", "error").Children() {
			return nil, Condition(strings.Clone(c.Name))
		}
		return nil, UndefinedCondition
	}
	for c := range iq.Children() {
		return c, ""
	}
	return nil, ""
}
