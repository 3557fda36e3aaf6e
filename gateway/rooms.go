package gateway

import (
	"context"
	"strings"
	"time"
	"unique"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	joinTime  = 2 * time.Minute // a network that has not answered a join by then never will
	graceTime = 5 * time.Minute // a room whose clients vanished waits for them to come back

	maxRooms     = 500 // of one user
	maxListeners = 50  // clients of one user in one room
)

// A room is one that the user is in, or is joining. Who else is in it is
// known by the network alone.
type room struct {
	host      *host
	user      *jid.JID // the session's, bare
	address   transport.Address
	jid       jid.JID
	nick      string           // the user's own, for all clients
	own       transport.Member // what the network knows of the user there
	joined    bool
	stale     bool // lost since it was last shown: RoomJoined shows it to everybody
	subject   transport.Subject
	modes     transport.RoomModes
	listeners listeners              // the user's clients in it
	history   history                // of a network without an archive
	recent    history                // with one: what was said while a client waits
	missed    []transport.MemberLeft // while the stream was down
	leaving   *departure
	crowd     crowd
	hearing
	emptied time.Time // when the last client vanished; zero while there is one
	stay
}

// A listener is one client of the user's in a room.
type listener struct {
	resource string
	waiting  bool      // for the occupants, since the time below
	since    time.Time // of the join
	nick     string    // the user's, as this client knows it: first the one that it asked for
	limits   stanza.HistoryLimits
	looking  bool   // the archive is asked for
	past     []said // which is this
}

func (s *session) newRoom(a transport.Address, nick string) *room {
	return &room{
		host: s.host, user: &s.user, address: a, jid: s.at(a), nick: nick,
	}
}

// isIn says that the client is an occupant.
func (r *room) isIn(resource string) bool {
	l := r.listeners.of(resource)
	return l != nil && !l.waiting
}

func (r *room) occupant(nick string) jid.JID { return r.jid.WithResource(nick) }

func (r *room) to(resource string) jid.JID { return r.user.WithResource(resource) }

// each calls f for every client that is an occupant.
func (r *room) each(f func(to jid.JID)) {
	for resource, l := range r.listeners.all() {
		if !l.waiting {
			f(r.to(resource))
		}
	}
}

// sendRoomPresence is what a client says to a room: that it comes, stays under
// another nick, is away, or goes (XEP-0045 §7.2, §7.6, §7.7, §7.14).
func (s *session) sendRoomPresence(ctx context.Context, st *stanza.Received, a transport.Address) {
	r := s.rooms[a]
	present := r != nil && r.listeners.of(st.From.Resource) != nil
	join, joining := st.ReadMUCJoin(time.Now())
	switch {
	case st.Type == stanza.Unavailable:
		if present {
			s.leaveRoom(ctx, r, st.From.Resource, st.ReadStatus())
		}
	case st.Type == stanza.Subscribe:
		s.send(denial(st, "a room is joined, not subscribed to"))
	case st.Type != stanza.Available:
	case joining:
		s.joinRoom(ctx, st, a, join)
	case !present:
		// Groupchat 1.0 (XEP-0045 §1.1). Or a client that has been in, and was lost:
		// it gets the room anew, but what was said it knows.
		join.History.MaxStanzas = 0
		s.joinRoom(ctx, st, a, join)
	case r.isIn(st.From.Resource) && st.To.Resource != "" && st.To.Resource != r.nick:
		s.changeNick(ctx, st, r)
	default:
		s.setAvailability(ctx, st)
	}
}

func (s *session) joinRoom(ctx context.Context, st *stanza.Received, a transport.Address, join stanza.MUCJoin) {
	if st.To.Resource == "" {
		// XEP-0045 §7.2.1: a nick is required.
		s.refuse(st, stanza.Error{Class: stanza.Modify, Condition: stanza.JIDMalformed, Text: "choose a nick: join " + st.To.Bare().String() + "/nick"})
		return
	}
	link, err := s.openLink()
	if err != nil {
		s.fail(st, err)
		return
	}
	rooms, ok := link.(transport.Rooms)
	if !ok {
		s.refuse(st, unsupported("there are no rooms here"))
		return
	}
	if r := s.rooms[a]; r == nil && len(s.rooms) >= maxRooms || r != nil && len(r.listeners) >= maxListeners && r.listeners.of(st.From.Resource) == nil {
		s.refuse(st, overloaded("you are in too many rooms, or in this one with too many clients"))
		return
	}
	if r := s.rooms[a]; r != nil && r.leaving != nil && !r.stays && r.nick != st.To.Resource {
		s.part(ctx, r, r.leaving.reason) // who comes back under another nick comes anew
	}
	// A part of the stanza would keep all of it, and many are in the same room.
	a = transport.Address(unique.Make(string(a)).Value())
	nick, resource := unique.Make(st.To.Resource).Value(), unique.Make(st.From.Resource).Value()
	join.Password = strings.Clone(join.Password)
	if err := rooms.Join(ctx, a, nick, transport.JoinOptions{Password: join.Password}); err != nil {
		s.fail(st, err)
		if r := s.rooms[a]; r != nil {
			s.lose(ctx, r, st.From.Resource)
		}
		return
	}
	r := s.rooms[a]
	if r == nil {
		r = s.newRoom(a, nick)
		s.rooms[a] = r
	}
	r.emptied, r.leaving, r.retryAt = time.Time{}, nil, time.Time{}
	if join.Password != "" || !r.joined {
		r.password = join.Password
	}
	again := r.isIn(st.From.Resource)
	l := &listener{waiting: true, since: time.Now(), nick: nick, limits: join.History}
	r.listeners.set(resource, l)
	s.lookBack(r, l)
	s.setAvailability(ctx, st)
	if again && st.To.Resource != r.nick {
		s.changeNick(ctx, st, r) // behind the room, which the client seems to have lost
	}
}

func (s *session) changeNick(ctx context.Context, st *stanza.Received, r *room) {
	rooms, ok := s.link.(transport.Rooms)
	if !ok {
		s.send(refusedRoom(st, unsupported("nicks can't be changed here")))
		return
	}
	if err := rooms.SetNick(ctx, r.address, st.To.Resource, s.noteOf(st, noteNick).request()); err != nil {
		s.send(refusedRoom(st, stanzaError(err, s.host.Domain)))
	}
}

// refusal is the presence error of a join that failed (XEP-0045 §7.2).
func (r *room) refusal(resource string, e stanza.Error) stanza.Stanza {
	return stanza.Stanza{
		Kind:     stanza.Presence,
		Header:   stanza.Header{From: r.occupant(r.listeners.of(resource).nick), To: r.to(resource), Type: stanza.ErrorType},
		Payloads: []payload{mucMarker, ofRoom(e, r.jid)},
	}
}

// legacyCodes are the numbers that the errors of rooms had before they had
// conditions. Some clients look at nothing else.
var legacyCodes = map[stanza.Condition]string{
	stanza.NotAuthorized: "401", stanza.Forbidden: "403", stanza.ItemNotFound: "404", stanza.NotAllowed: "405",
	stanza.NotAcceptable: "406", stanza.RegistrationRequired: "407", stanza.ConflictCondition: "409",
	stanza.ServiceUnavailable: "503",
}

// ofRoom says that the room itself raised the error, and not somebody in it.
func ofRoom(e stanza.Error, room jid.JID) stanza.Error {
	e.By, e.Code = room.String(), legacyCodes[e.Condition]
	return e
}
