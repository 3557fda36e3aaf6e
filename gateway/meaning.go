package gateway

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxThoughts = 256 // messages whose reactions a session remembers, each way
	maxReaction = 200 // bytes of one
	maxID       = 1024
	actionMark  = "/me "
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
	case m.Unknown != "" && st.Type != stanza.Headline:
		s.refuse(st, *insteadOf(aPayload, p.room != nil, words{what: m.Unknown}).refuse)
	}
}

// An outgoing is a text with what it is beside that.
type outgoing struct {
	text    string
	reply   *transport.Reply
	extras  []payload // that the user's own clients are shown
	shown   string    // the text that they are shown, where it is another
	changed bool      // which it is
	anew    string    // the id of the stanza that it is sent in place of
	correct transport.MessageID
	replace bool // the message of that id is corrected
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
	id, ok := s.deliver(ctx, st, o, transport.Message{
		Chat: p.chat, Nick: p.nick, As: as, Text: text, Origin: originOf(st), Request: s.noteOf(st, p.kind).request(), ReplyTo: o.reply,
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
	return id, true
}

// namedThere gives what the network calls a message that a client calls by an
// id. In a room that is the same, unless we gave it a name because it has none.
func (s *session) namedThere(known spoken, p place, id string) transport.MessageID {
	if known.id == "" && known.stanzaID == "" && p.room != nil {
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
		if wish.Corrections == transport.CorrectByRepeat && s.takeBack(ctx, st, known, p) {
			instead.text, o.anew = m.Text, m.Replaces
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

// takeBack takes back a message that is sent anew. Nobody is told of that: the
// user's own clients know it as a correction.
func (s *session) takeBack(ctx context.Context, st *stanza.Received, known spoken, p place) bool {
	r, ok := s.link.(transport.Retractions)
	if !ok || known.id == "" || !s.carries(p).Has(transport.CarriesRetractions) {
		return false
	}
	return r.Retract(ctx, transport.Retraction{
		Chat: p.chat, Nick: p.nick, ID: known.id, Request: s.noteOf(st, noteAnew).request(),
	}) == nil
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
		err := r.Retract(ctx, transport.Retraction{
			Chat: p.chat, Nick: p.nick, ID: id, Request: s.noteOf(st, p.kind).request(),
		})
		if err != nil {
			s.fail(st, err)
			return
		}
		s.archiveOwnDeed(st, p, stanza.Retraction{ID: m.Retracts})
	})
}

// archiveOwnDeed keeps what the user did to a message in a conversation. A room
// shows it, and then it is kept.
func (s *session) archiveOwnDeed(st *stanza.Received, p place, deed payload) {
	if p.room == nil && !p.unkept {
		s.archiveSent(p.with, st, "", "", deed)
	}
}

// A thought is what somebody thinks of a message.
type thought struct {
	chat transport.Address
	id   string // as clients call it
	nick string // in a room: whose
	own  bool
}

// thoughts are the reactions that a session knows of.
type thoughts map[thought][]string

func (t thoughts) set(key thought, emoji []string) {
	if len(emoji) == 0 {
		delete(t, key)
		return
	}
	if _, ok := t[key]; !ok && len(t) >= maxThoughts {
		for other := range t { // any one: what is forgotten is only not taken back
			delete(t, other)
			break
		}
	}
	// A part of a stanza would keep all of it.
	key.id, key.nick = strings.Clone(key.id), strings.Clone(key.nick)
	kept := make([]string, len(emoji))
	for i, e := range emoji {
		kept[i] = strings.Clone(e)
	}
	t[key] = kept
}

// sendReactions sends what has changed in what the user thinks of a message
// (XEP-0444 §4.2: a client sends all of it).
func (s *session) sendReactions(ctx context.Context, st *stanza.Received, m stanza.Meaning, p place) {
	if len(m.Reactions.ID) > maxID || slices.ContainsFunc(m.Reactions.Emoji, func(e string) bool { return len(e) > maxReaction }) {
		s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: "A reaction is an emoji; this is too long to be one."})
		return
	}
	features := s.carries(p)
	r, ok := s.link.(transport.Reactions)
	carried := ok && features.Has(transport.CarriesReactions)
	s.about(ctx, st, p.reference(m.Reactions.ID), !carried, func(ctx context.Context, known spoken, wish transport.Preference) {
		key := thought{chat: p.with, id: m.Reactions.ID, nick: strings.ReplaceAll(p.as, "\u200b", ""), own: true}
		w := words{wish: wish, whose: known.nick, own: known.own, about: known.text}
		w.add, w.remove = changes(s.thoughts[key], m.Reactions.Emoji)
		id := s.namedThere(known, p, m.Reactions.ID)
		if carried && id != "" {
			add, remove := s.thoughts.unshared(key, w.add, w.remove)
			if len(add)+len(remove) == 0 {
				s.thoughts.set(key, m.Reactions.Emoji)
				return
			}
			request := s.noteOf(st, p.kind).request()
			err := r.React(ctx, transport.Reaction{
				Chat: p.chat, Nick: p.nick, To: id, Add: add, Remove: remove, Request: request,
			})
			if err != nil {
				s.fail(st, err)
				return
			}
			s.doubt = doubt{request, key, s.thoughts[key]}
			s.thoughts.set(key, m.Reactions.Emoji)
			s.archiveOwnDeed(st, p, m.Reactions)
			return
		}
		instead := insteadOf(aReaction, p.room != nil, w)
		if instead.refuse != nil {
			s.refuse(st, *instead.refuse)
			return
		}
		s.thoughts.set(key, m.Reactions.Emoji)
		if instead.text != "" {
			s.sendText(ctx, st, p, outgoing{text: instead.text, extras: []payload{m.Reactions, stanza.Store}, changed: true})
		}
	})
}

// A doubt is what the user thought before they thought what the network may
// still refuse.
type doubt struct {
	request transport.Request
	key     thought
	was     []string
}

// unthink takes back a reaction that was refused (XEP-0444 §4.3).
func (s *session) unthink(r transport.Request) {
	if s.doubt.request == r && r != "" {
		s.thoughts.set(s.doubt.key, s.doubt.was)
		s.doubt = doubt{}
	}
}

// changes says what is new in a set, and what is not in it any more.
func changes(was, is []string) (add, remove []string) {
	for _, emoji := range is {
		if !slices.Contains(was, emoji) {
			add = append(add, emoji)
		}
	}
	for _, emoji := range was {
		if !slices.Contains(is, emoji) {
			remove = append(remove, emoji)
		}
	}
	return add, remove
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
			s.log.Debug("a chat state was not sent", "err", err)
		}
	}
	if k, ok := s.link.(transport.Markers); ok && m.Displayed != "" && features.Has(transport.CarriesMarkers) {
		known, ok := s.recall(p.reference(m.Displayed))
		if id := known.id; ok && id != "" {
			if err := k.MarkDisplayed(ctx, p.chat, id); err != nil {
				s.log.Debug("a marker was not sent", "err", err)
			}
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
