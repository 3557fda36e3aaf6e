package wire

import "strings"

// intern gives buf[from:to] as a string: the one of the table if it is well
// known, or else a view.
func (r *Reader) intern(from, to int) string {
	if from == to {
		return ""
	}
	b := r.buf[from:to]
	for _, s := range &wellKnown[slot(b)] {
		if s == string(b) {
			return s
		}
	}
	return r.view(from, to)
}

// wellKnown is a hash table of a fixed shape: faster than a map for so few and
// short strings.
var wellKnown = func() (table [256][4]string) {
	for _, s := range strings.Fields(wellKnownNames) {
		place := &table[slot([]byte(s))]
		for i := range place {
			if place[i] == "" {
				place[i] = s
				break
			}
		}
	}
	return table
}()

// slot hashes the length and four bytes, which is enough to tell the names apart.
func slot(b []byte) uint8 {
	n := len(b)
	h := uint32(n) ^ uint32(b[0])<<8 ^ uint32(b[n/2])<<16 ^ uint32(b[n-1])<<24 ^ uint32(b[n*3/4])<<4
	return uint8(h * 0x9E3779B1 >> 24)
}

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
