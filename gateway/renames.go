package gateway

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	roomName      = "muc#roomconfig_roomname"
	renamedPage   = 500
	maxRenamed    = 5000      // messages of a room that its new name takes over,
	copyRest      = time.Hour // for one room of a user's at a time: a server can rename without end
	moveRest      = 10 * time.Minute
	movesAtOnce   = 6 // whose settings and bookmark move, and then one at each rest
	bookmarksNode = "urn:xmpp:bookmarks:1"
)

// moves hold down what is done when rooms are renamed.
type moves struct {
	copied time.Time     // when the archive of one was
	pace   *rate.Limiter // of the others
}

// receiveRoomRenamed sends everybody to a room's new address, as XEP-0045 does
// for one that is destroyed in favour of another (§10.9). The user is in the new
// one already: clients that follow find it as it is, and if none does it is left
// as any room that its clients have vanished from.
func (s *session) receiveRoomRenamed(ctx context.Context, e transport.RoomRenamed) {
	s.doubtLists("")
	r := s.rooms[e.Room]
	if s.parting[e.Room] > 0 {
		s.parting[e.To] += s.parting[e.Room]
		delete(s.parting, e.Room)
	}
	if r == nil {
		s.leaveRenamed(ctx, e.To)
		return
	}
	if s.plumbs() || s.rooms[e.To] != nil {
		s.receiveRoomLeft(transport.RoomLeft{Room: e.Room, Why: transport.LinkLost, Reason: "It is called " + string(e.To) + " now."})
		if s.plumbs() {
			s.leaveRenamed(ctx, e.To)
		}
		return
	}
	for resource, l := range r.listeners.all() {
		if l.waiting {
			s.send(r.refusal(resource, stanzaError(&transport.Error{Reason: transport.Moved, Redirect: e.To, Text: e.Reason}, s.host.Domain)))
			continue
		}
		st := r.selfGone(resource, 0, transport.RoomLeft{})
		x := st.Payloads[len(st.Payloads)-1].(stanza.MUCUser)
		x.Item.Affiliation = affiliationNames[transport.AffiliationNone]
		x.Destroyed = &stanza.MUCDestroyed{JID: s.at(e.To).String(), Reason: e.Reason}
		st.Payloads[len(st.Payloads)-1] = x
		s.send(st)
	}
	s.forgetStay(r)
	delete(s.rooms, e.Room)
	r.address, r.jid = e.To, s.at(e.To)
	r.listeners = nil
	r.emptied, r.leaving = time.Now(), nil
	s.rooms[e.To] = r
	s.moveRoom(r, e)
}

// leaveRenamed leaves a room that nobody here is in.
func (s *session) leaveRenamed(ctx context.Context, a transport.Address) {
	if rooms, ok := s.link.(transport.Rooms); ok && s.parting[a] == 0 && s.rooms[a] == nil {
		s.parting[a]++
		if err := rooms.Leave(ctx, a, ""); err != nil {
			s.unpart(a)
		}
	}
}

// moveRoom takes what belongs to a room to its new address: what the user set,
// what was said, and their bookmark, where their server lets us.
func (s *session) moveRoom(r *room, e transport.RoomRenamed) {
	if len(s.marks.waiting) >= maxMarks {
		return
	}
	moves := map[string]func(context.Context, transport.RoomRenamed) error{}
	if s.moves.pace == nil {
		s.moves.pace = rate.NewLimiter(rate.Every(moveRest), movesAtOnce)
	}
	if s.moves.pace.Allow() {
		moves["settings"], moves["bookmark"] = s.moveSettings, s.moveBookmark
	}
	if now := time.Now(); now.Sub(s.moves.copied) >= copyRest {
		s.moves.copied, moves["archive"] = now, s.moveArchive
	}
	s.marks.run(s, waitingErrand{
		failed: func(context.Context) {},
		errand: func(ctx context.Context) func(context.Context) {
			for what, move := range moves {
				if err := move(ctx, e); err != nil {
					s.log().Info("a renamed room has not got all of the old one", "lacks", what, "err", err)
				}
			}
			return func(context.Context) {
				if s.rooms[e.To] == r {
					s.keepRoom(r)
					s.reconfigured(e.To)
				}
			}
		},
	})
}

