package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	beat       = 30 * time.Second // how often a session looks after itself
	idleTime   = 5 * time.Minute  // a session without links and rooms ends
	closeTime  = 3 * time.Second  // for taking leave of the network
	inboxBatch = 64
	inboxRetry = 2 * time.Second
)

// Why a session ends, as people on both sides read it.
const (
	farewellStop   = "The gateway is stopping"
	farewellPanic  = "An error in the gateway ended your session"
	farewellBanned = "You may no longer use this gateway"
	farewellEnded  = "An administrator ended your session"
)

// A session is one user of one component. Its goroutine owns every field
// below the queues, so they need no lock.
type session struct {
	host *host
	user jid.JID // bare

	stanzas stanzaQueue          // from the stream's reader, which never waits
	events  chan transport.Event // from the network, which does
	signs   signs                // of what has happened
	running sync.WaitGroup       // the goroutines that the session started
	closing context.Context
	spare   *call // for the next one
	cancel  context.CancelFunc
	done    chan struct{}
	resting

	returned chan func(context.Context) // what was done aside
	orders   chan func(context.Context) // from the sessions of administrators
	setting  chan struct{}              // taken while settings are changed

	link      transport.Session // nil until it is needed
	links     map[transport.Address]bool
	rooms     map[transport.Address]*room
	parting   map[transport.Address]int // Leave calls that RoomLeft has not answered
	keptIQs   map[string]*keptIQ        // by a name that each note of theirs has
	lastIQ    int
	lists     map[transport.Address]*roomList    // of rooms, by server
	roster    map[string]store.Subscription      // by the contact's local part
	cursor    int64                              // key of the last inbox item that was sent on
	handed    *handed                            // of a Durable network
	crowded   <-chan time.Time                   // large rooms are to be told who came and went
	lingering <-chan time.Time                   // rooms whose last client has left
	unasked   map[transport.Address]bool         // rooms that may be stayed in or not
	retry     <-chan time.Time                   // the inbox, after a failure
	idleSince time.Time                          // zero while there is something to stay for
	current   *stanza.Received                   // in hand; outlives only a panic
	clients   map[string]*transport.Availability // what those in rooms show, by resource
	shown     transport.Availability             // what the network was told last
	farewell  string                             // why the session ends

	inquiries inquiries                 // about people on the network
	asides    map[*stanza.Received]bool // what is done for them aside
	turns     map[transport.Address]*turn
	commands  []*execution      // that are under way, the oldest first
	account   transport.Account // of networks with a form of registration
	recorder
	faces *faces // nil: there are none yet
	fetching
	memory   memory                                       // what others may be about
	unsaid   []unsaid                                     // what the network has still to show
	behind   <-chan time.Time                             // it is too much, until then: nothing more is sent
	reworded transport.Request                            // the last that others see in other words, of which there may be more
	doubtful []doubt                                      // of the last reactions
	thoughts thoughts                                     // reactions, the user's and others'
	seen     map[transport.Address]transport.Availability // people of the roster who are there

	contacts    map[transport.Address]contact // nil where the network keeps none
	toBring     map[transport.Address]bool    // into the roster, by asking for it if need be
	book        addressBook
	rosterGroup string // of new contacts
	books       errands
	marks       errands           // how far rooms were read elsewhere
	moves       moves             // of what belongs to renamed rooms
	rosters     errands           // what a server or client is asked about them
	online      map[string]client // what is known of the user's clients, by resource

	asked    map[string]bool   // contacts that have asked to see the user
	directed map[directed]bool // clients that showed themselves to one contact
	broken   error             // why the network does not take the user's credentials

	// Side by side, they share a word.
	asking         bool // about other rooms that may be stayed in or not
	calling        bool // a roll call is under way,
	callAgain      bool // and the stream was lost again since
	bringing       bool // some are on their way into the roster
	holding        bool // and stored messages wait for them
	ended          bool // by an administrator
	toldToRegister bool
}

