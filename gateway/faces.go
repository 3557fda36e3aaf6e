package gateway

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

const (
	maxFaces      = 2000 // of rooms, servers and people outside of rooms
	maxWished     = 512  // pictures that one user's rooms wait for
	maxLately     = 2048 // people whose last picture is remembered
	changePeriod  = time.Minute
	faceDelay     = 500 * time.Millisecond // so long pictures that come are shown together
	fetchesByUser = 2                      // at once
)

// faces are the faces that a session shows, and the pictures that it wants.
// Pictures are fetched only where one of the user's clients will see them, for
// each person once a minute at most, and slowly: anybody can name many.
type faces struct {
	shown  map[transport.Address]*transport.Face // of rooms, servers, and people outside of rooms
	wished []string                              // URLs that wait to be fetched
	queued map[string]bool                       // those, and those that are being fetched
	lately map[transport.Address]time.Time       // when somebody's picture was last wished for
	later  map[transport.Address]string          // the last of those that came too soon
	pace   *rate.Limiter
	busy   int
	ended  chan fetched
	fresh  map[string]bool  // what has come and is not shown yet
	show   <-chan time.Time // when it is

	portraying bool      // the user's own is being read
	portrayed  time.Time // when that was begun last
	altered    bool      // and it is another since
	ownHash    string    // of the user's avatar, as a client showed it last
}

type fetched struct {
	link string
	came bool // there is something to show

	portrait *transport.Face // of the user; nil: it is somebody's picture
}

func (s *session) allFaces() *faces {
	if s.faces == nil {
		s.faces = &faces{
			shown: map[transport.Address]*transport.Face{}, queued: map[string]bool{}, fresh: map[string]bool{},
			lately: map[transport.Address]time.Time{}, later: map[transport.Address]string{},
			pace: rate.NewLimiter(rate.Every(500*time.Millisecond), 20), ended: make(chan fetched, fetchesByUser+1),
		}
	}
	return s.faces
}

// nextFetched and nextShown are what the session waits for; nil: nothing.
func (s *session) nextFetched() <-chan fetched {
	if s.faces == nil {
		return nil
	}
	return s.faces.ended
}

func (s *session) nextShown() <-chan time.Time {
	if s.faces == nil {
		return nil
	}
	return s.faces.show
}

// faceOf gives the face of a room, a server, or somebody outside of rooms.
func (s *session) faceOf(a transport.Address) *transport.Face {
	if s == nil || s.faces == nil {
		return nil
	}
	return s.faces.shown[a]
}

// receiveFace takes the face of a room, a server, or somebody watched.
func (s *session) receiveFace(e transport.FaceChanged) {
	fs := s.allFaces()
	was, known := fs.shown[e.Of]
	switch {
	case e.Face == nil:
		delete(fs.shown, e.Of)
	case !known && len(fs.shown) >= maxFaces:
		return
	default:
		fs.shown[e.Of] = e.Face
	}
	s.profileChanged(e.Of, e.Face)
	_, kind, err := s.host.Network.Resolve(string(e.Of))
	if err != nil {
		return
	}
	if kind != transport.Room || s.hashOf(was) != s.hashOf(e.Face) {
		s.showFace(e.Of, kind)
	}
	if s.isLookedAt(e.Of, kind) {
		s.wish(e.Of, e.Face)
	}
}

// isLookedAt says that a client of the user's shows it.
func (s *session) isLookedAt(a transport.Address, kind transport.Kind) bool {
	if kind == transport.Room {
		r := s.rooms[a]
		return r != nil && r.isSeen()
	}
	return s.roster[s.at(a).Local].From || a == s.host.info.Home && s.roster[""].From
}

// isSeen says that one of the user's clients is in the room.
func (r *room) isSeen() bool {
	for _, l := range r.listeners.all() {
		if !l.waiting {
			return true
		}
	}
	return false
}

// showFace shows a face that is another now, or whose picture has come.
func (s *session) showFace(a transport.Address, kind transport.Kind) {
	switch {
	case kind == transport.Room:
		s.inRoom(a, func(r *room) { s.sendRoomChanged(r) }) // XEP-0486 §3.2: clients ask what has
	case a == s.host.info.Home && a != "":
		if s.roster[""].From {
			s.showGateway()
		}
	case kind == transport.Server:
		if s.links[a] && s.roster[s.at(a).Local].From {
			s.showServer(a, "")
		}
	case s.seen[a].Online:
		s.showPerson(a, s.seen[a])
	}
}

