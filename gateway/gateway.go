// Package gateway is the middle: it knows users, rooms and ids, neither XML
// text nor any network. Each user of a component has a session, whose one
// goroutine owns all of that user's state; the two halves of translation are
// in to_network.go and to_xmpp.go.
package gateway

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	queueLength  = 64               // stanzas that wait for one session
	eventsLength = 16               // events that do; behind them the network waits, in a queue of its own
	frontLength  = 256              // stanzas of strangers that wait for an answer
	callTimeout  = 10 * time.Second // one call of a network, or one stanza to send
	maxSessions  = 20_000           // per component
	leaveTime    = 5 * time.Second  // for all sessions together, when the gateway stops
	reopenTime   = 10 * time.Second // before an always open session starts again after a panic
)

// A Stream is what the gateway needs of a component's stream. It has written
// what a stanza has in it when it returns.
type Stream interface {
	// Send queues a stanza; it waits while the queue is full.
	Send(ctx context.Context, s stanza.Stanza) error
	// TrySend never waits.
	TrySend(s stanza.Stanza) bool
	// Request sends an iq and waits for its answer.
	Request(ctx context.Context, s stanza.Stanza) (stanza.Received, error)
}

// A Host is one component address and the network behind it.
type Host struct {
	Domain  string
	Name    string // in service discovery; empty: the network's own
	Network transport.Network
	Stream  Stream
	Allows  func(jid.JID) bool // who may use it; asked on every stanza; must not wait
	Files   transport.Files    // hosts files for users; may be nil

	UsersPlumb bool // everybody may link rooms of theirs with MUCs of theirs

	AddressBooks string // folder with a file of vCards for each user; empty: none
}

// Options are what all hosts share.
type Options struct {
	Log      *slog.Logger
	Store    store.Store
	Version  string
	Contacts []stanza.Field // XEP-0157; may be empty

	// Forget, if set, deletes what is kept elsewhere of a user who ends their
	// registration. It may wait for the disk.
	Forget func(component, user string)

	HTTP *http.Client // to servers that users name; nil: nothing is fetched there

	IsAdmin func(jid.JID) bool                 // who may use the administrators' commands; nil: nobody
	Admins  func() []jid.JID                   // those of them who have accounts of their own; nil: nobody
	Reload  func() (notes []string, err error) // reads the config again; nil: it can't be
}

// A Gateway routes the stanzas of all components to sessions.
type Gateway struct {
	Options
	hosts   map[string]*host // by domain; fixed once Run is called
	started time.Time
	dropped atomic.Uint64
	panics  atomic.Uint64

	pictures *pictures

	occupantKey func() []byte // reads it once
	plumbing    plumbing
}

// Counts tell how the gateway fares.
type Counts struct {
	Sessions int    // open now
	Dropped  uint64 // stanzas that were neither served nor answered
	Panics   uint64 // each of which ended a session
}

// Counts gives the sums over all components.
func (g *Gateway) Counts() Counts {
	c := Counts{Dropped: g.dropped.Load(), Panics: g.panics.Load()}
	for _, h := range g.hosts {
		h.mu.Lock()
		c.Sessions += len(h.sessions)
		h.mu.Unlock()
	}
	return c
}

// host is a Host at work.
type host struct {
	Host
	gateway *Gateway
	info    transport.Info
	log     *slog.Logger

	recording transport.Recording // nil: there is no archive
	readers   chan struct{}       // as many as may read it at once
	lookers   chan struct{}       // and for those who wait for it

	front chan *stanza.Received // from those who have no session

	occupantIDs *occupantIDs

	announcements chan announcement
	alerts        chan alert
	blocked       atomic.Pointer[map[string]bool] // whom administrators have shut out

	streamDown atomic.Bool
	outages    atomic.Uint64 // how often the stream was lost
	streamUp   chan struct{} // a mark that it is up again

	keptRooms    *behind[keptName, *store.Room]
	keptHeard    *behind[heardName, time.Time]
	keptContacts *behind[contactName, store.Subscription]
	keptPeople   *behind[contactName, contact]
	grants       grants

	work func(*session) // is its run; by name it would be a cycle of initialization

	mu       sync.Mutex // guards what follows; never held during I/O
	sessions map[jid.JID]*session
	servers  crowds
	closing  bool
}

// New makes a gateway without hosts.
func New(o Options) *Gateway {
	g := &Gateway{Options: o, hosts: map[string]*host{}, started: time.Now(), pictures: newPictures(o.HTTP)}
	g.occupantKey = sync.OnceValue(g.readOccupantKey)
	g.plumbing.work = (*plumb).supervise
	return g
}

// Add adds a host. It is called before Run.
func (g *Gateway) Add(h Host) {
	info := h.Network.Info()
	if h.Name == "" {
		h.Name = info.Name
	}
	recording, _ := h.Network.(transport.Recording)
	added := &host{
		Host: h, gateway: g, info: info,
		log:      g.Log.With("component", h.Domain),
		front:    make(chan *stanza.Received, frontLength),
		streamUp: make(chan struct{}, 1),
		work:     (*session).run,
		sessions: map[jid.JID]*session{},
		servers:  crowds{},

		recording: recording,
		readers:   make(chan struct{}, readAtOnce),
		lookers:   make(chan struct{}, lookAtOnce),

		occupantIDs:   newOccupantIDs(),
		announcements: make(chan announcement, maxAnnouncements),
		alerts:        make(chan alert, maxAlerts),
		grants:        grants{byServer: map[string]*grant{}},
	}
	added.Stream = plumbedStream{h.Stream, added}
	added.keptRooms = newBehind("a user's rooms", added.log, added.writeRoom)
	added.keptHeard = newBehind("when a user was on a server", added.log, added.writeHeard)
	added.keptContacts = newBehind("a user's subscriptions", added.log, added.writeSubscription)
	added.keptPeople = newBehind("a user's contacts", added.log, added.writeContact)
	g.hosts[h.Domain] = added
}

