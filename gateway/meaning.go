package gateway

import (
	"context"
	"strings"
	"unicode/utf8"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxID      = 1024
	actionMark = "/me "
)

// A place is where a message goes to.
type place struct {
	chat transport.Address
	nick string            // of one in a room, or the resource of a person
	room *room             // nil: a conversation with one person
	with transport.Address // the conversation; of a room, the room
	kind noteKind
	as   string // for whom the user speaks; empty: for themselves

	unkept  bool // with is no address that an archive could have
	console bool // nobody reads it, but a server
}

func (p place) reference(id string) reference { return reference{chat: p.with, room: p.room, id: id} }

// carries says what the chat can carry just now.
func (s *session) carries(p place) transport.Features {
	if p.console {
		return transport.CarriesActions
	}
	if c, ok := s.link.(transport.Carrier); ok {
		return c.Carries(p.chat)
	}
	return 0
}

// nickIn is what the user is called there.
func (s *session) nickIn(p place) string {
	if p.room != nil {
		return p.room.nick
	}
	return s.user.Local
}

// sendMeaning sends what a message means, or what the table of fallbacks has in
// place of it.
func (s *session) sendMeaning(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	if t := s.turns[p.with]; t != nil {
		s.standInLine(t, st, m, p)
		return
	}
	if m.Retracts == "" && !m.Reacts {
		m.Text = withFiles(m.Text, st)
	}
	if m.Subject != "" && p.room == nil && m.Retracts == "" && !m.Reacts {
		m.Text = insteadOf(aSubject, false, words{text: m.Text, what: m.Subject}).text
	}
	if m.Encrypted {
		s.refuse(st, *insteadOf(anEncryption, p.room != nil, words{}).refuse)
		return
	}
	if m.Text != "" || m.Reacts || m.Retracts != "" {
		if _, err := s.openLink(); err != nil {
			s.fail(st, err)
			return
		}
	}
	switch {
	case m.Retracts != "":
		s.sendRetraction(ctx, st, m, p)
	case m.Reacts:
		s.sendReactions(ctx, st, m, p)
	case m.Text != "" && m.Replaces != "":
		s.sendCorrection(ctx, st, m, p)
	case m.Text != "" && m.Reply.ID != "":
		s.sendReply(ctx, st, m, p)
	case m.Text != "":
		s.sendText(ctx, st, p, outgoing{text: m.Text})
	case m.State != "" || m.Displayed != "":
		s.sendPassing(ctx, m, p)
		s.sendMarker(ctx, st, m, p)
	case m.Unknown != "" && st.Type != stanza.Headline:
		s.refuse(st, *insteadOf(aPayload, p.room != nil, words{what: m.Unknown}).refuse)
	}
}

// An outgoing is a text with what it is beside that.
type outgoing struct {
	text    string
	reply   *transport.Reply
	extras  []payload           // that the user's own clients are shown
	shown   string              // the text that they are shown, where it is another
	changed bool                // which it is
	anew    string              // the id of the stanza that it is sent in place of
	takes   transport.MessageID // what that is on the network, and is taken back once this is there
	correct transport.MessageID
	replace bool // the message of that id is corrected

	request transport.Request
	name    string // that it has in its room where the network gives it none
}

// sendText sends a text, and shows it to the user's clients and the archive.
func (s *session) sendText(ctx context.Context, st *stanza.Received, p place, o outgoing) {
	text, as := o.text, ""
	if p.as != "" {
		if as, text = s.speakAs(p, o.text); !o.changed {
			o.changed, o.shown = true, o.text
		}
	} else if strings.HasPrefix(text, actionMark) {
		if !s.carries(p).Has(transport.CarriesActions) {
			text = insteadOf(anAction, p.room != nil, words{text: text, nick: s.nickIn(p)}).text
			if !o.changed {
				o.changed, o.shown = true, o.text
			}
		}
	}
	if len(s.unsaid) >= maxUnsaid {
		s.refuse(st, overloaded("the network has not shown your earlier messages yet"))
		return
	}
	if n := s.noteOf(st, p.kind); p.room != nil {
		o.request, o.name = n.naming()
	} else {
		o.request = n.request()
	}
	id, ok := s.deliver(ctx, st, o, transport.Message{
		Chat: p.chat, Nick: p.nick, As: as, Text: text, Origin: originOf(st), Request: o.request, ReplyTo: o.reply,
	})
	if !ok {
		return
	}
	if !o.changed {
		o.shown = text
	}
	if id == transport.Echoed {
		s.awaitEcho(st, p, o)
		return
	}
	s.takeBack(ctx, st, o, p)
	if p.room == nil {
		s.rememberSent(st, spoken{chat: p.with, id: id, text: o.shown, replaces: o.anew})
		if !p.unkept {
			s.archiveSent(p.with, st, o.shown, "", o.extras...)
		}
		return
	}
	s.reflect(p.room, st, o, id)
}

