package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	stayRetryMin = 30 * time.Second // a room that the user is to be in is tried again,
	stayRetryMax = 30 * time.Minute // less and less often
)

// A stay is what a room needs where the user is to be in it for good: while
// none of their clients is there, and again after a restart of the gateway.
type stay struct {
	stays    bool        // as the network said last
	password string      // of the last join
	kept     *store.Room // as the store has it; nil: it does not
	retryAt  time.Time   // when the network is asked again; zero: it need not be
	tries    int         // since the user was last in
}

// stays are the network's answers.
type stays map[transport.Address]bool

// askStays asks the network whether the user stays in a room, beside the
// session: the answer may need the disk.
func (s *session) askStays(a transport.Address) {
	if _, ok := s.host.Network.(transport.Staying); ok && !s.plumbs() {
		put(&s.unasked, a, true)
		s.askNextStays()
	}
}

// reviewStays asks anew about all rooms, after the user changed something.
func (s *session) reviewStays() {
	for a := range s.rooms {
		s.askStays(a)
	}
}

func (s *session) askNextStays() {
	network, ok := s.host.Network.(transport.Staying)
	if !ok || s.asking || len(s.unasked) == 0 {
		return
	}
	asked := s.unasked
	s.asking, s.unasked = true, nil
	s.running.Go(func() {
		answers := stays{}
		s.host.guard("the rooms of "+s.user.String(), func() {
			for a := range asked {
				if s.closing.Err() == nil {
					answers[a] = network.Stays(s.user.String(), a)
				}
			}
		})
		s.giveBack(func(ctx context.Context) { s.settleStays(ctx, answers) })
	})
}

func (s *session) settleStays(ctx context.Context, answers stays) {
	s.asking = false
	s.askNextStays()
	for a, stays := range answers {
		r := s.rooms[a]
		if r == nil {
			continue
		}
		stayed := r.stays
		r.stays = stays
		if stays {
			s.keepRoom(r)
			continue
		}
		s.forgetStay(r)
		r.retryAt = time.Time{}
		if len(r.listeners) == 0 && r.leaving == nil && (stayed || r.emptied.IsZero()) {
			s.linger(ctx, r, "")
		}
	}
}

func (s *session) staysAnywhere() bool {
	for _, r := range s.rooms {
		if r.stays {
			return true
		}
	}
	return false
}

// keepRoom has the store remember a room that the user is in for good, as it is now.
func (s *session) keepRoom(r *room) {
	if !r.stays || !r.joined {
		return
	}
	now := store.Room{
		Component: s.host.Domain, User: s.user.String(), Address: r.address, Nick: r.nick, Password: r.password,
	}
	if r.kept == nil || *r.kept != now {
		r.kept = &now
		s.host.keptRooms.put(keptName{now.User, now.Address}, &now)
	}
}

// forgetStay has the store forget it.
func (s *session) forgetStay(r *room) {
	if r.kept != nil {
		s.host.keptRooms.put(keptName{r.kept.User, r.address}, nil)
		r.kept = nil
	}
}

// comeBack joins the rooms that the user is to be in again after a restart.
func (s *session) comeBack(ctx context.Context, rooms []store.Room) {
	for _, k := range rooms {
		r := s.rooms[k.Address]
		switch {
		case r != nil: // a client was faster
			r.stays, r.kept = true, &k
			s.keepRoom(r)
		case len(s.rooms) < maxRooms:
			r = s.newRoom(k.Address, k.Nick)
			r.stay = stay{stays: true, password: k.Password, kept: &k}
			s.rooms[k.Address] = r
			s.enter(ctx, r)
		}
	}
}

// enter joins a room without a client that asks for it.
func (s *session) enter(ctx context.Context, r *room) {
	link, err := s.openLink()
	rooms, ok := link.(transport.Rooms)
	if err == nil && !ok {
		err = &transport.Error{Reason: transport.Unsupported, Text: "there are no rooms here"}
	}
	if err == nil {
		err = rooms.Join(ctx, r.address, r.nick, transport.JoinOptions{Password: r.password, AnyNick: true})
	}
	if err != nil {
		s.receiveRoomLeft(transport.RoomLeft{Room: r.address, Why: transport.LinkLost, Err: err})
		return
	}
	s.showAvailability(ctx, "")
}

// retryStay asks for a room again once that is due.
func (s *session) retryStay(ctx context.Context, r *room, now time.Time) {
	if !r.retryAt.IsZero() && !now.Before(r.retryAt) {
		r.retryAt = time.Time{}
		s.enter(ctx, r)
	}
}

// inAgain is called when the user is in a room, for the first time or anew.
func (s *session) inAgain(r *room) {
	r.retryAt, r.tries = time.Time{}, 0
	s.keepRoom(r)
	s.askStays(r.address)
}

