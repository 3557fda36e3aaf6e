package gateway

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// A speaker is who does something to a message, or writes one.
type speaker struct {
	from     jid.JID
	typ      string
	occupant stanza.OccupantID // in a room
	each     func(func(to jid.JID))
}

// speakerOf says from whom an event comes, and who is told. Ok is false where
// nobody is: the room is not joined.
func (s *session) speakerOf(chat transport.Address, nick, sender string) (who speaker, ok bool) {
	if r := s.rooms[chat]; r != nil && nick != "" {
		return speaker{
			from: r.occupant(nick), typ: stanza.Groupchat, each: r.each,
			occupant: s.host.occupantID(chat, sender, nick),
		}, r.joined
	}
	if nick != "" && !s.isPerson(chat) {
		return who, false
	}
	who = speaker{from: s.at(chat), typ: stanza.Chat, each: func(f func(jid.JID)) { f(s.user) }}
	who.from.Resource = nick
	return who, true
}

// show sends a message without a text to the user's clients.
func (s *session) show(who speaker, id string, payloads ...payload) {
	if who.occupant != "" {
		payloads = append(payloads, who.occupant)
	}
	who.each(func(to jid.JID) {
		s.send(stanza.Stanza{
			Kind:     stanza.Message,
			Header:   stanza.Header{From: who.from, To: to, Type: who.typ, ID: id},
			Payloads: payloads,
		})
	})
}

// receiveReply shows a reply, once it is known what it answers.
func (s *session) receiveReply(ctx context.Context, m transport.Message, extras []payload) {
	s.resolveID(ctx, m.Chat, m.ReplyTo.ID, func(_ context.Context, known spoken) {
		body, reply := s.replyOf(m, known)
		s.showMessage(m, body, append(extras, reply...))
	})
}

// replyOf makes the payloads of a reply, and the body with a quotation for
// clients that don't know them.
func (s *session) replyOf(m transport.Message, known spoken) (body string, extras []payload) {
	ok := known.chat != ""
	reply := stanza.Reply{ID: string(m.ReplyTo.ID)}
	nick := m.ReplyTo.Nick
	switch r := s.rooms[m.Chat]; {
	case r != nil && m.Nick != "":
		if ok {
			nick, reply.ID = known.nick, known.shown
		}
		if nick != "" {
			reply.To = r.occupant(nick).String()
		}
	case ok && known.own:
		reply.ID, reply.To = known.stanzaID, s.user.String()
	case ok:
		reply.ID, reply.To = known.stanzaID, s.at(m.Chat).String()
	}
	body, extras = m.Text, []payload{reply}
	if about := known.text; about != "" {
		var fallback stanza.Fallback
		body, fallback = quotation(firstWords(about, quoteLength), m.Text)
		extras = append(extras, fallback)
	}
	return body, extras
}

// archiveDeed keeps what somebody did to a message (XEP-0424 §5, XEP-0444 §5).
func (s *session) archiveDeed(chat transport.Address, nick string, occupant stanza.OccupantID, id string, deed payload) {
	if r := s.rooms[chat]; r != nil && nick != "" {
		s.archiveSaid(r, said{
			nick: nick, occupant: occupant, id: id, stanzaID: s.newName(), fresh: true, extras: []payload{deed}, at: time.Now(),
		}, false)
		return
	}
	if s.host.archives() && nick == "" {
		s.archive(store.Archived{
			Chat: chat, Private: true, ID: s.newName(), Fresh: true, StanzaID: id, Beside: writeBeside([]payload{deed}), At: time.Now(),
		})
	}
}

// receiveComposing shows that somebody writes.
func (s *session) receiveComposing(e transport.ComposingChanged) {
	who, ok := s.speakerOf(e.Chat, e.Nick, e.Sender)
	if r := s.rooms[e.Chat]; !ok || r != nil && e.Nick == r.nick {
		return
	}
	state := stanza.Active
	switch e.Composing {
	case transport.IsComposing:
		state = stanza.Composing
	case transport.HasPaused:
		state = stanza.Paused
	}
	s.show(who, s.newID(), state, stanza.NoStore)
}

// resolveID finds what clients call a message, in memory or in the archive, and
// goes on. What nobody knows any more is called as the network does. Later
// events wait, so that people see everything in order.
func (s *session) resolveID(ctx context.Context, chat transport.Address, id transport.MessageID, then func(context.Context, spoken)) {
	if known, ok := s.called(chat, id); ok || !s.host.archives() || len(s.lookups.waiting) >= maxLookups {
		then(ctx, known)
		return
	}
	ref := reference{chat: chat, room: s.rooms[chat], id: string(id)}
	nick := ""
	if ref.room != nil {
		nick = ref.room.nick
	}
	s.resolving++
	found := func(ctx context.Context, known spoken) {
		s.resolving--
		then(ctx, known)
	}
	s.lookups.run(s, waitingErrand{
		errand: func(ctx context.Context) func(context.Context) {
			known, _, err := s.lookFor(ctx, ref, nick)
			if err != nil {
				s.log().Warn("a message is not looked up", "err", err)
			}
			return func(ctx context.Context) { found(ctx, known) }
		},
		failed: func(ctx context.Context) { found(ctx, spoken{}) },
	})
}

