package wire

import "strings"

// declare brings a prefix into scope.
func (r *Reader) declare(o *openElement, prefix, space string) error {
	for _, b := range r.scope[o.scope:] {
		if b.prefix == prefix {
			return malformed("prefix %.40q declared twice", prefix)
		}
	}
	// Namespaces in XML 1.0 §3. The namespace "xml" is ours, see Attr.
	switch {
	case prefix == "xml" && space == nsXML:
		return nil
	case prefix == "xml" || prefix == "xmlns" || space == "" || reserved(space):
		return malformed("prefix %.40q must not be declared like this", prefix)
	}
	if len(r.scope)-r.rootScope >= r.limits.Attrs {
		return errLimit
	}
	r.scope = append(r.scope, binding{prefix, space})
	return nil
}

func (r *Reader) declareDefault(o *openElement, from, to int) error {
	if o.declared {
		return malformed("namespace declared twice")
	}
	space := r.intern(from, to)
	if reserved(space) {
		return malformed("reserved namespace declared")
	}
	o.space, o.declared = space, true
	return nil
}

func reserved(space string) bool {
	return space == nsXML || space == nsXMLNS || space == "xml"
}

// resolve replaces the prefixes of an element and its attributes by namespaces.
func (r *Reader) resolve(o *openElement, from, colon, to int) error {
	e := o.e
	if colon < 0 {
		e.Space, e.Name = o.space, r.intern(from, to)
	} else {
		space, ok := r.lookup(r.view(from, colon))
		if !ok {
			return malformed("prefix %.40q is not declared", r.view(from, colon))
		}
		e.Space, e.Name = space, r.intern(colon+1, to)
	}
	e.unbound = e.Space == ""
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Space != "" && a.Space != "xml" {
			space, ok := r.lookup(a.Space)
			if !ok {
				return malformed("prefix %.40q is not declared", a.Space)
			}
			a.Space = space
		}
		for k := range e.Attrs[:i] {
			if b := &e.Attrs[k]; b.Name == a.Name && b.Space == a.Space {
				return malformed("attribute %.40q stands twice", a.Name)
			}
		}
	}
	return nil
}

// lookup gives the namespace of a prefix.
func (r *Reader) lookup(prefix string) (string, bool) {
	for i := len(r.scope) - 1; i >= 0; i-- {
		if r.scope[i].prefix == prefix {
			return r.scope[i].space, true
		}
	}
	if prefix == "xml" {
		return nsXML, true
	}
	return "", false
}

// intern gives buf[from:to] as a string: the one of the table if it is well
// known, or else a view.
func (r *Reader) intern(from, to int) string {
	if s, ok := wellKnown[string(r.buf[from:to])]; ok {
		return s
	}
	return r.view(from, to)
}

var wellKnown = func() map[string]string {
	known := make(map[string]string)
	for _, s := range strings.Fields(wellKnownNames) {
		known[s] = s
	}
	return known
}()

// wellKnownNames are the names and namespaces that make up most stanzas.
const wellKnownNames = `
message presence iq error body subject thread html query
id to from type lang by code stamp node ver hash var label name category jid
nick affiliation role reason actor status show priority x c item identity feature
active composing paused inactive gone request received displayed markable
origin-id stanza-id occupant-id replace reply retract reactions reaction fallback
delay forwarded sent private result fin set first last count max before after
field value option required command note actions next prev complete execute action
sessionid ping text invite decline history password destroy url desc store
no-store no-copy no-permanent-store moderate moderated apply-to

jabber:client jabber:component:accept jabber:iq:roster jabber:iq:register
jabber:iq:version jabber:iq:gateway jabber:iq:last jabber:iq:private jabber:x:data
jabber:x:oob jabber:x:conference jabber:x:delay vcard-temp vcard-temp:x:update
urn:ietf:params:xml:ns:xmpp-stanzas urn:ietf:params:xml:ns:xmpp-streams
http://etherx.jabber.org/streams
http://jabber.org/protocol/chatstates http://jabber.org/protocol/disco#info
http://jabber.org/protocol/disco#items http://jabber.org/protocol/caps
http://jabber.org/protocol/commands http://jabber.org/protocol/muc
http://jabber.org/protocol/muc#user http://jabber.org/protocol/muc#admin
http://jabber.org/protocol/muc#owner http://jabber.org/protocol/nick
http://jabber.org/protocol/rsm http://jabber.org/protocol/rosterx
http://jabber.org/protocol/xhtml-im http://jabber.org/protocol/pubsub
http://jabber.org/protocol/pubsub#event http://www.w3.org/1999/xhtml
urn:xmpp:receipts urn:xmpp:sid:0 urn:xmpp:delay urn:xmpp:ping urn:xmpp:time
urn:xmpp:hints urn:xmpp:mam:2 urn:xmpp:forward:0 urn:xmpp:carbons:2
urn:xmpp:occupant-id:0 urn:xmpp:chat-markers:0 urn:xmpp:message-correct:0
urn:xmpp:message-retract:1 urn:xmpp:message-moderate:1 urn:xmpp:reactions:0
urn:xmpp:reply:0 urn:xmpp:fallback:0 urn:xmpp:hats:0 urn:xmpp:privilege:2
`
