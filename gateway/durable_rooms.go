package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// On a Durable network what is said in a room is in the inbox until the archive
// has it and the server has passed it on: to the user's clients in the room, or
// to wherever they are, as an invitation with the text in it.

// storedStanzas makes what a stored event becomes. Unsure means that it must
// wait until it is known whether the archive is to have it.
func (s *session) storedStanzas(ctx context.Context, stored storedEvent) (all []stanza.Stanza, unsure bool, err error) {
	if stored.Message != nil {
		m := *stored.Message
		if s.host.archives() && !s.recordOf(m.Chat).known {
			return nil, true, nil
		}
		if m.Nick != "" && !s.isPerson(m.Chat) {
			all, err = s.storedRoomStanzas(ctx, m, stored.ID)
			return all, false, err
		}
	}
	if p := stored.Status; p != nil && p.Who != "" {
		if n, ok := readNote(p.Request); ok && n.kind == noteRoom {
			return s.copyStanzas(p, stored.ID), false, nil
		}
	}
	if st, any := s.storedStanza(stored); any {
		all = append(all, st)
	}
	return all, false, nil
}

func (s *session) storedRoomStanzas(ctx context.Context, m transport.Message, id string) ([]stanza.Stanza, error) {
	was := said{
		nick: m.Nick, text: m.Text, stanzaID: string(m.ID), occupant: s.host.occupantID(m.Chat, m.Sender, m.Nick), at: m.Sent,
		file: fileOf(m),
	}
	if was.file != nil {
		was.text = was.file.URL
	}
	if was.stanzaID == "" {
		was.stanzaID = ownNames + id
	}
	was.id = was.stanzaID // the same for all who see it
	if as, ok := s.host.Network.(transport.Addressing); ok && m.Who != "" && as.Addressed(s.bare) {
		return []stanza.Stanza{s.addressed(m, was, as)}, nil
	}
	s.memory.add(spoken{chat: m.Chat, id: m.ID, stanzaID: was.id, shown: was.stanzaID, nick: m.Nick, text: was.text, occupant: was.occupant})
	if s.host.archives() && s.recordOf(m.Chat).Keep {
		_, err := s.host.gateway.Store.Archive().Import(ctx, []store.Archived{{
			Component: s.host.Domain, User: s.bare, Chat: m.Chat, ID: was.stanzaID, StanzaID: was.id,
			Nick: was.nick, Occupant: string(was.occupant), Text: was.text, File: writeFile(was.file), At: was.at,
		}})
		if err != nil {
			return nil, fmt.Errorf("archive what was said in a room: %w", err)
		}
	}
	r := s.rooms[m.Chat]
	if r == nil || len(r.listeners) == 0 {
		return []stanza.Stanza{s.invitation(m, was)}, nil
	}
	switch {
	case !s.host.archives():
		r.history.add(was)
	case r.anyWaiting():
		r.recent.add(was)
	}
	var all []stanza.Stanza
	for resource, l := range r.listeners.all() {
		switch to := r.to(resource); {
		case l.waiting: // it is shown the room's past
		case m.Delayed || time.Since(m.Sent) > lateAfter:
			all = append(all, r.past(to, was))
		default:
			all = append(all, r.message(to, was))
		}
	}
	return all, nil
}

// invitation asks the user into a room where something was said while none of
// their clients is there (XEP-0045 §7.8.2, XEP-0249). The text goes along for
// clients that know no rooms, and it makes servers keep the message.
func (s *session) invitation(m transport.Message, was said) stanza.Stanza {
	room := s.at(m.Chat)
	by := room.WithResource(m.Nick)
	invitation := stanza.Invitation{Room: room.String(), From: by.String(), Reason: m.Nick + " wrote to you and others"}
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: room, To: s.user, ID: was.id},
		Payloads: append([]payload{stanza.Body(m.Nick + ": " + was.text)}, invitation.Payloads()...),
	}
	if time.Since(m.Sent) > lateAfter {
		st.Payloads = append(st.Payloads, stanza.Delay{From: s.host.Domain, At: m.Sent})
	}
	return st
}