// deliver calls the network, and answers with an error if that fails. The id is
// the network's own.
func (s *session) deliver(ctx context.Context, st *stanza.Received, o outgoing, m transport.Message) (id transport.MessageID, ok bool) {
	link, err := s.openLink()
	if err == nil {
		err = s.host.attach(&m, st)
	}
	if err == nil {
		if c, can := link.(transport.Corrections); can && o.replace {
			id, err = c.Correct(ctx, o.correct, m)
		} else {
			id, err = link.Send(ctx, m)
		}
	}
	if err != nil {
		s.fail(st, err)
		return "", false
	}
	return foreign(id), true
}

// namedThere gives what the network calls a message that a client calls by an
// id. In a room that is the same, unless we gave it a name because it has none.
func (s *session) namedThere(known spoken, p place, id string) transport.MessageID {
	if known.id == "" && known.stanzaID == "" && p.room != nil && !strings.HasPrefix(id, ownNames) {
		return transport.MessageID(id)
	}
	return known.id
}

// sendReply sends a text that answers another (XEP-0461).
func (s *session) sendReply(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	s.about(ctx, st, p.reference(m.Reply.ID), false, func(ctx context.Context, known spoken, _ transport.Preference) {
		w := words{text: m.Text, whose: whoseOf(known, m.Reply.To), own: known.own, about: known.text}
		if w.about == "" {
			w.about = unquoted(m.Quoted)
		}
		if p.room != nil && w.whose == p.room.nick {
			w.own = true
		}
		p.whoseFor(&w, m)
		o := outgoing{text: m.Text, extras: []payload{m.Reply}}
		if s.carries(p).Has(transport.CarriesReplies) {
			if id := s.namedThere(known, p, m.Reply.ID); id != "" {
				o.reply = &transport.Reply{ID: id, Nick: w.whose, Text: w.about}
				s.sendText(ctx, st, p, o)
				return
			}
		}
		o.text, o.shown, o.changed = insteadOf(aReply, p.room != nil, w).text, m.Text, true
		s.sendText(ctx, st, p, o)
	})
}

// sendCorrection sends another text in place of one (XEP-0308).
func (s *session) sendCorrection(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	ref := p.reference(m.Replaces)
	ref.own = true
	carried := s.carries(p).Has(transport.CarriesCorrections)
	s.about(ctx, st, ref, !carried, func(ctx context.Context, known spoken, wish transport.Preference) {
		o := outgoing{text: m.Text, extras: []payload{stanza.Replace(m.Replaces)}, shown: m.Text, changed: true}
		if carried && known.id != "" {
			o.correct, o.replace = known.id, true
			s.sendText(ctx, st, p, o)
			return
		}
		instead := insteadOf(aCorrection, p.room != nil, words{text: m.Text, about: known.text, wish: wish})
		if wish.Corrections == transport.CorrectByRepeat && s.canTakeBack(known, p) {
			instead.text, o.anew, o.takes = m.Text, m.Replaces, known.id
		}
		switch {
		case instead.refuse != nil:
			s.refuse(st, *instead.refuse)
		case instead.text != "":
			o.text = instead.text
			s.sendText(ctx, st, p, o)
		case p.room != nil:
			s.reflect(p.room, st, o, "")
		}
		if at := s.memory.find(ref.fits); at != nil && instead.refuse == nil {
			at.text = m.Text // which the next correction is of
		}
	})
}

// canTakeBack says that a message can be taken back and sent anew.
func (s *session) canTakeBack(known spoken, p place) bool {
	_, ok := s.link.(transport.Retractions)
	return ok && known.id != "" && s.carries(p).Has(transport.CarriesRetractions)
}

