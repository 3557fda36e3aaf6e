package gateway

import (
	"context"
	"slices"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	reactionSpan = 24 * time.Hour // how far before a reaction the one before it is looked for
	maxPastDeeds = 50             // of one answer, for which the archive is asked
)

// A deeds makes what was done to messages into what the archive has of it: all
// that somebody thinks of a message, and whose it was that was taken back.
type deeds struct {
	s       *session
	chat    transport.Address
	room    bool
	said    map[transport.MessageID]transport.Message // in the same answer
	thought map[thought][]string
	asked   int
}

// of gives what an item is beside a text, and what tells it from others of the
// same time. Any is false for an item that is no deed.
func (d *deeds) of(ctx context.Context, item transport.HistoryItem) (nick, sender, what string, beside payload, any bool) {
	switch e := item.Event.(type) {
	case transport.MessageReacted:
		now := d.thinks(ctx, item, e.Reaction)
		what = "reacts " + string(e.To)
		for _, emoji := range slices.Concat(e.Add, []string{""}, e.Remove) {
			what += " " + emoji
		}
		return e.Nick, e.Sender, what, now, true
	case transport.MessageRetracted:
		r := stanza.Retraction{ID: d.calls(ctx, e.ID), Reason: e.Reason}
		if author := d.author(ctx, e.ID); d.room && author != e.By {
			r.By = d.s.at(d.chat).WithResource(e.By).String()
		}
		return e.By, e.Sender, "retracts " + string(e.ID), r, true
	case transport.SubjectChanged:
		return e.By, e.Sender, "subject " + e.Text, roomSubject(e.Text), d.room
	}
	return "", "", "", nil, false
}

// calls gives the id that clients know a message by.
func (d *deeds) calls(ctx context.Context, id transport.MessageID) string {
	if _, here := d.said[id]; !here && !d.room {
		if m, ok := d.find(ctx, id); ok && (m.Origin != "" || m.StanzaID != "") {
			return spoken{origin: m.Origin, stanzaID: m.StanzaID}.callIt()
		}
	}
	return string(id)
}

// author gives the nick of whose message it is in a room, where that is known.
func (d *deeds) author(ctx context.Context, id transport.MessageID) string {
	if m, here := d.said[id]; here {
		return m.Nick
	}
	m, _ := d.find(ctx, id)
	return m.Nick
}

func (d *deeds) find(ctx context.Context, id transport.MessageID) (m store.Archived, ok bool) {
	page := d.look(ctx, store.ArchiveQuery{IDs: []string{string(id)}, Max: 1})
	if len(page) == 0 {
		return m, false
	}
	return page[0], true
}

// look reads the archive, but not for ever.
func (d *deeds) look(ctx context.Context, q store.ArchiveQuery) []store.Archived {
	if d.asked++; d.asked > maxPastDeeds || !d.s.host.archives() {
		return nil
	}
	q.Component, q.User, q.Chat = d.s.host.Domain, d.s.bare, d.chat
	page, err := d.s.localPage(ctx, q)
	if err != nil {
		return nil
	}
	return page.Messages
}

// thinks adds to what somebody thought of a message before (XEP-0444 §3.2).
func (d *deeds) thinks(ctx context.Context, item transport.HistoryItem, e transport.Reaction) stanza.Reactions {
	r := stanza.Reactions{ID: d.calls(ctx, e.To)}
	key := thought{chat: d.chat, id: r.ID, nick: e.Nick, own: item.Own}
	now, known := d.thought[key]
	if !known {
		now = d.thoughtBefore(ctx, key, item.At)
	}
	now = slices.DeleteFunc(slices.Clone(now), func(emoji string) bool { return slices.Contains(e.Remove, emoji) })
	for _, emoji := range e.Add {
		if !slices.Contains(now, emoji) {
			now = append(now, emoji)
		}
	}
	r.Emoji = now[max(0, len(now)-stanza.MaxReactions):]
	d.thought[key] = r.Emoji
	return r
}

func (d *deeds) thoughtBefore(ctx context.Context, key thought, at time.Time) []string {
	page := d.look(ctx, store.ArchiveQuery{Nick: key.nick, Start: at.Add(-reactionSpan), End: at.Add(-time.Microsecond), Max: archivePage, Last: true})
	for _, m := range slices.Backward(page) {
		if m.Beside == "" || m.Sent != key.own && !d.room {
			continue
		}
		for _, p := range readBeside(m.Beside) {
			if r, is := p.(stanza.Reactions); is && r.ID == key.id {
				return r.Emoji
			}
		}
	}
	return nil
}

// sameDeed says that two deeds without a name of their own are one.
func sameDeed(a, b store.Archived) bool {
	if a.Beside == "" || b.Beside == "" {
		return false
	}
	x, y := readBeside(a.Beside), readBeside(b.Beside)
	if len(x) != 1 || len(y) != 1 {
		return false
	}
	switch x := x[0].(type) {
	case stanza.Reactions:
		y, is := y[0].(stanza.Reactions)
		return is && x.ID == y.ID
	case stanza.Retraction:
		y, is := y[0].(stanza.Retraction)
		return is && x.ID == y.ID
	case roomSubject:
		y, is := y[0].(roomSubject)
		return is && x == y
	}
	return false
}

// isSubject says that a message is only a subject: in a room's past, clients
// would take it for what the subject is now.
func isSubject(m store.Archived) bool {
	if m.Text != "" || m.Beside == "" {
		return false
	}
	for _, p := range readBeside(m.Beside) {
		if _, is := p.(roomSubject); is {
			return true
		}
	}
	return false
}

// archiveSubject keeps a new subject (XEP-0045 §8.1). One that was only found at
// the join is none.
func (s *session) archiveSubject(r *room, subject transport.Subject) {
	if subject.By == "" || subject.At.IsZero() || time.Since(subject.At) > lateAfter {
		return
	}
	id := s.newName()
	s.archiveSaid(r, said{
		nick: subject.By, occupant: s.host.occupantID(r.address, subject.Sender, subject.By), id: id, stanzaID: id, fresh: true,
		extras: []payload{roomSubject(subject.Text)}, at: time.Now(),
	}, false)
}

// learnThought keeps what somebody thinks of a message, which they may change.
func (s *session) learnThought(r *room, kept store.Archived) {
	for _, p := range readBeside(kept.Beside) {
		if reacts, is := p.(stanza.Reactions); is {
			key := thought{chat: r.address, id: reacts.ID, nick: kept.Nick}
			if kept.Nick == r.nick {
				key.nick, key.own = "", true
			}
			s.thoughts.set(key, reacts.Emoji)
		}
	}
}

// A roomSubject is a subject that was set.
type roomSubject string

// WriteXML implements wire.Payload.
func (r roomSubject) WriteXML(w *wire.Writer) { stanza.Subject(string(r)).WriteXML(w) }