func newSession(h *host, user jid.JID) *session {
	s := &session{
		host: h, user: user,
		stanzas:  stanzaQueue{more: make(chan struct{}, 1)},
		events:   make(chan transport.Event, eventsLength),
		signs:    signs{seen: make(chan struct{}, 1)},
		done:     make(chan struct{}),
		links:    map[transport.Address]bool{},
		rooms:    map[transport.Address]*room{},
		parting:  map[transport.Address]int{},
		shown:    transport.Availability{Online: true},
		farewell: farewellStop,

		returned: make(chan func(context.Context), maxAsides+errandKinds+2), // and a roll call, and a question about rooms
		orders:   make(chan func(context.Context), maxOrders),
		setting:  make(chan struct{}, 1),
		recorder: newRecorder(user.String()),
		thoughts: thoughts{},
	}
	s.closing, s.cancel = context.WithCancel(context.Background())
	s.pulse = time.AfterFunc(beat, func() { s.give(pulseIsDue) })
	if h.info.Durable {
		s.handed = &handed{}
	}
	if h.info.AlwaysOn {
		s.wantLink()
	}
	go h.work(s)
	return s
}

// signal leaves a mark that is not needed twice. It never waits.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *session) wantLink()       { s.give(linkWanted) }
func (s *session) streamRestored() { s.give(streamIsBack) }

// close stops the session and waits for it. The sink refuses events first, so
// that a link blocked in Deliver can end.
func (s *session) close() {
	s.stop()
	<-s.done
}

// run works until the session is over, or rests.
func (s *session) run() {
	rests := false
	sound := s.host.guard(s.title(), func() {
		if !s.loaded {
			s.load()
		}
		rests = s.loop()
	})
	if !rests {
		s.wrapUp(sound)
		close(s.done)
	}
}

// load reads what is kept of the user.
func (s *session) load() {
	s.loaded = true
	s.call(s.loadRoster)
	s.call(s.loadAccount)
	s.call(s.loadContacts)
	s.call(s.loadBook)
	s.call(s.loadRosterGroup)
}

// log is made when there is something to say.
func (s *session) log() *slog.Logger { return s.host.log.With("user", s.user.String()) }

func (s *session) title() string { return "session of " + s.bare }

// wrapUp takes leave.
func (s *session) wrapUp(sound bool) {
	if !sound {
		s.farewell = farewellPanic
	}
	s.pulse.Stop()
	s.stop()
	s.host.guard("end of the session of "+s.user.String(), s.takeLeave)
	s.running.Wait()
	s.host.forget(s, true)
	s.refuseWaiting()
	if (!sound || s.ended) && s.host.info.AlwaysOn {
		time.AfterFunc(reopenTime, func() { s.host.open(s.user) })
	}
	if !sound && s.staysAnywhere() {
		time.AfterFunc(reopenTime, func() { s.host.returnUser(context.Background(), s.user.String()) })
	}
}

// loop works until the session is over, or rests.
func (s *session) loop() (rests bool) {
	look := time.NewTicker(s.patience())
	defer look.Stop()
	worked := false // since the last look, but for what the session was woken for
	for first := true; ; first = false {
		select {
		case <-s.closing.Done():
			return false
		case <-look.C:
			if !worked && s.liesDown() {
				return true
			}
			worked = false
			continue
		case <-s.relief:
			s.relieve()
		case <-s.behind:
			s.behind = nil
		case <-s.nextStanza():
			s.sendNext()
		case e := <-s.nextEvent():
			callWith(s, (*session).takeEvent, e)
		case <-s.signs.seen:
			if s.heedSigns() {
				return false
			}
		case f := <-s.nextFetched():
			callWith(s, (*session).endFetch, f)
		case <-s.nextShown():
			s.call(s.showFaces)
		case <-s.crowded:
			s.showCrowds()
		case <-s.lingering:
			s.call(s.endLingering)
		case <-s.retry:
			s.retry = nil
			s.drainInbox()
		case f := <-s.returned:
			s.call(f)
		case f := <-s.orders:
			s.call(f)
		}
		worked = !first
	}
}

