package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// lateAfter is how old a message is when people should see that it is.
const lateAfter = time.Minute

// receiveEvent takes what the network told, and makes stanzas of it.
func (s *session) receiveEvent(ctx context.Context, e transport.Event) {
	switch e := e.(type) {
	case transport.LinkUp:
		s.receiveLinkUp(ctx, e)
	case transport.LinkDown:
		s.receiveLinkDown(ctx, e)
	case transport.MessageReceived:
		s.receiveMessage(ctx, e.Message)
	case transport.MessageCorrected:
		s.receiveCorrection(ctx, e)
	case transport.MessageRetracted:
		s.receiveRetraction(ctx, e.Retraction)
	case transport.MessageReacted:
		s.receiveReaction(ctx, e.Reaction)
	case transport.ComposingChanged:
		s.receiveComposing(e)
	case transport.MessageStatus:
		e.ID = foreign(e.ID)
		if n, ok := readNote(e.Request); ok && e.ID != "" {
			s.named(n, e.ID)
		}
		s.settleUnsaid(ctx, e)
		s.settleDoubt(e.Request, e.Status == transport.Failed)
		if st, any := s.statusStanza(e, s.newID()); any {
			s.send(st)
		}
	case transport.DisplayedElsewhere:
		s.receiveMarked(e)
	case transport.PresenceChanged:
		s.receivePresence(e)
	case transport.RoomJoined:
		s.receiveRoomJoined(e)
	case transport.RoomLeft:
		s.receiveRoomLeft(e)
	case transport.RoomRenamed:
		s.receiveRoomRenamed(ctx, e)
	case transport.RoomChanged:
		s.inRoom(e.Room, func(r *room) { s.receiveModes(r, e.Modes) })
	case transport.SubjectChanged:
		s.receiveSubject(e)
	case transport.MemberChanged:
		s.inRoom(e.Room, func(r *room) { s.receiveMember(r, e) })
	case transport.MemberRenamed:
		s.inRoom(e.Room, func(r *room) { s.receiveRename(r, e) })
	case transport.MemberLeft:
		s.inRoom(e.Room, func(r *room) { s.receiveDeparture(r, e) })
	case transport.RoomNotice:
		s.inRoom(e.Room, func(r *room) { s.receiveRoomNotice(r, e.Text) })
	case transport.BansListed:
		s.answerKept(e.Request, e, nil)
	case transport.Invited:
		s.receiveInvited(e)
	case transport.RoomsListed:
		s.receiveRooms(e)
	case transport.ProfileReceived:
		s.inquiryAnswered(e.Request, e, nil)
	case transport.QueryAnswered:
		s.inquiryAnswered(e.Request, e, nil)
	case transport.Queried:
		s.receiveQueried(ctx, e)
	case transport.Answered:
		s.receiveAnswer(e)
	case transport.ContactChanged:
		s.receiveContact(e)
	case transport.FaceChanged:
		s.receiveFace(e)
	case transport.ProfileChanged:
		s.profileChanged(e.Who, nil)
	case transport.HistoryFetched:
		s.endAsking(e.Request, e)
	case transport.Notice:
		s.notifyFrom(e.From, e.Text)
	default:
		s.log().Error("unknown event", "type", fmt.Sprintf("%T", e))
	}
}

// inRoom calls f for a room that is joined.
func (s *session) inRoom(a transport.Address, f func(*room)) {
	if r := s.rooms[a]; r != nil && r.joined {
		f(r)
	}
}

func (s *session) receiveMessage(ctx context.Context, m transport.Message, extras ...payload) {
	if m.Request != "" && s.echoed(ctx, m) {
		return
	}
	m.ID = foreign(m.ID)
	if s.isStranger(m.Chat) {
		s.bring(true, m.Chat) // at once: what is stored waits for it, other messages don't
	}
	if m.ReplyTo == nil {
		s.showMessage(m, m.Text, extras)
		return
	}
	s.receiveReply(ctx, m, extras)
}

