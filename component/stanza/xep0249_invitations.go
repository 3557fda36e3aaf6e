package stanza

import "gatehouse/component/wire"

// ConferenceNamespace is that of direct invitations (XEP-0249).
const ConferenceNamespace = "jabber:x:conference"

// An Invitation asks somebody into a room.
type Invitation struct {
	Room   string
	From   string // who asks, through the room; or
	To     string // who is asked, by one who asks the room to do so
	Reason string
}

// Payloads show an invitation that comes through the room (XEP-0045 §7.8.2),
// and the same as XEP-0249 has it, for clients that know that alone.
func (i Invitation) Payloads() []wire.Payload {
	invite := wire.New(MUCUserNamespace, "invite").SetAttr("from", i.From)
	direct := wire.New(ConferenceNamespace, "x").SetAttr("jid", i.Room)
	if i.Reason != "" {
		invite.Add(wire.NewText(MUCUserNamespace, "reason", i.Reason))
		direct.SetAttr("reason", i.Reason)
	}
	return []wire.Payload{wire.New(MUCUserNamespace, "x", invite), direct}
}

// ReadInvitations reads the invitations that a room is to pass on (XEP-0045
// §7.8.2).
func (s Received) ReadInvitations() []Invitation {
	var all []Invitation
	x := s.Child(MUCUserNamespace, "x")
	if x == nil {
		return nil
	}
	for c := range x.Children() {
		if c.Name == "invite" && c.Attr("to") != "" {
			all = append(all, Invitation{To: c.Attr("to"), Reason: c.Child(MUCUserNamespace, "reason").Content()})
		}
	}
	return all
}

// ReadDirectInvitation reads an invitation into another room (XEP-0249 §2).
func (s Received) ReadDirectInvitation() (i Invitation, ok bool) {
	x := s.Child(ConferenceNamespace, "x")
	if x == nil {
		return i, false
	}
	return Invitation{Room: x.Attr("jid"), Reason: x.Attr("reason")}, true
}