// outOf decides what becomes of a room that the user was to stay in. It is
// called before the clients in it are told that they are out.
func (s *session) outOf(r *room, e transport.RoomLeft) {
	if !r.stays {
		s.forgetStay(r)
		return
	}
	switch fate(e) {
	case tryAgain:
		again := s.newRoom(r.address, r.nick)
		again.stay, again.history = r.stay, r.history
		delay := min(stayRetryMin<<min(r.tries, 10), stayRetryMax)
		again.tries, again.retryAt = r.tries+1, time.Now().Add(delay+rand.N(delay/2))
		s.rooms[r.address] = again
		return
	case giveUp:
		s.forgetStay(r)
	}
	if len(r.listeners) == 0 {
		text := e.Reason
		if e.Err != nil {
			text = stanzaError(e.Err, s.host.Domain).Text
		}
		s.notify(fmt.Sprintf("You are no longer in %s. %s", r.jid, text))
	}
}

// A roomFate is what becomes of a room that the user was to stay in.
type roomFate int

const (
	tryAgain  roomFate = iota
	nextStart          // nothing helps for now; it is tried again after a restart
	giveUp             // it is no place for the user
)

// fate follows from why the user is out. Whoever was thrown out or went does
// not come back by themselves.
func fate(e transport.RoomLeft) roomFate {
	switch e.Why {
	case transport.Parted, transport.Kicked, transport.Banned:
		return giveUp
	}
	err, ok := errors.AsType[*transport.Error](e.Err)
	if !ok {
		return tryAgain
	}
	switch err.Reason {
	case transport.NotFound, transport.BadAddress, transport.Moved, transport.MembersOnly, transport.BannedFrom,
		transport.NotAllowed, transport.BadNick, transport.Unsupported:
		return giveUp
	case transport.Forbidden, transport.NotAuthorized, transport.NotRegistered, transport.Policy, transport.Rejected:
		return nextStart
	}
	return tryAgain
}

// notify tells the user something in the gateway's own name.
func (s *session) notify(text string) { s.notifyFrom("", text) }

// notifyFrom has a server of the network say it.
func (s *session) notifyFrom(server transport.Address, text string) {
	if server == s.host.info.Home {
		server = "" // which is the gateway itself
	}
	s.send(stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(server), To: s.user, Type: stanza.Headline, ID: s.newID()},
		Payloads: []payload{stanza.Body(text)},
	})
}

// goodbye is the last presence to a client that leaves a room which the user
// may stay in: with other clients, or without any.
func (s *session) goodbye(r *room, resource string) stanza.Stanza {
	note := ""
	switch others := len(r.listeners) - 1; {
	case others == 1:
		note = "1 of your clients is still in this room."
	case others > 1:
		note = fmt.Sprintf("%d of your clients are still in this room.", others)
	case r.stays:
		note = "You stay in this room while none of your clients is here."
	}
	st := r.selfGone(resource, 0, transport.RoomLeft{Reason: note})
	if note == "" || len(r.listeners) > 1 {
		return st
	}
	// The occupant does not go, only the client: the item says what they are.
	x := st.Payloads[len(st.Payloads)-1].(stanza.MUCUser)
	for _, m := range s.members(r) {
		if m.Nick == r.nick {
			x.Item.Role, x.Item.Affiliation = roleNames[m.Role], affiliationNames[m.Affiliation]
		}
	}
	st.Payloads[len(st.Payloads)-1] = x
	return st
}

// takeOut takes a client out of all its rooms, and says so to it.
func (s *session) takeOut(ctx context.Context, resource string) {
	for _, r := range s.rooms {
		if l := r.listeners.of(resource); l != nil {
			if !l.waiting {
				s.send(s.goodbye(r, resource))
			}
			s.lose(ctx, r, resource)
		}
	}
}

// returnUsers brings people back into their rooms when the gateway starts.
func (h *host) returnUsers(ctx context.Context) {
	if _, ok := h.Network.(transport.Staying); !ok {
		return
	}
	users, err := h.gateway.Store.Rooms().Users(ctx, h.Domain)
	if err != nil && ctx.Err() == nil {
		h.log.Error("who is to be in rooms again can't be read", "err", err)
	}
	for i, u := range users {
		if pace(ctx, i, greetPulse); ctx.Err() != nil {
			return
		}
		h.returnUser(ctx, u)
	}
}

func (h *host) returnUser(ctx context.Context, u string) {
	network, ok := h.Network.(transport.Staying)
	user, err := jid.ParsePrepared(u)
	if !ok || err != nil || !h.Allows(user) {
		return
	}
	all, err := h.gateway.Store.Rooms().OfUser(ctx, h.Domain, u)
	if err != nil {
		h.log.Error("a user's rooms can't be read", "user", u, "err", err)
		return
	}
	var rooms []store.Room
	for _, r := range all {
		if network.Stays(u, r.Address) {
			rooms = append(rooms, r)
		} else {
			h.keptRooms.put(keptName{u, r.Address}, nil)
		}
	}
	if s := h.session(user.Bare()); s != nil && len(rooms) > 0 {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if err := s.onSession(ctx, func(ctx context.Context) { s.comeBack(ctx, rooms) }); err != nil {
			s.log().Warn("a user's rooms wait for another start: the session is too busy", "err", err)
		}
	}
}