// seeFaces is called with those whom a client is shown.
func (s *session) seeFaces(members ...transport.Member) {
	for _, m := range members {
		if m.Face == nil {
			continue
		}
		of := m.Who
		if of == "" {
			of = transport.Address("\x00" + m.Nick)
		}
		s.profileChanged(of, m.Face)
		s.wish(of, m.Face)
	}
}

// wish wants a picture to be fetched, if that is due.
func (s *session) wish(of transport.Address, f *transport.Face) {
	link := pictureOf(f)
	if _, due := s.host.gateway.pictures.known(link); !due {
		return
	}
	fs := s.allFaces()
	now := time.Now()
	at, recent := fs.lately[of]
	switch {
	case fs.queued[link]:
		return
	case recent && now.Sub(at) < changePeriod:
		fs.later[of] = link
		return
	case len(fs.wished) >= maxWished || !recent && len(fs.lately) >= maxLately:
		return // it is wished for again when it is shown again
	}
	fs.lately[of] = now
	delete(fs.later, of)
	fs.queued[link] = true
	fs.wished = append(fs.wished, link)
	s.fetchNext()
}

func (s *session) fetchNext() {
	fs := s.faces
	if fs.busy >= fetchesByUser || len(fs.wished) == 0 {
		return
	}
	link := fs.wished[0]
	fs.wished = fs.wished[1:]
	fs.busy++
	s.running.Go(func() {
		f := fetched{link: link}
		s.host.guard("a picture for "+s.bare, func() {
			ctx, cancel := context.WithTimeout(s.closing, pictureTime)
			defer cancel()
			f.came = fs.pace.Wait(ctx) == nil && s.host.gateway.pictures.fetch(ctx, s.bare, link)
		})
		fs.ended <- f // has a place
		s.wake()
	})
}

// endFetch takes what became of a picture.
func (s *session) endFetch(_ context.Context, f fetched) {
	if f.portrait != nil {
		s.endPortrait(f)
		return
	}
	fs := s.faces
	fs.busy--
	delete(fs.queued, f.link)
	if f.came {
		fs.fresh[f.link] = true
		if fs.show == nil {
			fs.show = time.After(faceDelay)
		}
	}
	s.fetchNext()
}

// showFaces shows the pictures that have come.
func (s *session) showFaces(context.Context) {
	fs := s.faces
	fresh := fs.fresh
	fs.fresh, fs.show = map[string]bool{}, nil
	for _, r := range s.rooms {
		if !r.joined || !r.isSeen() {
			continue
		}
		for _, m := range s.members(r) {
			if m.Face != nil && fresh[pictureOf(m.Face)] {
				s.receiveMember(r, transport.MemberChanged{Room: r.address, Member: m})
			}
		}
	}
	for a, f := range fs.shown {
		if fresh[pictureOf(f)] {
			if _, kind, err := s.host.Network.Resolve(string(a)); err == nil {
				s.showFace(a, kind)
			}
		}
	}
}

// tidyFaces fetches what was put off.
func (s *session) tidyFaces(now time.Time) {
	s.portray(now, false)
	if s.faces == nil {
		return
	}
	for of, at := range s.faces.lately {
		if now.Sub(at) < changePeriod {
			continue
		}
		delete(s.faces.lately, of)
		if link := s.faces.later[of]; link != "" {
			delete(s.faces.later, of)
			s.wish(of, &transport.Face{Picture: link})
		}
	}
}

// profileChanged forgets what was asked about somebody who is not what they were.
func (s *session) profileChanged(who transport.Address, f *transport.Face) {
	k := inquiryKey{who, whoIsIt}
	q := s.inquiries.byKey[k]
	if q == nil || q.answer == nil {
		return
	}
	if told := profileOf(q.answer).Face; f == nil || told == nil || *told != *f {
		delete(s.inquiries.byKey, k)
	}
}

// forgetFaces is for a link that has ended.
func (s *session) forgetFaces() {
	if s.faces != nil {
		clear(s.faces.shown)
		clear(s.faces.later)
	}
}