// showMessage shows what somebody says; body may quote what it answers.
func (s *session) showMessage(m transport.Message, body string, extras []payload) {
	if m.Nick == "" || s.rooms[m.Chat] == nil && s.isPerson(m.Chat) {
		text := m.Text
		m.Text = body
		st := s.chatMessage(m, s.newID())
		m.Text = text
		st.Payloads = append(st.Payloads, extras...)
		s.memory.add(spoken{chat: m.Chat, id: m.ID, stanzaID: st.ID, text: m.Text, at: m.Sent})
		s.archiveReceived(m, &st)
		if !s.showAside(m, st) {
			s.send(st)
		}
		return
	}
	s.inRoom(m.Chat, func(r *room) {
		s.showFirst(r, m.Nick)
		was := said{nick: m.Nick, text: body, stanzaID: string(m.ID), at: m.Sent, file: fileOf(m), extras: extras}
		if was.file != nil {
			was.text = was.file.URL
		}
		if was.stanzaID == "" {
			was.stanzaID, was.fresh = s.newName(), true
		}
		was.id = was.stanzaID // the same for all who see it
		was.occupant = s.host.occupantID(m.Chat, m.Sender, m.Nick)
		if was.at.IsZero() {
			was.at = time.Now()
		}
		was.markable = s.carries(place{chat: m.Chat, room: r}).Has(transport.CarriesMarkers)
		s.rememberSaid(r, was, m.Delayed)
		if !m.Delayed {
			s.utter(r, was)
			return
		}
		r.each(func(to jid.JID) { s.send(r.past(to, was)) })
	})
}

// isPerson says that messages of a chat are private.
func (s *session) isPerson(chat transport.Address) bool {
	_, kind, err := s.host.Network.Resolve(string(chat))
	return err == nil && kind == transport.Person
}

// chatMessage is a message from a person or a server to the user. From has no
// resource (XEP-0100 §5.3.1), but where the network has it name the person.
func (s *session) chatMessage(m transport.Message, id string) stanza.Stanza {
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(m.Chat), To: s.user, Type: stanza.Chat, ID: id},
		Payloads: bodyOf(m.Text, fileOf(m)),
	}
	switch { // XEP-0172 §4.2
	case m.Nick != "":
		st.From.Resource = m.Nick
		st.Payloads = append(st.Payloads, nickname(m.Nick))
	case s.host.info.People:
		st.Payloads = append(st.Payloads, s.nickOf(m.Chat))
	case s.host.keepsContacts() && !s.roster[st.From.Local].From:
		if name, named := s.nameOfContact(m.Chat); named {
			st.Payloads = append(st.Payloads, nickname(name))
		}
	}
	if s.carries(place{chat: m.Chat, nick: m.Nick}).Has(transport.CarriesMarkers) {
		st.Payloads = append(st.Payloads, stanza.Markable{})
	}
	if m.Chat == s.host.info.Home {
		st.From = s.at("") // which is its console
	}
	if m.Delayed && !m.Sent.IsZero() {
		st.Payloads = append(st.Payloads, stanza.Delay{From: s.host.Domain, At: m.Sent})
	}
	return st
}

// reflect shows a message of the user's to all their clients in the room, as
// the room's own echo (XEP-0045 §7.4). The sender's ids are kept, and what the
// network calls it is its stanza-id. Where others see it as several messages,
// so does the user: the ids are those of the first.
func (s *session) reflect(r *room, st *stanza.Received, o outgoing, id transport.MessageID) {
	was := said{
		nick: r.nick, occupant: s.host.occupantID(r.address, r.own.Identity, r.nick), at: time.Now(),
		id: st.ID, origin: st.ReadOriginID(), stanzaID: string(id), extras: o.extras,
	}
	if id == "" {
		was.stanzaID, was.fresh = o.name, o.name != ""
	}
	if o.changed { // others see something else, and the user what they wrote
		s.reflectOne(r, was, o.shown, o.anew, id)
		return
	}
	lines := []string{o.shown}
	if splitter, ok := s.link.(transport.Splitter); ok {
		if others, otherwise := splitter.Lines(r.address, o.shown); otherwise {
			lines = others
		}
	}
	for i, line := range lines {
		if i > 0 {
			was.id, was.origin, was.stanzaID, was.extras, id = "", "", "", nil, ""
		}
		was.file = fileIn(st, line)
		s.reflectOne(r, was, line, "", id)
	}
}