// Run opens the sessions that are always on and works until ctx ends. Then it
// takes leave of everybody, within leaveTime. An error means that nothing was
// started.
func (g *Gateway) Run(ctx context.Context) error {
	g.occupantKey() // before anybody waits for it
	g.plumbing.life = ctx
	for _, h := range g.hosts {
		err := h.loadBlocks(ctx)
		if err == nil {
			err = h.openAlwaysOn(ctx)
		}
		if err != nil {
			g.leave()
			return err
		}
	}
	var running, writing sync.WaitGroup
	left, allLeft := context.WithCancel(context.Background())
	for _, h := range g.hosts {
		running.Go(func() { h.serveFront(ctx) })
		running.Go(func() { h.greet(ctx) })
		running.Go(func() { h.announceAll(ctx) })
		running.Go(func() { h.tellAdmins(ctx) })
		running.Go(func() { h.returnUsers(ctx) })
		writing.Go(func() { h.keptRooms.run(left) })
		writing.Go(func() { h.keptHeard.run(left) })
		writing.Go(func() { h.keptContacts.run(left) })
		writing.Go(func() { h.keptPeople.run(left) })
		if r, ok := h.Network.(transport.Runner); ok {
			running.Go(func() { h.runNetwork(ctx, r) })
		}
	}
	running.Go(func() { g.runPlumbs(ctx) })
	<-ctx.Done()
	g.closePlumbs()
	g.leave()
	allLeft()
	running.Wait()
	writing.Wait()
	return nil
}

func (g *Gateway) leave() {
	var leaving sync.WaitGroup
	for _, h := range g.hosts {
		leaving.Go(h.leave)
	}
	leaving.Wait()
}

func (h *host) runNetwork(ctx context.Context, r transport.Runner) {
	if err := r.Run(ctx); err != nil && ctx.Err() == nil {
		h.log.Error("the network's background work ended", "err", err)
	}
}

// Route takes a stanza from a stream's reader. It never waits.
func (g *Gateway) Route(st *stanza.Received) {
	h := g.hosts[st.To.Domain]
	switch {
	case h == nil:
		g.dropped.Add(1)
	case st.Kind == stanza.Message && st.From.Local == "" && h.takeGrant(st):
	case g.takePlumbed(st):
	case !h.Allows(st.From):
		h.toFront(st)
	case !h.post(st):
		h.refuse(st, overloaded("this gateway can't take more from you just now"))
	}
}

// post gives a stanza to its sender's session. It never waits. False means
// that the session's queue is full, or that there are too many sessions.
func (h *host) post(st *stanza.Received) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessionLocked(st.From.Bare())
	if s == nil {
		return false
	}
	defer s.wake()
	return s.stanzas.push(st)
}

// TrySend sends without waiting, and counts what could not be sent.
func (h *host) TrySend(st stanza.Stanza) {
	if !h.Stream.TrySend(st) {
		h.gateway.dropped.Add(1)
	}
}

// refuse answers with the error, where an answer is due.
func (h *host) refuse(st *stanza.Received, e stanza.Error) {
	if answer, ok := refusal(st, e); ok {
		h.TrySend(answer)
	}
}

// session gives the user's session, and starts it if need be. Nil means that
// there are too many, or that the gateway is closing.
func (h *host) session(user jid.JID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessionLocked(user)
}

func (h *host) sessionLocked(user jid.JID) *session {
	s := h.sessions[user]
	if s == nil && !h.closing && len(h.sessions) < maxSessions {
		s = newSession(h, user)
		h.sessions[user] = s
		h.servers.add(s.user.Domain, 1)
	}
	return s
}

// forget removes a session, after which it gets nothing more. Unless it must,
// it stays while stanzas wait for it: then forget returns false.
func (h *host) forget(s *session, must bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !must && (s.stanzas.len() > 0 || len(s.events) > 0) {
		return false
	}
	if h.sessions[s.user] == s {
		delete(h.sessions, s.user)
		h.servers.add(s.user.Domain, -1)
	}
	return true
}

func (h *host) allSessions() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.sessions))
}

// leave closes all sessions, side by side. A link that does not end in time is
// left behind.
func (h *host) leave() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		var closing sync.WaitGroup
		for _, s := range h.allSessions() {
			closing.Go(s.close)
		}
		closing.Wait()
	}()
	deadline := time.NewTimer(leaveTime)
	defer deadline.Stop()
	select {
	case <-closed:
	case <-deadline.C:
		h.log.Error("some links did not close in time")
	}
	h.sayGoodbye()
}

// StreamUp tells that stanzas can flow again on a component's stream. It
// doesn't wait.
func (g *Gateway) StreamUp(domain string) {
	h := g.hosts[domain]
	if h == nil {
		return
	}
	h.streamDown.Store(false)
	signal(h.streamUp)
	h.recheckPlumbs()
}

// StreamDown tells that they can't.
func (g *Gateway) StreamDown(domain string) {
	if h := g.hosts[domain]; h != nil {
		h.outages.Add(1)
		h.forgetGrants()
		h.streamDown.Store(true)
	}
}

// guard recovers a panic in f, counts it, and logs it with its stack. False
// means that there was one.
func (h *host) guard(where string, f func()) (sound bool) {
	defer func() {
		if r := recover(); r != nil {
			h.gateway.panics.Add(1)
			h.log.Error("panic", "where", where, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}
