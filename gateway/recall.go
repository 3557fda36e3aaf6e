package gateway

import (
	"context"
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	maxSpoken  = 128  // messages that a session remembers
	maxLookFar = 200  // of the archive's last ones that are looked at
	maxAbout   = 2000 // bytes that are kept of a text
)

// spoken is a message that others may be about: what each side calls it.
type spoken struct {
	chat     transport.Address
	id       transport.MessageID // the network's; empty: it has none, or none yet
	stanzaID string              // the id of the stanza
	origin   string              // XEP-0359 §3.2; may be empty
	shown    string              // the stanza-id (XEP-0359 §3.1); may be empty
	nick     string              // in a room: who said it
	own      bool
	text     string
	replaces string            // the id of the stanza that it corrects
	occupant stanza.OccupantID // in a room: of who said it; may be empty
	at       time.Time         // when it was said; zero for the user's own
}

// callIt gives the id that clients know a message in a conversation by
// (XEP-0444 §5.2; XEP-0424 has the same rule).
func (m spoken) callIt() string {
	if m.origin != "" {
		return m.origin
	}
	return m.stanzaID
}

// ownNames begins the names that we give to messages which have none on their
// network. No name from there does: else whoever makes those could have one
// message taken for another.
const ownNames = "gw:"

func (s *session) newName() string { return ownNames + s.newID() }

// foreign gives the network's name for a message; one that looks like ours is
// none.
func foreign(id transport.MessageID) transport.MessageID {
	if strings.HasPrefix(string(id), ownNames) {
		return ""
	}
	return id
}

// A memory is the last messages that the user sent or got in conversations, and
// sent to rooms. What others say in rooms is in the room's history, or in the
// archive.
type memory struct {
	all  []spoken
	next int // the oldest, once there are maxSpoken

	parts []part // oldest first
}

func (m *memory) add(s spoken) {
	if len(s.text) > maxAbout {
		// What is left out is not to stay in memory behind what is kept.
		s.text = strings.Clone(strings.ToValidUTF8(s.text[:maxAbout], ""))
		s.stanzaID, s.origin = strings.Clone(s.stanzaID), strings.Clone(s.origin)
	}
	if len(m.all) < maxSpoken {
		m.all = append(m.all, s)
		return
	}
	m.all[m.next] = s
	m.next = (m.next + 1) % maxSpoken
}

// find gives the newest that fits, or nil.
func (m *memory) find(fits func(*spoken) bool) *spoken {
	for i := range m.all {
		at := (m.next - 1 - i + 2*len(m.all)) % len(m.all)
		if s := &m.all[at]; fits(s) {
			return s
		}
	}
	return nil
}

// A reference is how a stanza names another.
type reference struct {
	chat transport.Address
	room *room  // nil: a conversation
	id   string // a stanza-id in a room (XEP-0461 §4.1), else the sender's own id
	own  bool   // it is the id of a stanza of the user's, in a room too (XEP-0308 §3)
}

func (r reference) fits(m *spoken) bool {
	switch {
	case m.chat != r.chat || r.id == "":
		return false
	case r.own:
		return m.own && (m.stanzaID == r.id || m.origin == r.id)
	case r.room != nil:
		return m.shown == r.id
	}
	return m.stanzaID == r.id || m.origin == r.id || m.shown == r.id
}

// recall finds a message in memory.
func (s *session) recall(ref reference) (spoken, bool) {
	if m := s.memory.find(ref.fits); m != nil {
		return *m, true
	}
	if ref.room == nil || ref.own {
		return spoken{}, false
	}
	for _, h := range []history{ref.room.history, ref.room.recent} {
		for _, m := range h.said {
			if m.stanzaID == ref.id {
				return s.saidBefore(ref.room, m), true
			}
		}
	}
	return spoken{}, false
}

func (s *session) saidBefore(r *room, m said) spoken {
	known := spoken{
		chat: r.address, stanzaID: m.id, origin: m.origin, shown: m.stanzaID, nick: m.nick, text: m.text,
		own: m.nick == r.nick, occupant: m.occupant, at: m.at,
	}
	if !m.fresh {
		known.id = foreign(transport.MessageID(m.stanzaID))
	}
	return known
}