// addressed shows what somebody said to several people to a user who knows no
// rooms (XEP-0033 §4).
func (s *session) addressed(m transport.Message, was said, as transport.Addressing) stanza.Stanza {
	room := m.Chat
	m.Chat, m.Nick, m.Text = m.Who, "", was.text
	st := s.chatMessage(m, was.id)
	to := stanza.Addresses{{Type: "to", JID: s.bare, Delivered: true}}
	link, err := s.openLink()
	if groups, ok := link.(transport.Groups); err == nil && ok {
		for _, other := range groups.People(room) {
			if other != m.Who {
				to = append(to, stanza.Address{Type: "to", URI: as.URI(other), Delivered: true})
			}
		}
	}
	st.Payloads = append(st.Payloads, to)
	return st
}

// copyStanzas tells that a member did not get their copy of what was sent to a
// room.
func (s *session) copyStanzas(p *storedStatus, id string) (all []stanza.Stanza) {
	if p.Status != transport.Failed {
		return nil
	}
	r := s.rooms[p.Chat]
	text := fmt.Sprintf("%s did not get what you sent. %s", s.memberName(r, p.Who), p.Text)
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(p.Chat), Type: stanza.Groupchat, ID: id},
		Payloads: []payload{stanza.Body(text)},
	}
	if r != nil {
		for resource, l := range r.listeners.all() {
			if st.To = r.to(resource); !l.waiting {
				all = append(all, st)
			}
		}
	}
	if len(all) == 0 {
		st.From, st.To, st.Type = s.at(""), s.user, stanza.Chat
		st.Payloads = []payload{stanza.Body(fmt.Sprintf("In %s: %s", s.at(p.Chat), text))}
		all = append(all, st)
	}
	return all
}

// memberName is how somebody in a room is called.
func (s *session) memberName(r *room, who transport.Address) string {
	if r != nil {
		for _, m := range s.members(r) {
			if m.Who == who && m.Nick != string(who) {
				return fmt.Sprintf("%s (%s)", m.Nick, who)
			}
		}
	}
	return string(who)
}

// sendStored sends the stanzas of one item. It is done once all are confirmed.
func (s *session) sendStored(key int64, all []stanza.Stanza) error {
	done := func() { s.host.gateway.Store.Inbox().Done(key) }
	if len(all) == 0 {
		done()
		return nil
	}
	var left atomic.Int64
	left.Store(int64(len(all)))
	for _, st := range all {
		st.Confirmed = func() {
			if left.Add(-1) == 0 {
				done()
			}
		}
		if err := s.send(st); err != nil {
			return err
		}
	}
	return nil
}

// beginning is what can be shown of a stanza that no server takes: it never will
// become smaller. In a room it has the name that the archive knows it by.
func beginning(st stanza.Stanza) stanza.Stanza {
	whole, names := stanza.BodyIn(st.Payloads), []payload(nil)
	for _, p := range st.Payloads {
		if u, is := p.(*utterance); is {
			whole, names = u.text, []payload{stanza.StanzaID{ID: u.stanzaID, By: u.room}, u.occupant}
		}
	}
	text := "Something came that is too large to be shown."
	if begins := firstWords(whole, beginningLength); begins != "" {
		text = "This is too large to be shown whole. It begins: " + begins
	}
	st.Payloads = append([]payload{stanza.Body(text)}, names...)
	return st
}

const beginningLength = 1000 // characters

// copyFailure is why one of those to whom a message was sent did not get it.
func copyFailure(e transport.MessageStatus) *transport.Error {
	err := *failure(e)
	err.Text = fmt.Sprintf("%s did not get it: %s", e.Who, err.Text)
	return &err
}
