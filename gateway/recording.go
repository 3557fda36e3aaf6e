package gateway

import (
	"context"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	lookAtOnce = 2    // lookups of all users together
	maxRecords = 1024 // conversations of one user that are known
	maxLookups = 2 * maxRooms
	maxUnsure  = 100  // messages of one that wait until it is known whether they are kept
	maxPast    = 1000 // messages that a room shows at a join
)

// A recorder knows what of a user's conversations is kept, and asks the disk
// for it without making the session wait. The session's goroutine owns it.
type recorder struct {
	bare      string // the user
	records   map[transport.Address]*record
	version   int // of the user's settings
	lookups   errands
	reads     errands         // what clients ask of archives
	held      transport.Event // what waits for a lookup; all later events do, too
	resolving int             // lookups of what clients call a message
	pressure
}

// A record says what is kept of one conversation.
type record struct {
	transport.Record
	known, asked bool
	unsure       []store.Archived
}

func newRecorder(user string) recorder {
	return recorder{bare: user, records: map[transport.Address]*record{}}
}

// archives says that there is an archive of the network's conversations.
func (h *host) archives() bool { return h.recording != nil }

// takeEvent receives an event, or holds it until what it needs to know of the
// archive is known. So people see everything in order, and only the link of
// this user waits.
func (s *session) takeEvent(ctx context.Context, e transport.Event) {
	if s.mustWait(e) {
		s.held = e
		return
	}
	s.receiveEvent(ctx, e)
}

func (s *session) mustWait(e transport.Event) bool {
	if !s.host.archives() {
		return false
	}
	if s.resolving > 0 {
		return true
	}
	switch e := e.(type) {
	case transport.RoomJoined:
		r := s.rooms[e.Room]
		return r != nil && (!s.recordOf(e.Room).known || r.isLooking())
	case transport.MessageReceived:
		return e.Nick == "" && !s.recordOf(e.Chat).known
	}
	return false
}

// lookUp has the disk asked.
func (s *session) lookUp(e errand) {
	s.lookups.run(s, waitingErrand{errand: e, failed: s.lookedInVain})
}

// lookedUp goes on with what was held.
func (s *session) lookedUp(ctx context.Context) {
	s.signs.give(inboxFilled) // what is stored may wait for it, too
	if e := s.held; e != nil {
		s.held = nil
		s.takeEvent(ctx, e)
	}
}

// lookedInVain is the end of a lookup that failed: nobody waits any more.
func (s *session) lookedInVain(context.Context) {
	for _, r := range s.rooms {
		for _, l := range r.listeners.all() {
			l.looking = false
		}
	}
	for _, rec := range s.records {
		if !rec.known {
			*rec = record{known: true}
		}
	}
}

// recordOf gives the record of a conversation, and asks for it if need be.
func (s *session) recordOf(a transport.Address) *record {
	rec := s.records[a]
	if rec == nil {
		s.forgetRecord()
		rec = &record{}
		s.records[a] = rec
	}
	if !rec.known && !rec.asked {
		rec.asked = true
		version := s.version
		s.lookUp(func(context.Context) func(context.Context) {
			found := s.host.recordOf(s.bare, a)
			return func(context.Context) { s.learnRecord(a, found, version) }
		})
	}
	return rec
}

// forgetRecord makes place for another.
func (s *session) forgetRecord() {
	if len(s.records) < maxRecords {
		return
	}
	for a, rec := range s.records {
		if rec.known && s.rooms[a] == nil { // any one: it is asked for again
			delete(s.records, a)
			return
		}
	}
}

// recordsChanged tells that the user set something. What is kept is asked again
// when it matters.
func (s *session) recordsChanged() {
	s.version++
	for _, rec := range s.records {
		rec.known = false
	}
}

// learnRecord is what a lookup ends in. One that began before the user changed
// something is made again.
func (s *session) learnRecord(a transport.Address, found transport.Record, version int) {
	rec := s.records[a]
	if rec == nil {
		rec = &record{}
		s.records[a] = rec
	}
	if version != s.version {
		rec.asked = false
		s.recordOf(a)
		return
	}
	unsure := rec.unsure
	*rec = record{Record: found, known: true}
	for _, m := range unsure {
		s.archive(m)
	}
}