// lookFor finds a message in the archive. It waits for the disk.
func (s *session) lookFor(ctx context.Context, ref reference, nick string) (found spoken, ok bool, err error) {
	if !s.host.archives() || ref.id == "" {
		return spoken{}, false, nil
	}
	q := store.ArchiveQuery{Component: s.host.Domain, User: s.bare, Chat: ref.chat, Max: 1, IDs: []string{ref.id}}
	if ref.room == nil || ref.own {
		q.IDs, q.Max, q.Last = nil, maxLookFar, true
		if ref.room != nil {
			q.Nick = nick
		}
	}
	var page store.ArchivePage
	err = inTurn(ctx, s.host.readers, func() (err error) {
		page, err = s.host.gateway.Store.Archive().Page(ctx, q)
		return err
	})
	if err == store.ErrNotArchived {
		return spoken{}, false, nil
	}
	for i := len(page.Messages) - 1; i >= 0; i-- {
		a := page.Messages[i]
		m := spoken{
			chat: a.Chat, id: foreign(transport.MessageID(a.ID)), stanzaID: a.StanzaID, origin: a.Origin, shown: a.ID, nick: a.Nick,
			own: a.Sent || nick != "" && a.Nick == nick, text: a.Text, occupant: stanza.OccupantID(a.Occupant), at: a.At,
		}
		if ref.fits(&m) {
			return m, true, nil
		}
	}
	return spoken{}, false, err
}

// about finds the message that a stanza is about, and what the user wishes to
// be sent for what can't be carried where that matters, and goes on. What is
// not in memory is read aside, and what is sent there meanwhile waits.
func (s *session) about(ctx context.Context, st *stanza.Received, ref reference, wishes bool, then func(context.Context, spoken, transport.Preference)) {
	known, ok := s.recall(ref)
	preferring, prefers := s.host.Network.(transport.Preferring)
	prefers = prefers && wishes
	if (ok || !s.host.archives()) && !prefers {
		then(ctx, known, transport.Preference{})
		return
	}
	nick := ""
	if ref.room != nil {
		nick = ref.room.nick
	}
	begun := s.aside(st, func(ctx context.Context) func(context.Context) {
		var wish transport.Preference
		var err error
		if prefers {
			wish, err = preferring.Preference(s.bare, ref.chat)
		}
		if err == nil && !ok {
			known, _, err = s.lookFor(ctx, ref, nick)
		}
		return func(ctx context.Context) {
			if err != nil {
				s.fail(st, err)
				return
			}
			then(ctx, known, wish)
		}
	})
	if begun {
		s.takesTurn(st, ref.chat)
	}
}

// rememberSent keeps what was sent.
func (s *session) rememberSent(st *stanza.Received, m spoken) {
	m.own, m.stanzaID, m.origin = true, st.ID, st.ReadOriginID()
	s.memory.add(m)
}

// named learns what the network calls a message of the user's.
func (s *session) named(n note, id transport.MessageID) {
	if id == "" || n.id == "" {
		return
	}
	m := s.memory.find(func(m *spoken) bool { return m.own && m.id == "" && m.stanzaID == n.id })
	switch {
	case m == nil:
		m = s.memory.find(func(m *spoken) bool { return m.own && m.stanzaID == n.id && s.host.addressed(m.chat, n) })
		if m != nil && s.rooms[m.chat] == nil {
			s.addPart(m.chat, n, id, false)
		}
	case s.host.addressed(m.chat, n):
		m.id = id
		s.inPlace(*m)
	}
}

// inPlace learns that the message which a correction is of is another one on
// the network now.
func (s *session) inPlace(m spoken) {
	if m.replaces == "" || m.id == "" {
		return
	}
	was := s.memory.find(func(w *spoken) bool { return w.own && w.chat == m.chat && w.stanzaID == m.replaces })
	if was != nil {
		was.id = m.id
	}
}

// addressed says that the note is of a message to the chat.
func (h *host) addressed(chat transport.Address, n note) bool { return h.at(chat).Local == n.chat }

// called finds a message by what the network calls it.
func (s *session) called(chat transport.Address, id transport.MessageID) (spoken, bool) {
	if id == "" {
		return spoken{}, false
	}
	id = s.whole(chat, id)
	if m := s.memory.find(func(m *spoken) bool { return m.chat == chat && m.id == id }); m != nil {
		return *m, true
	}
	if r := s.rooms[chat]; r != nil {
		return s.recall(reference{chat: chat, room: r, id: string(id)})
	}
	return spoken{}, false
}

// whoseOf gives the nick of whose message it is in a room.
func whoseOf(m spoken, to string) string {
	if m.nick != "" {
		return m.nick
	}
	if j, err := jid.ParsePrepared(to); err == nil {
		return j.Resource
	}
	return ""
}

// unquoted takes a quotation apart that a client made as a fallback: lines that
// a ">" leads, the first of which may say who wrote them.
func unquoted(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line, is := strings.CutPrefix(strings.TrimRight(line, "\r\n"), ">")
		if is && !strings.HasPrefix(line, ">") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) > 1 && strings.HasSuffix(lines[0], ":") {
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}