func (s *session) hashOf(f *transport.Face) string {
	is, _ := s.host.gateway.pictures.known(pictureOf(f))
	return is.hash
}

// facePayloads are what a presence tells of a face (XEP-0172, XEP-0153).
func (h *host) facePayloads(f *transport.Face) (payloads []payload) {
	if f == nil {
		return nil
	}
	if f.Name != "" {
		payloads = append(payloads, nickname(f.Name))
	}
	return append(payloads, h.avatarUpdate(f)...)
}

func (h *host) avatarUpdate(f *transport.Face) []payload {
	if h.gateway.pictures.client == nil || f == nil {
		return nil
	}
	link := pictureOf(f)
	is, _ := h.gateway.pictures.known(link)
	return []payload{stanza.AvatarUpdate{Hash: is.hash, Pending: link != "" && !is.known}}
}

// withFace adds to a card what a face shows.
func (h *host) withFace(c card, f *transport.Face) card {
	if f == nil {
		return c
	}
	if f.Name != "" {
		c.name = f.Name
	}
	c.pronouns, c.homepage, c.motto = f.Pronouns, f.Homepage, f.Status
	is, _ := h.gateway.pictures.known(pictureOf(f))
	c.photo = is.jpeg
	return c
}

// sendCardOfPlace answers a request for the vCard of a room or a server, once
// its picture is there.
func (s *session) sendCardOfPlace(st *stanza.Received, t target) (taken bool) {
	space := st.Payload().Space
	if space != "vcard-temp" && space != vcard4Namespace || t.kind == toOccupant || t.kind == toPerson {
		return false
	}
	link := pictureOf(s.faceOf(s.placeOf(t)))
	if _, due := s.host.gateway.pictures.known(link); !due {
		return false
	}
	return s.aside(st, func(ctx context.Context) func(context.Context) {
		s.host.gateway.pictures.fetch(ctx, s.bare, link)
		return func(context.Context) { s.send(s.host.answerIQ(s, st)) }
	})
}

// placeOf gives the room or server that has a face; the gateway has that of its
// only server.
func (s *session) placeOf(t target) transport.Address {
	if t.kind == toGateway {
		return s.host.info.Home
	}
	return t.address
}

// answerKnown answers who somebody is from what is known of them without asking,
// where clients ask about many at once, as they do for pictures.
func (s *session) answerKnown(st *stanza.Received, who transport.Address) bool {
	if space := st.Payload().Space; space != "vcard-temp" && space != vcard4Namespace || s.inquiries.limit().Tokens() > keptInquiries {
		return false
	}
	known, ok := s.link.(transport.Acquaintances)
	if !ok {
		return false
	}
	m, ok := known.Acquaintance(who)
	if !ok || m.Face == nil {
		return false
	}
	s.answerInquiry(st, &inquiry{answer: transport.ProfileReceived{Profile: transport.Profile{
		Who: who, Nick: m.Nick, Account: m.Account, Host: m.Host, Idle: -1, Bot: m.Bot, Face: m.Face,
	}}})
	return true
}

// keptInquiries is how many questions stay for those who want to know all.
const keptInquiries = 5

// avatarHash is a field of a room's description (XEP-0486 §3.3).
func (s *session) avatarHash(a transport.Address) []stanza.Field {
	if s == nil {
		return nil
	}
	hash := s.hashOf(s.faceOf(a))
	if hash == "" {
		return nil
	}
	return []stanza.Field{{Var: "muc#roominfo_avatarhash", Type: "text-multi", Values: []string{hash}}}
}

// sendRoomChanged tells clients to ask again what the room is like (XEP-0045
// §10.2.1, status 104).
func (s *session) sendRoomChanged(r *room) {
	changed := wire.New(stanza.MUCUserNamespace, "x",
		wire.New(stanza.MUCUserNamespace, "status").SetAttr("code", "104"))
	r.each(func(to jid.JID) {
		s.send(stanza.Stanza{
			Kind:     stanza.Message,
			Header:   stanza.Header{From: r.jid, To: to, Type: stanza.Groupchat, ID: s.newID()},
			Payloads: []payload{changed},
		})
	})
}