func (s *session) moveSettings(ctx context.Context, e transport.RoomRenamed) error {
	if !s.host.hasSettings(e.To, transport.Room) {
		return nil
	}
	settings := s.host.gateway.Store.Settings()
	was, err := settings.Get(ctx, s.host.Domain, s.user.String(), e.Room)
	if err != nil || len(was) == 0 {
		return err
	}
	if now, err := settings.Get(ctx, s.host.Domain, s.user.String(), e.To); err != nil || len(now) > 0 {
		return err
	}
	_, err = s.setSettings(ctx, e.To, transport.Room, was)
	return err
}

// moveArchive has what was said under the old name in the archive of the new
// one, too.
func (s *session) moveArchive(ctx context.Context, e transport.RoomRenamed) error {
	if !s.host.archives() {
		return nil
	}
	archive := s.host.gateway.Store.Archive()
	q := store.ArchiveQuery{Component: s.host.Domain, User: s.bare, Chat: e.Room, Max: renamedPage, Last: true}
	for range maxRenamed / renamedPage {
		var page store.ArchivePage
		err := inTurn(ctx, s.host.readers, func() (err error) {
			page, err = archive.Page(ctx, q)
			return err
		})
		if err != nil || len(page.Messages) == 0 {
			return err
		}
		q.Before = page.Messages[0].ID
		for i := range page.Messages {
			m := &page.Messages[i]
			m.Component, m.User, m.Chat, m.Late = s.host.Domain, s.bare, e.To, true
		}
		if _, err := archive.Import(ctx, page.Messages); err != nil || page.Complete {
			return err
		}
	}
	return nil
}

// moveBookmark gives a bookmark (XEP-0402) the new address, with all that is in
// it.
func (s *session) moveBookmark(ctx context.Context, e transport.RoomRenamed) error {
	if !s.host.mayAct(s.user, stanza.Set, stanza.PubSubNamespace) || !s.host.mayAct(s.user, stanza.Get, stanza.PubSubNamespace) {
		return nil
	}
	was, now := s.at(e.Room).String(), s.at(e.To).String()
	answer, err := s.host.actFor(ctx, s.user, stanza.Get, stanza.Items(bookmarksNode, was))
	if err != nil {
		return nil // there are no bookmarks
	}
	bookmark := stanza.ReadItem(answer, bookmarksNode, was)
	if bookmark == nil {
		return nil
	}
	if _, err := s.host.actFor(ctx, s.user, stanza.Set, stanza.Publish(bookmarksNode, now, bookmark.Clone())); err != nil {
		return err
	}
	_, err = s.host.actFor(ctx, s.user, stanza.Set, stanza.RetractItem(bookmarksNode, was))
	return err
}

// nameField is the room's name in its configuration, where it can be changed.
func (s *session) nameField(at transport.Address) (f stanza.Field, ok bool) {
	r := s.rooms[at]
	if r == nil || !r.joined || !s.carries(place{chat: at, room: r}).Has(transport.CarriesRenaming) {
		return f, false
	}
	if _, ok = s.link.(transport.Renaming); !ok {
		return f, false
	}
	name := string(at)
	if n, names := s.host.Network.(transport.Namer); names {
		name, _ = n.Names(at)
	}
	return stanza.Field{Var: roomName, Type: "text-single", Label: "Name of the channel: it is renamed for everybody", Values: []string{name}}, true
}

// renamedIn takes the name out of a submitted configuration; "" if it is as it
// was.
func (s *session) renamedIn(at transport.Address, submitted *stanza.Form) (name string) {
	f, ok := s.nameField(at)
	if !ok {
		return ""
	}
	kept := submitted.Fields[:0:0]
	for _, given := range submitted.Fields {
		if given.Var != roomName {
			kept = append(kept, given)
		} else if len(given.Values) > 0 && given.Values[0] != f.Values[0] {
			name = given.Values[0]
		}
	}
	submitted.Fields = kept
	return name
}

// rename has the network rename a room, and answers the iq with what comes of
// it.
func (s *session) rename(ctx context.Context, st *stanza.Received, at transport.Address, name string) {
	link, ok := s.link.(transport.Renaming)
	if !ok {
		s.refuse(st, unsupported("rooms can't be renamed here"))
		return
	}
	request, kept := s.keepIQ(st, 1, nil)
	if !kept {
		return
	}
	if err := link.RenameRoom(ctx, at, name, "", request); err != nil {
		s.answerKept(request, nil, err)
	}
}
