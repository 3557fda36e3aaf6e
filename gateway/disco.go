package gateway

import (
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// capsNode names this software in entity capabilities (XEP-0115 §4).
const capsNode = "urn:gatehouse"

// Features of every address, of the gateway, of people and of rooms: what is
// listed here is answered in iq.go, rooms.go and to_network.go.
var (
	commonFeatures = []string{
		stanza.DiscoInfoNamespace, stanza.DiscoItemsNamespace,
		"jabber:iq:version", "urn:xmpp:ping", "urn:xmpp:time",
	}
	gatewayFeatures = []string{"jabber:iq:last", "vcard-temp", stanza.CapsNamespace, stanza.CommandsNamespace, stanza.PromptNamespace}
	personFeatures  = []string{"vcard-temp", stanza.OOBNamespace}
	serverFeatures  = []string{"vcard-temp", stanza.OccupantIDNamespace} // XEP-0421 §4: all its rooms have it
	listFeatures    = []string{stanza.ChannelSearchNamespace, stanza.ResultSetNamespace}
	roomFeatures    = []string{
		stanza.MUCNamespace,
		"http://jabber.org/protocol/muc#stable_id",              // XEP-0045 §7.4
		"http://jabber.org/protocol/muc#self-ping-optimization", // XEP-0410 §3.3
		stanza.IDsNamespace, stanza.OccupantIDNamespace, "vcard-temp", vcard4Namespace,
		"muc_semianonymous", // muc_nonanonymous makes some clients refuse to join
	}
)

// ownInfo describes the gateway itself. The identity has a name, without which
// Openfire hides us; and no feature of rooms, lest clients make rooms here.
func (h *host) ownInfo() stanza.DiscoInfo {
	info := stanza.DiscoInfo{
		Identities: h.ownIdentities(),
		Features:   slices.Concat(commonFeatures, gatewayFeatures),
	}
	if h.archives() {
		info.Features = append(info.Features, archiveFeatures...)
	}
	if h.info.Groups {
		info.Features = append(info.Features, stanza.AddressNamespace)
	}
	if h.info.Lists && h.info.Home != "" {
		info.Features = append(info.Features, listFeatures...)
	}
	if h.keepsContacts() {
		info.Features = append(info.Features, stanza.SearchNamespace)
	}
	if _, open := h.registers(); open {
		info.Features = append(info.Features, stanza.RegisterNamespace)
	}
	if len(h.gateway.Contacts) > 0 { // XEP-0157 §2
		info.Forms = []stanza.Form{stanza.ResultForm("http://jabber.org/network/serverinfo", h.gateway.Contacts...)}
	}
	return info
}

// ownInfoFor leaves out what only those can do whom the network serves.
func (h *host) ownInfoFor(s *session) stanza.DiscoInfo {
	info := h.ownInfo()
	if s == nil || !s.searches() {
		info.Features = slices.DeleteFunc(info.Features, func(f string) bool { return f == stanza.SearchNamespace })
	}
	return info
}

// ownIdentities has the gateway as one, and where there are rooms behind it as
// the place of those too, which is how such gateways were always found.
func (h *host) ownIdentities() []stanza.Identity {
	identities := []stanza.Identity{{Category: "gateway", Type: h.info.Type, Name: h.Name}}
	if h.info.Rooms {
		identities = append(identities, stanza.Identity{Category: "conference", Type: h.info.Type, Name: h.Name})
	}
	return identities
}

func (h *host) personInfo(a transport.Address) stanza.DiscoInfo {
	info := stanza.DiscoInfo{
		Identities: []stanza.Identity{{Category: "client", Type: h.info.Type}},
		Features:   slices.Concat(commonFeatures, personFeatures, h.conversationFeatures(), h.commandFeatures(target{kind: toPerson, address: a})),
	}
	if h.keepsContacts() {
		info.Features = append(info.Features, vcard4Namespace)
	}
	if h.info.Durable {
		info.Features = append(info.Features, stanza.ReceiptsNamespace)
	}
	if h.info.Media {
		info.Features = append(info.Features, fileFeatures...)
	}
	if h.info.Groups {
		info.Features = append(info.Features, stanza.AddressNamespace)
	}
	return info
}

func (h *host) serverInfo(a transport.Address) stanza.DiscoInfo {
	info := stanza.DiscoInfo{
		Identities: h.serverIdentities(a),
		Features:   slices.Concat(commonFeatures, serverFeatures, h.commandFeatures(target{kind: toServer, address: a})),
	}
	if h.info.Rooms { // unlike the gateway's own address, which nobody is to make rooms at
		info.Features = append(info.Features, stanza.MUCNamespace)
	}
	if h.info.Lists {
		info.Features = append(info.Features, listFeatures...)
	}
	return info
}

// roomInfo is the same for those who are in the room and those who look before
// they join, but for what only the room's members know.
func (h *host) roomInfo(a transport.Address, r *room) stanza.DiscoInfo {
	var modes transport.RoomModes
	var fields []stanza.Field
	if r != nil {
		modes = r.modes
		fields = append(fields, stanza.Field{Var: "muc#roominfo_subject", Values: []string{r.subject.Text}},
			stanza.Field{Var: "muc#roominfo_description", Values: []string{r.subject.Text}})
	}
	choose := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	features := slices.Concat(commonFeatures, roomFeatures, []string{
		choose(r != nil && r.stays, "muc_persistent", "muc_temporary"),
		choose(modes.Hidden, "muc_hidden", "muc_public"),
		choose(modes.MembersOnly, "muc_membersonly", "muc_open"),
		choose(modes.Moderated, "muc_moderated", "muc_unmoderated"),
		choose(modes.PasswordProtected, "muc_passwordprotected", "muc_unsecured"),
	}, h.commandFeatures(target{kind: toRoom, address: a}))
	if h.archives() {
		features = append(features, archiveFeatures...)
	}
	if h.info.People {
		features = append(features, stanza.HatsNamespace)
	}
	// The field says whether participants may (XEP-0045 §15.5.4).
	fields = append(fields, stanza.Field{
		Var: "muc#roominfo_subjectmod", Values: []string{choose(modes.SubjectByMods, "0", "1")},
	})
	short, long := h.nameOf(a)
	return stanza.DiscoInfo{
		// conference/text comes first: clients take the first for the room's kind.
		Identities: []stanza.Identity{
			{Category: "conference", Type: "text", Name: short},
			{Category: "conference", Type: h.info.Type, Name: long},
		},
		Features: features,
		Forms:    []stanza.Form{stanza.ResultForm("http://jabber.org/protocol/muc#roominfo", fields...)},
	}
}

func (h *host) caps(info stanza.DiscoInfo) stanza.Caps {
	return stanza.Caps{Node: capsNode, Ver: stanza.CapsVer(info)}
}

// answerInfo implements XEP-0030 §3.
func (h *host) answerInfo(s *session, st *stanza.Received, t target) (payload, *stanza.Error) {
	node := st.Payload().Attr("node")
	if t.kind == toRoom && node == "http://jabber.org/protocol/muc#traffic" { // XEP-0045 §17.1.1
		return stanza.DiscoInfo{Node: node}, nil
	}
	var info stanza.DiscoInfo
	switch t.kind {
	case toGateway:
		info = h.ownInfoFor(s)
	case toServer:
		info = h.serverInfo(t.address)
	case toPerson:
		info = h.somebodyInfo(s, t)
	case toRoom:
		r := s.roomOf(st, t.address)
		info = h.roomInfo(t.address, r)
		info.Forms[0].Fields = append(info.Forms[0].Fields, s.roomFields(t.address, r)...)
	case toOccupant:
		info = h.occupantInfo(s, st, t)
	}
	if t.kind == toPerson || t.kind == toRoom || t.kind == toOccupant {
		info.Features = append(info.Features, s.carriedIn(t)...)
		if slices.Contains(info.Features, stanza.ReactionsNamespace) {
			info.Forms = append(info.Forms, stanza.ReactionRestrictions())
		}
	}
	if node != "" {
		if about, e, ok := h.commandInfo(st, t, node); ok && e != nil {
			return nil, e
		} else if ok {
			return about, nil
		}
	}
	// The node of entity capabilities asks for the whole (XEP-0115 §6.2): for
	// what was shown, which is the same to everybody.
	if node != "" {
		if shown := h.shownInfo(t); node == capsNode+"#"+stanza.CapsVer(shown) {
			info = shown
		} else if node != capsNode+"#"+stanza.CapsVer(info) {
			return refused(noSuchNode())
		}
	}
	info.Node = node
	return info, nil
}

// shownInfo is what presence of an address says that it has.
func (h *host) shownInfo(t target) stanza.DiscoInfo {
	if t.kind == toGateway {
		return h.ownInfo()
	}
	return h.personInfo(t.address)
}

func noSuchNode() stanza.Error {
	return stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "there is no such node here"}
}