// receiveReaction shows all that somebody thinks of a message now (XEP-0444).
func (s *session) receiveReaction(ctx context.Context, e transport.Reaction) {
	e.To = s.whole(e.Chat, e.To)
	s.resolveID(ctx, e.Chat, e.To, func(_ context.Context, known spoken) {
		if e.Quoted != "" {
			s.send(s.reactionStanza(e, known, s.newID()))
			return
		}
		who, ok := s.speakerOf(e.Chat, e.Nick, e.Sender)
		if !ok {
			return
		}
		id := s.newID()
		if n, ok := readNote(e.Request); ok && n.id != "" {
			id = n.id
		}
		s.settleDoubt(e.Request, false)
		thinks := s.thinks(e, known)
		s.archiveDeed(e.Chat, e.Nick, who.occupant, id, thinks)
		s.show(who, id, thinks, stanza.Store)
	})
}

// thinks adds a reaction to those that there are.
func (s *session) thinks(e transport.Reaction, known spoken) stanza.Reactions {
	id := string(e.To)
	r := s.rooms[e.Chat]
	inRoom := r != nil && e.Nick != ""
	switch {
	case inRoom && known.shown != "":
		id = known.shown
	case !inRoom && known.callIt() != "":
		id = known.callIt()
	}
	key := thought{chat: e.Chat, id: id, nick: e.Nick}
	if inRoom && e.Nick == r.nick {
		key.nick, key.own = "", true
	}
	now := slices.DeleteFunc(slices.Clone(s.thoughts[key]), func(emoji string) bool { return slices.Contains(e.Remove, emoji) })
	for _, emoji := range e.Add {
		if !slices.Contains(now, emoji) {
			now = append(now, emoji)
		}
	}
	now = now[max(0, len(now)-stanza.MaxReactions):] // or one person could have it grow for ever
	s.thoughts.set(key, now)
	return stanza.Reactions{ID: id, Emoji: now}
}

// reactionStanza is a person's reaction. Where the network quotes what it is to,
// that is the newest message that begins so, or else the text that says it is
// shown.
func (s *session) reactionStanza(e transport.Reaction, known spoken, id string) stanza.Stanza {
	if e.Quoted != "" {
		begins, cut := strings.CutSuffix(strings.TrimSpace(e.Quoted), "…")
		gist := gistOf(begins)
		m := s.memory.find(func(m *spoken) bool {
			if m.chat != e.Chat {
				return false
			}
			text := gistOf(m.text)
			return text == gist || cut && strings.HasPrefix(text, gist)
		})
		if m == nil {
			return s.chatMessage(e.Instead, id)
		}
		known = *m
	}
	return stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(e.Chat), To: s.user, Type: stanza.Chat, ID: id},
		Payloads: []payload{s.thinks(e, known), stanza.Store},
	}
}

// gistOf is what is left of a text on any way: letters and digits. One that has
// none is as it is.
func gistOf(text string) string {
	gist := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
	if gist == "" {
		return strings.TrimSpace(text)
	}
	return gist
}

// receiveRetraction shows that a message was taken back: by its author
// (XEP-0424 §4), or by somebody else, which is for the room to say (XEP-0425 §4).
func (s *session) receiveRetraction(ctx context.Context, e transport.Retraction) {
	if n, ok := readNote(e.Request); ok && n.kind == noteAnew {
		return
	}
	e.ID = s.whole(e.Chat, e.ID)
	s.resolveID(ctx, e.Chat, e.ID, func(_ context.Context, known spoken) {
		r := s.rooms[e.Chat]
		inRoom := r != nil && e.By != ""
		who, ok := s.speakerOf(e.Chat, e.By, e.Sender)
		if !inRoom {
			who, ok = s.speakerOf(e.Chat, "", "")
		}
		if !ok {
			return
		}
		retraction := stanza.Retraction{ID: string(e.ID), Reason: e.Reason}
		switch {
		case !inRoom && known.callIt() != "":
			retraction.ID = known.callIt()
		case inRoom && !known.isBy(e.By, who.occupant, r):
			retraction.By = who.from.String()
			who = speaker{from: r.jid, typ: stanza.Groupchat, each: r.each}
		}
		id := s.newID()
		if n, ok := readNote(e.Request); ok && n.id != "" && n.kind != noteIQ {
			id = n.id
		}
		if inRoom {
			r.history.bury(string(e.ID))
			r.recent.bury(string(e.ID))
		}
		s.archiveDeed(e.Chat, e.By, who.occupant, id, retraction)
		s.show(who, id, retraction, stanza.Store)
	})
}

// isBy says that somebody in a room is who wrote a message: whatever their nick
// was then, and nobody else who has it now.
func (m spoken) isBy(nick string, occupant stanza.OccupantID, r *room) bool {
	switch {
	case m.own && m.occupant == "":
		return nick == r.nick
	case m.occupant != "" && occupant != "":
		return m.occupant == occupant
	}
	return m.nick == nick
}

// receiveCorrection shows another text for a message, of whoever wrote that
// (XEP-0308 §5). Anything else is a message like others.
func (s *session) receiveCorrection(ctx context.Context, e transport.MessageCorrected) {
	s.resolveID(ctx, e.Chat, e.Of, func(ctx context.Context, known spoken) {
		if id := known.stanzaID; id != "" && s.mayCorrect(e.Message, known) {
			s.receiveMessage(ctx, e.Message, stanza.Replace(id))
			return
		}
		s.receiveMessage(ctx, e.Message)
	})
}

func (s *session) mayCorrect(m transport.Message, known spoken) bool {
	if r := s.rooms[m.Chat]; r != nil && m.Nick != "" {
		return known.isBy(m.Nick, s.host.occupantID(m.Chat, m.Sender, m.Nick), r)
	}
	return !known.own
}
