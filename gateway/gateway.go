// Package gateway is the middle: it knows users, rooms and ids, neither XML
// text nor any network. Each user of a component has a session, whose one
// goroutine owns all of that user's state; the two halves of translation are
// in to_network.go and to_xmpp.go.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
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
	queueLength = 64               // stanzas, and events, that wait for one session
	frontLength = 256              // stanzas of strangers that wait for an answer
	callTimeout = 10 * time.Second // one call of a network, or one stanza to send
	maxSessions = 20_000           // per component

	presencePerPulse = 20 // presence to subscribers is paced: so many,
	presencePulse    = 100 * time.Millisecond
)

// A Stream is what the gateway needs of a component's stream.
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
}

// Options are what all hosts share.
type Options struct {
	Log      *slog.Logger
	Store    store.Store
	Version  string
	Contacts []stanza.Field // XEP-0157; may be empty
	NewID    func() string  // a fresh stanza id
}

// A Gateway routes the stanzas of all components to sessions.
type Gateway struct {
	Options
	hosts   map[string]*host // by domain; fixed once Run is called
	started time.Time
	dropped atomic.Uint64 // stanzas that were neither served nor answered
}

// host is a Host at work.
type host struct {
	Host
	gateway *Gateway
	info    transport.Info
	log     *slog.Logger
	front   chan *stanza.Received // from those who have no session

	streamDown atomic.Bool

	mu       sync.Mutex // guards what follows; never held during I/O
	sessions map[jid.JID]*session
	closing  bool
}

// New makes a gateway without hosts.
func New(o Options) *Gateway {
	return &Gateway{Options: o, hosts: map[string]*host{}, started: time.Now()}
}

// Add adds a host. It is called before Run.
func (g *Gateway) Add(h Host) {
	info := h.Network.Info()
	if h.Name == "" {
		h.Name = info.Name
	}
	g.hosts[h.Domain] = &host{
		Host: h, gateway: g, info: info,
		log:      g.Log.With("component", h.Domain),
		front:    make(chan *stanza.Received, frontLength),
		sessions: map[jid.JID]*session{},
	}
}

// Run opens the sessions that are always on and works until ctx ends. Then it
// takes leave of everybody, and returns once all sessions are closed or
// the deadline of Stop's caller, leaveTimeout, has passed.
func (g *Gateway) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, h := range g.hosts {
		if err := h.openAlwaysOn(ctx); err != nil {
			return err
		}
		running.Go(func() { h.serveFront(ctx) })
		if r, ok := h.Network.(transport.Runner); ok {
			running.Go(func() { h.runNetwork(ctx, r) })
		}
	}
	<-ctx.Done()
	var leaving sync.WaitGroup
	for _, h := range g.hosts {
		leaving.Go(h.leave)
	}
	leaving.Wait()
	running.Wait()
	return nil
}

func (h *host) runNetwork(ctx context.Context, r transport.Runner) {
	if err := r.Run(ctx); err != nil && ctx.Err() == nil {
		h.log.Error("the network's background work ended", "err", err)
	}
}

// Route takes a stanza from a stream's reader. It never waits.
func (g *Gateway) Route(st stanza.Received) {
	h := g.hosts[st.To.Domain]
	if h == nil {
		g.dropped.Add(1)
		return
	}
	if !h.Allows(st.From) {
		h.toFront(&st)
		return
	}
	if !h.post(&st) {
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
	select {
	case s.stanzas <- st:
		return true
	default:
		return false
	}
}

// toFront queues a stanza of somebody who may not use the gateway.
func (h *host) toFront(st *stanza.Received) {
	select {
	case h.front <- st:
	default:
		h.gateway.dropped.Add(1)
	}
}

// serveFront answers strangers: they may look, and are told why no more.
func (h *host) serveFront(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case st := <-h.front:
			h.guard("front", func() {
				if st.Kind == stanza.IQ && st.Type == stanza.Get {
					h.TrySend(h.answerIQ(nil, st))
					return
				}
				h.refuse(*st, forbidden("this gateway does not serve "+st.From.Domain+"; its administrator decides whom it serves"))
			})
		}
	}
}

// TrySend sends without waiting, and counts what could not be sent.
func (h *host) TrySend(st stanza.Stanza) {
	if !h.Stream.TrySend(st) {
		h.gateway.dropped.Add(1)
	}
}

func (h *host) refuse(st stanza.Received, e stanza.Error) {
	if st.Kind == stanza.Presence && !expectsAnswer(st) {
		return
	}
	if answer, ok := st.Refuse(e); ok {
		h.TrySend(answer)
	}
}

// expectsAnswer says that a presence asks for something: a room or a
// subscription. Other presence that can't be served is passed over in silence.
func expectsAnswer(st stanza.Received) bool {
	return st.Type == stanza.Subscribe || st.Child(stanza.MUCNamespace, "x") != nil
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
	}
	return s
}

// forget removes a session, after which it gets nothing more. Unless it must,
// it stays while stanzas wait for it: then forget returns false.
func (h *host) forget(s *session, must bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !must && (len(s.stanzas) > 0 || len(s.events) > 0) {
		return false
	}
	if h.sessions[s.user] == s {
		delete(h.sessions, s.user)
	}
	return true
}

func (h *host) allSessions() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.sessions))
}

// openAlwaysOn starts the sessions of everybody whom the network knows, and
// of those for whom something durable still waits.
func (h *host) openAlwaysOn(ctx context.Context) error {
	if !h.info.AlwaysOn {
		return nil
	}
	var users []string
	if known, ok := h.Network.(transport.Users); ok {
		for _, a := range known.Users() {
			users = append(users, a.User)
		}
	}
	waiting, err := h.gateway.Store.Inbox().Users(ctx, h.Domain)
	if err != nil {
		return fmt.Errorf("open the sessions of %s: %w", h.Domain, err)
	}
	for _, u := range slices.Compact(slices.Sorted(slices.Values(append(users, waiting...)))) {
		user, err := jid.ParsePrepared(u)
		if err != nil {
			return fmt.Errorf("open the session of %q on %s: %w", u, h.Domain, err)
		}
		if s := h.session(user.Bare()); s != nil {
			s.wantLink()
		}
	}
	return nil
}

// leave closes all sessions, side by side.
func (h *host) leave() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	var closing sync.WaitGroup
	for _, s := range h.allSessions() {
		closing.Go(s.close)
	}
	closing.Wait()
	h.announce(context.Background(), stanza.Unavailable)
}

// StreamUp tells that stanzas can flow again on a component's stream. It
// doesn't wait.
func (g *Gateway) StreamUp(domain string) {
	h := g.hosts[domain]
	if h == nil {
		return
	}
	h.streamDown.Store(false)
	for _, s := range h.allSessions() {
		s.streamRestored()
	}
	go h.announce(context.Background(), stanza.Available)
}

// StreamDown tells that they can't.
func (g *Gateway) StreamDown(domain string) {
	if h := g.hosts[domain]; h != nil {
		h.streamDown.Store(true)
	}
}

// guard recovers a panic, logs it with its stack, and goes on.
func (h *host) guard(where string, f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			h.log.Error("panic", "where", where, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}