// answerItems implements XEP-0030 §4: a room lists its occupants to those who
// are in it (XEP-0045 §6.5).
func (h *host) answerItems(s *session, st *stanza.Received, t target) (payload, *stanza.Error) {
	items := stanza.DiscoItems{Node: st.Payload().Attr("node")}
	if t.kind == toOccupant {
		return refused(unsupported("an occupant has no items"))
	}
	if commands, ok := h.commandItems(st, t, items.Node); ok {
		return commands, nil
	}
	if items.Node != "" {
		return refused(noSuchNode())
	}
	switch t.kind {
	case toGateway:
		items.Items = h.serverItems(s)
		if h.isAdmin(st.From) {
			items.Items = append(items.Items, stanza.Item{JID: st.To.Bare().String(), Node: adminNamespace, Name: "Administration"})
		}
	case toRoom:
		if r := s.roomOf(st, t.address); r != nil {
			for _, m := range s.members(r) {
				items.Items = append(items.Items, stanza.Item{JID: r.occupant(m.Nick).String(), Name: m.Nick})
			}
		}
	}
	return items, nil
}

// members asks the network who is in the room.
func (s *session) members(r *room) []transport.Member {
	rooms, ok := s.link.(transport.Rooms)
	if !ok {
		return nil
	}
	return rooms.Members(r.address)
}