// recordOf asks the network. Where it can't say, nothing is kept.
func (h *host) recordOf(user string, a transport.Address) transport.Record {
	if _, kind, err := h.Network.Resolve(string(a)); err != nil || kind == transport.Server {
		return transport.Record{}
	}
	found, err := h.recording.Records(user, a)
	if err != nil {
		h.log.Error("what is kept of a conversation can't be read; nothing is", "user", user, "err", err)
		return transport.Record{}
	}
	return found
}

// archive keeps a message, if the user wants that.
func (s *session) archive(m store.Archived) {
	if !s.host.archives() {
		return
	}
	m.Component, m.User, m.Retracts = s.host.Domain, s.bare, retractsIn(m.Beside)
	switch rec := s.recordOf(m.Chat); {
	case rec.known && rec.Keep:
		s.awaitRoom(s.host.gateway.Store.Archive().Add(m))
	case !rec.known && len(rec.unsure) < maxUnsure:
		rec.unsure = append(rec.unsure, m)
	case !rec.known:
		s.log().Warn("a message is not kept: the disk does not say whether it should be")
	}
}

// archiveSaid keeps what was said in a room. One that came late is put where
// its time says.
func (s *session) archiveSaid(r *room, m said, late bool) {
	at := m.at
	if !late {
		at = time.Now()
	}
	s.archive(store.Archived{
		Chat: r.address, ID: m.stanzaID, Fresh: m.fresh, StanzaID: m.id, Origin: m.origin, Nick: m.nick,
		Occupant: string(m.occupant), Text: m.text, File: writeFile(m.file), Beside: writeBeside(m.extras), At: at, Late: late,
	})
}

// rememberSaid keeps a message for the clients that come later.
func (s *session) rememberSaid(r *room, m said, late bool) {
	r.hear(m.at)
	if !s.host.archives() {
		r.history.add(m)
		return
	}
	s.archiveSaid(r, m, late)
	if !r.anyWaiting() {
		r.recent = history{}
	} else if s.recordOf(r.address).Keep {
		r.recent.add(m)
	}
}

// archiveSent keeps what the user said to a person. Where their address is not
// known there is no conversation to add it to.
func (s *session) archiveSent(to transport.Address, st *stanza.Received, text string, id transport.MessageID, extras ...payload) {
	if !s.host.archives() || to == "" {
		return
	}
	kept := store.Archived{
		Chat: to, Private: true, Sent: true, ID: string(id), StanzaID: st.ID, Origin: st.ReadOriginID(),
		Text: text, File: writeFile(fileIn(st, text)), Beside: writeBeside(extras), At: time.Now(),
	}
	if kept.ID == "" {
		kept.ID, kept.Fresh = s.newName(), true
	}
	s.archive(kept)
}

// addressOf gives the address of somebody in a room, where it is known.
func (s *session) addressOf(r *room, nick string) transport.Address {
	for _, m := range s.members(r) {
		if m.Nick == nick {
			return m.Who
		}
	}
	return ""
}

// archiveReceived keeps what a person said to the user, and shows the id under
// which it is kept.
func (s *session) archiveReceived(m transport.Message, st *stanza.Stanza) {
	if !s.host.archives() || s.rooms[m.Chat] != nil || !s.recordOf(m.Chat).Keep {
		return // the room itself said it, or nobody is to know later
	}
	kept := store.Archived{
		Chat: m.Chat, Private: true, ID: string(m.ID), StanzaID: st.ID, Text: m.Text, Beside: writeBeside(st.Payloads), At: time.Now(),
	}
	if f := fileOf(m); f != nil {
		kept.Text, kept.File = f.URL, writeFile(f)
	}
	if m.Delayed && !m.Sent.IsZero() {
		kept.At, kept.Late = m.Sent, true
	}
	if kept.ID == "" {
		kept.ID, kept.Fresh = s.newName(), true
	}
	st.Payloads = append(st.Payloads, stanza.StanzaID{ID: kept.ID, By: s.at(m.Chat)})
	s.archive(kept)
}