// tidy is done at every beat. It says whether the session is over.
func (s *session) tidy(now time.Time) (over bool) {
	callWith(s, (*session).tidyRooms, now)
	s.tidyKept(now)
	s.tidyPressure(now)
	s.tidyUnsaid(now)
	s.tidyInquiries(now)
	s.tidyLists(now)
	s.tidyFaces(now)
	s.tidyCommands(now)
	s.tidyBook(now)
	s.tidySightings(now)
	if !s.host.Allows(s.user) {
		s.farewell = farewellBanned
		return true
	}
	return s.isIdle(now) && s.host.forget(s, false)
}

// isIdle says that the session has had nothing to stay for since idleTime.
func (s *session) isIdle(now time.Time) bool {
	staying := s.host.info.AlwaysOn && s.link != nil
	if staying || len(s.rooms) > 0 || len(s.links) > 0 || len(s.commands) > 0 || len(s.asides) > 0 || len(s.unsaid) > 0 || len(s.reads.waiting) > 0 || len(s.catching.waiting) > 0 {
		s.idleSince = time.Time{}
		return false
	}
	if s.idleSince.IsZero() {
		s.idleSince = now
	}
	return now.Sub(s.idleSince) >= idleTime
}

// send hands a stanza to the stream. It has a deadline of its own: the call
// that it answers may have used up the call's.
func (s *session) send(st stanza.Stanza) error {
	if s.host.Stream.TrySend(st) {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.closing, callTimeout)
	defer cancel()
	err := s.host.Stream.Send(ctx, st)
	if errors.Is(err, component.ErrTooLarge) && st.Kind == stanza.Message && st.Type != stanza.ErrorType {
		s.log().Warn("a message is too large for any server; its beginning is shown")
		err = s.host.Stream.Send(ctx, beginning(st))
	}
	if err != nil {
		s.host.gateway.dropped.Add(1)
	}
	if err != nil && !errors.Is(err, component.ErrDown) && s.closing.Err() == nil {
		s.log().Warn("a stanza could not be sent", "kind", st.Kind, "type", st.Type, "err", err)
	}
	return err
}

// refuse answers with the error, where an answer is due.
func (s *session) refuse(st *stanza.Received, e stanza.Error) {
	if answer, due := refusal(st, e); due {
		s.send(answer)
	}
}

// fail is refuse for an error of the network's. What the user can't mend is
// logged.
func (s *session) fail(st *stanza.Received, err error) {
	e := stanzaError(err, s.host.Domain)
	if e.Condition == stanza.InternalServerError {
		s.log().Error("a call failed", "kind", st.Kind, "err", err)
	}
	s.refuse(st, e)
}

// openLink gives the link, and opens it if need be.
func (s *session) openLink() (transport.Session, error) {
	if s.link != nil {
		return s.link, nil
	}
	link, err := s.host.Network.Open(transport.Account{User: s.user.String(), Settings: s.account.Settings}, s)
	if err != nil {
		return nil, err
	}
	s.link = link
	s.tellNames()
	s.watchRoster(s.closing)
	return link, nil
}

func (s *session) openWanted(context.Context) {
	_, err := s.openLink()
	if e, ok := errors.AsType[*transport.Error](err); err != nil && !(ok && e.Reason == transport.NotRegistered) {
		s.log().Error("the link can't be opened", "err", err)
	}
	s.signs.give(inboxFilled)
}

// newID makes an id for a stanza.
func (s *session) newID() string { return component.NewID() }

// at makes an address of the component's.
func (s *session) at(a transport.Address) jid.JID { return s.host.at(a) }

func (h *host) at(a transport.Address) jid.JID {
	return jid.JID{Local: jid.Escape(string(a)), Domain: h.Domain}
}