func (s *session) reflectOne(r *room, was said, text, anew string, id transport.MessageID) {
	if was.id == "" {
		was.id = s.newID()
	}
	if was.text = text; was.stanzaID == "" {
		was.stanzaID, was.fresh = s.newName(), true
	}
	if text != "" {
		known := spoken{
			chat: r.address, id: id, stanzaID: was.id, origin: was.origin, shown: was.stanzaID, nick: r.nick, own: true, text: text,
			replaces: anew, occupant: was.occupant,
		}
		s.memory.add(known)
		s.inPlace(known)
		s.rememberSaid(r, was, false)
	} else {
		s.archiveSaid(r, was, false)
	}
	s.utter(r, was)
}

// receiveRoomNotice shows what the room itself says.
func (s *session) receiveRoomNotice(r *room, text string) {
	id := s.newID()
	r.each(func(to jid.JID) {
		s.send(stanza.Stanza{
			Kind:     stanza.Message,
			Header:   stanza.Header{From: r.jid, To: to, Type: stanza.Groupchat, ID: id},
			Payloads: []payload{stanza.Body(text)},
		})
	})
}

// statusStanza is a receipt or an error for a message that was sent. Any is
// false if the sender need not hear of it.
func (s *session) statusStanza(e transport.MessageStatus, id string) (st stanza.Stanza, any bool) {
	n, ok := readNote(e.Request)
	if !ok {
		return st, false
	}
	st = stanza.Stanza{Kind: stanza.Message, Header: stanza.Header{
		From: jid.JID{Local: n.chat, Domain: s.host.Domain, Resource: n.nick},
		To:   s.user.WithResource(n.resource),
	}}
	switch e.Status {
	case transport.Failed:
		if e.Who != "" {
			e.Err = copyFailure(e)
		}
		if n.kind == noteCopy {
			st.Type, st.ID, st.To = stanza.Chat, id, s.user
			st.Payloads = []payload{stanza.Body("Your message did not come here. " + stanzaError(failure(e), s.host.Domain).Text)}
			return st, true
		}
		st.Type, st.ID = stanza.ErrorType, n.id
		st.Payloads = []payload{stanzaError(failure(e), s.host.Domain)}
		return st, n.id != ""
	case transport.Delivered:
		if e.Who != "" {
			return st, false // others may not have it
		}
		st.Type, st.ID = stanza.Chat, id
		st.To = s.user // whichever client is there now
		st.Payloads = []payload{stanza.Receipt{ID: n.id}}
		return st, n.receipt
	case transport.Displayed:
		if e.Who != "" {
			return st, false
		}
		st.Type, st.ID, st.To = stanza.Chat, id, s.user
		if n.receipt { // the network may not have said before that they have it
			st.Payloads = append(st.Payloads, stanza.Receipt{ID: n.id})
		}
		if n.markable {
			st.Payloads = append(st.Payloads, stanza.Displayed(n.id), stanza.Store)
		}
		return st, len(st.Payloads) > 0
	}
	return st, false
}

// failure is why a message never will be delivered.
func failure(e transport.MessageStatus) *transport.Error {
	if err, ok := errors.AsType[*transport.Error](e.Err); ok {
		return err
	}
	text := "the network could not deliver the message"
	return &transport.Error{Reason: transport.Rejected, Text: text, Err: e.Err}
}

// receiveAnswer ends a call. A success shows itself by what it changed, but for
// an iq, which is answered.
func (s *session) receiveAnswer(e transport.Answered) {
	n, ok := readNote(e.Request)
	if !ok {
		return
	}
	if n.kind == noteIQ {
		s.answerKept(e.Request, e, e.Err)
		return
	}
	if n.kind == noteHistory {
		s.endAsking(e.Request, e)
		return
	}
	if n.kind == noteList {
		s.endList(transport.Address(n.chat), nil, e.Err)
		return
	}
	if n.kind == noteInquiry {
		s.inquiryAnswered(e.Request, nil, e.Err)
		return
	}
	s.settleDoubt(e.Request, e.Err != nil)
	if e.Err == nil || n.kind == noteAnew {
		return
	}
	st := stanza.Stanza{
		Kind: stanza.Message,
		Header: stanza.Header{
			From: jid.JID{Local: n.chat, Domain: s.host.Domain, Resource: n.nick},
			To:   s.user.WithResource(n.resource), Type: stanza.ErrorType, ID: n.id,
		},
		Payloads: []payload{stanzaError(e.Err, s.host.Domain)},
	}
	if n.kind == noteNick { // XEP-0045 §7.6
		st.Kind = stanza.Presence
		st.Payloads = append([]payload{mucMarker}, st.Payloads...)
	}
	s.send(st)
}
