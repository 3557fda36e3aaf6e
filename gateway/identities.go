package gateway

import (
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// askFeatures are what people's addresses answer where the network can be asked
// about them: see inquiry.go.
var askFeatures = []string{"jabber:iq:last", "vcard-temp", vcard4Namespace}

// nameOf gives the names of an address: for those who see where it is, and for
// those who don't.
func (h *host) nameOf(a transport.Address) (short, long string) {
	if n, ok := h.Network.(transport.Namer); ok {
		return n.Names(a)
	}
	return string(a), string(a)
}

func (h *host) serverIdentities(a transport.Address) []stanza.Identity {
	identities := h.ownIdentities()
	for i := range identities {
		identities[i].Name, _ = h.nameOf(a)
	}
	return identities
}

// occupantInfo describes somebody in a room: nothing is asked of their client.
func (h *host) occupantInfo(s *session, st *stanza.Received, t target) stanza.DiscoInfo {
	info := stanza.DiscoInfo{
		Identities: []stanza.Identity{{Category: "client", Type: h.info.Type, Name: t.occupant}},
		Features:   []string{stanza.DiscoInfoNamespace},
	}
	if !h.info.People {
		return info
	}
	info.Identities[0].Type = "pc" // the network does not tell of phones
	if r := s.roomOf(st, t.address); r != nil {
		if m, here := s.member(r, t.occupant); here && m.Bot {
			info.Identities[0].Type = "bot"
		}
	}
	info.Features = slices.Concat(commonFeatures, askFeatures)
	return info
}

// somebodyInfo describes a person: as an account of the network's, which they
// are logged in to or not, and as their client.
func (h *host) somebodyInfo(s *session, t target) stanza.DiscoInfo {
	info := h.personInfo(t.address)
	if !h.info.People {
		return info
	}
	account, client := "anonymous", "pc"
	if s != nil {
		if known, ok := s.link.(transport.Acquaintances); ok {
			m, _ := known.Acquaintance(t.address)
			if m.Account != "" {
				account = "registered"
			}
			if m.Bot {
				client = "bot"
			}
		}
	}
	name, _ := h.nameOf(t.address)
	info.Identities = []stanza.Identity{{Category: "account", Type: account, Name: name}, {Category: "client", Type: client, Name: name}}
	info.Features = slices.Concat(commonFeatures, askFeatures, h.conversationFeatures(), h.commandFeatures(t))
	return info
}
