package gateway

import (
	"context"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// sendStanza takes what the user's client sent, and calls the network.
func (s *session) sendStanza(ctx context.Context, st *stanza.Received) {
	switch st.Kind {
	case stanza.Message:
		s.sendMessage(ctx, st)
	case stanza.Presence:
		s.sendPresence(ctx, st)
	case stanza.IQ:
		s.sendIQ(ctx, st)
	}
}

// resolve says what the addressee is. An address that is right but not spelled
// as the network spells it is told its one spelling: else one person or room
// would appear under two names.
func (h *host) resolve(to jid.JID) (transport.Address, transport.Kind, error) {
	a, kind, err := h.Network.Resolve(jid.Unescape(to.Local))
	if err != nil {
		return "", 0, err
	}
	if jid.Escape(string(a)) != to.Local {
		return "", 0, &transport.Error{Reason: transport.Moved, Redirect: a, Text: "the address is written " + h.at(a).String()}
	}
	return a, kind, nil
}

func (s *session) sendMessage(ctx context.Context, st *stanza.Received) {
	if st.Type == stanza.ErrorType {
		s.bounced(ctx, st)
		return
	}
	if s.sendToSeveral(ctx, st) {
		return
	}
	if st.To.Local == "" {
		s.sendToGateway(ctx, st)
		return
	}
	a, kind, err := s.host.resolve(st.To)
	switch {
	case err != nil:
		s.fail(st, err)
	case kind == transport.Room && st.To.Resource != "":
		s.sendPrivately(ctx, st, a)
	case kind == transport.Room:
		s.sendToRoom(ctx, st, a)
	case st.Type == stanza.Groupchat:
		s.refuse(st, badRequest(st.To.Bare().String()+" is not a room"))
	case kind == transport.Server:
		s.sendToServer(ctx, st, a)
	default:
		s.sendToPerson(ctx, st, a)
	}
}

// originOf gives the name by which the sender's client knows the message.
func originOf(st *stanza.Received) string {
	if o := st.ReadOriginID(); o != "" {
		return o
	}
	return st.ID
}

func (s *session) noteOf(st *stanza.Received, kind noteKind) note {
	return note{
		kind: kind, id: st.ID, resource: st.From.Resource,
		chat: st.To.Local, nick: st.To.Resource, receipt: st.WantsReceipt(),
		markable: st.Child(stanza.MarkersNamespace, "markable") != nil,
	}
}

func (s *session) sendToPerson(ctx context.Context, st *stanza.Received, a transport.Address) {
	m := st.ReadMeaning()
	if is, words := s.inviteDirectly(ctx, st, transport.Invitation{Who: a}); is {
		m = stanza.Meaning{Text: words}
	}
	s.sendMeaning(ctx, st, m, place{chat: a, nick: st.To.Resource, with: a, kind: noteMessage})
}

// sendPrivately sends to one occupant of a room (XEP-0045 §7.5).
func (s *session) sendPrivately(ctx context.Context, st *stanza.Received, a transport.Address) {
	m := st.ReadMeaning()
	switch r := s.rooms[a]; {
	case st.Type == stanza.Groupchat:
		s.refuse(st, badRequest("a message to one occupant is not groupchat"))
	case r == nil || !r.isIn(st.From.Resource):
		s.refuse(st, notJoined("join the room before you write to somebody in it"))
	default:
		if is, words := s.inviteDirectly(ctx, st, transport.Invitation{Nick: st.To.Resource}); is {
			m = stanza.Meaning{Text: words}
		}
		p := place{chat: a, nick: st.To.Resource, with: s.addressOf(r, st.To.Resource), kind: noteMessage}
		if p.with == "" { // nobody can say later whose words they were
			p.with, p.unkept = a+"\x00"+transport.Address(p.nick), true
		}
		s.sendMeaning(ctx, st, m, p)
	}
}

// sendToRoom sends to everybody in a room (XEP-0045 §7.4). It comes back to
// all the user's clients once the network has taken it.
func (s *session) sendToRoom(ctx context.Context, st *stanza.Received, a transport.Address) {
	r := s.rooms[a]
	if r == nil || !r.isIn(st.From.Resource) {
		if st.Child(stanza.MUCUserNamespace, "x").Child(stanza.MUCUserNamespace, "decline") != nil {
			return // an invitation (XEP-0045 §7.8.2): those who invited don't wait for an answer
		}
		if s.host.info.Groups && st.Type != stanza.Groupchat && (textOf(st) != "" || len(st.ReadFiles()) > 0) {
			s.sendAround(ctx, st, a)
			return
		}
		s.refuse(st, notJoined("you are not in this room"))
		return
	}
	if st.Type != stanza.Groupchat {
		s.sendAboutRoom(ctx, st, r)
		return
	}
	m := st.ReadMeaning()
	if subject, given := st.ReadSubject(); given && m.Text == "" && !m.Reacts && m.Retracts == "" && len(st.ReadFiles()) == 0 {
		s.sendSubject(ctx, st, a, subject)
		return
	}
	s.sendMeaning(ctx, st, m, place{chat: a, room: r, with: a, kind: noteRoom, as: s.voiceOf(st)})
}

// sendAboutRoom takes what is sent to a room but not to those in it: an
// invitation to pass on (XEP-0045 §7.8.2), or text of the wrong type.
func (s *session) sendAboutRoom(ctx context.Context, st *stanza.Received, r *room) {
	if all := st.ReadInvitations(); len(all) > 0 {
		s.sendInvitations(ctx, st, r, all)
		return
	}
	if textOf(st) != "" {
		s.refuse(st, badRequest("messages to a room are of type groupchat"))
	}
}

func (s *session) sendSubject(ctx context.Context, st *stanza.Received, a transport.Address, subject string) {
	rooms, ok := s.link.(transport.Rooms)
	if !ok {
		s.refuse(st, unsupported("rooms have no subject here"))
		return
	}
	if err := rooms.SetSubject(ctx, a, subject, s.noteOf(st, noteRoom).request()); err != nil {
		s.fail(st, err)
	}
}

// bounced handles the error that came back for something we sent. Nothing of
// type error is answered. A client that is gone is in no room any more.
func (s *session) bounced(ctx context.Context, st *stanza.Received) {
	if !isGone(st.ReadError().Condition) {
		return
	}
	if _, kind, err := s.host.resolve(st.To); err == nil && kind == transport.Room {
		s.takeOut(ctx, st.From.Resource)
	}
}

// isGone says that the one who answered with the error, or for whom it was
// answered, isn't there any more (XEP-0410 §3.1 turns the same list around).
func isGone(c stanza.Condition) bool {
	switch c {
	case stanza.Gone, stanza.ItemNotFound, stanza.RecipientUnavailable, stanza.RemoteServerNotFound,
		stanza.RemoteServerTimeout, stanza.ServiceUnavailable, stanza.JIDMalformed:
		return true
	}
	return false
}