// takeBack takes back the message in whose place another one was sent, now that
// the network has that: were it refused, nothing would be left. Nobody is told,
// as the user's own clients know it as a correction.
func (s *session) takeBack(ctx context.Context, st *stanza.Received, o outgoing, p place) {
	r, ok := s.link.(transport.Retractions)
	if !ok || o.takes == "" {
		return
	}
	err := r.Retract(ctx, transport.Retraction{
		Chat: p.chat, Nick: p.nick, ID: o.takes, Request: s.noteOf(st, noteAnew).request(),
	})
	if err != nil {
		s.log().Info("a message that was corrected is still there", "err", err)
		return
	}
	s.retractParts(ctx, r, st, p, o.takes)
}

// sendRetraction takes back a message of the user's (XEP-0424).
func (s *session) sendRetraction(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	r, ok := s.link.(transport.Retractions)
	if !ok || !s.carries(p).Has(transport.CarriesRetractions) {
		s.refuse(st, *insteadOf(aRetraction, p.room != nil, words{}).refuse)
		return
	}
	s.about(ctx, st, p.reference(m.Retracts), false, func(ctx context.Context, known spoken, _ transport.Preference) {
		id := s.namedThere(known, p, m.Retracts)
		if p.room == nil && known.stanzaID != "" && !known.own { // in a room there are moderators
			s.refuse(st, stanza.Error{Class: stanza.Auth, Condition: stanza.Forbidden, Text: "Only whoever wrote a message can take it back."})
			return
		}
		if id == "" {
			s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "The message is not known any more."})
			return
		}
		request := s.noteOf(st, p.kind).request()
		err := r.Retract(ctx, transport.Retraction{Chat: p.chat, Nick: p.nick, ID: id, Request: request})
		if err != nil {
			s.fail(st, err)
			return
		}
		s.retractParts(ctx, r, st, p, id)
		s.doubts(doubt{request: request, keep: func() { s.archiveOwnDeed(st, p, stanza.Retraction{ID: m.Retracts}) }})
	})
}

// archiveOwnDeed keeps what the user did to a message in a conversation. A room
// shows it, and then it is kept.
func (s *session) archiveOwnDeed(st *stanza.Received, p place, deed payload) {
	if p.room == nil && !p.unkept {
		s.archiveSent(p.with, st, "", "", deed)
	}
}

// sendPassing sends what means nothing a moment later: where it can't be
// carried, or fails, nobody is told.
func (s *session) sendPassing(ctx context.Context, m stanza.Meaning, p place) {
	if s.link == nil {
		return
	}
	features := s.carries(p)
	if c, ok := s.link.(transport.ChatStates); ok && m.State != "" && features.Has(transport.CarriesChatStates) {
		composing := transport.NotComposing
		switch m.State {
		case stanza.Composing:
			composing = transport.IsComposing
		case stanza.Paused:
			composing = transport.HasPaused
		}
		if err := c.SetComposing(ctx, p.chat, p.nick, composing); err != nil {
			s.log().Debug("a chat state was not sent", "err", err)
		}
	}
}

// quotation is the fallback of a reply: what it answers, as a quotation before
// the text (XEP-0461 §3.1).
func quotation(about, text string) (body string, fallback stanza.Fallback) {
	var b strings.Builder
	for line := range strings.Lines(about) {
		b.WriteString("> " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String() + text, stanza.Fallback{For: stanza.RepliesNamespace, End: utf8.RuneCountInString(b.String())}
}

// sendModeration takes back somebody else's message (XEP-0425 §4). The network
// says who may.
func (s *session) sendModeration(ctx context.Context, st *stanza.Received) (taken bool) {
	id, reason, ok := stanza.ReadModeration(st.Payload())
	t, err := s.host.target(st.To)
	r := s.roomOf(st, t.address)
	link, can := s.link.(transport.Retractions)
	switch {
	case err != nil:
		s.fail(st, err)
	case !ok:
		s.refuse(st, badRequest("only retractions are done to others' messages, and their id is needed"))
	case t.kind != toRoom || r == nil:
		s.refuse(st, notJoined("you are not in this room"))
	case !can || !s.carries(place{chat: t.address, room: r}).Has(transport.CarriesModeration):
		s.refuse(st, *insteadOf(aModeration, true, words{}).refuse)
	case foreign(transport.MessageID(id)) == "":
		s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.ItemNotFound, Text: "The network has no name for this message."})
	default:
		request, kept := s.keepIQ(st, 1, nil)
		if !kept {
			return true
		}
		err := link.Retract(ctx, transport.Retraction{Chat: t.address, ID: transport.MessageID(id), Reason: reason, Request: request})
		if err != nil {
			s.answerKept(request, nil, err)
		}
	}
	return true
}
