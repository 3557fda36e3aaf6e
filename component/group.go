// Package component keeps the streams of an external component to its XMPP
// server (XEP-0114): handshake, reconnecting, sending in order with proof of
// arrival, and reading without ever waiting for anyone.
//
// XEP-0114 has no acknowledgements and some servers accept a second connection
// for a domain in silence. Both gaps are closed with pings to ourselves
// (XEP-0199): a barrier proves that the server has taken what was sent before
// it, and a canary that what is meant for us reaches us.
package component

import (
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
)

// A Group is the components of one process. Any of their streams may bring a
// stanza for any of their domains: a server that shares one listener among
// them does that (ejabberd's global_routes).
type Group struct {
	handle     func(*stanza.Received)
	components atomic.Pointer[map[string]*Component] // by domain, replaced whole

	mu       sync.Mutex
	streams  map[string]*stream  // open ones by their token
	requests map[string]*request // unanswered ones by id
}

// NewGroup makes an empty group. handle gets every stanza for one of its
// domains, other than answers to Request and malformed iqs, which the group
// answers itself. It runs on the goroutine that reads the stream and must not
// wait. The stanza is handle's to keep.
func NewGroup(handle func(*stanza.Received)) *Group {
	g := &Group{
		handle:   handle,
		streams:  make(map[string]*stream),
		requests: make(map[string]*request),
	}
	g.components.Store(&map[string]*Component{})
	return g
}

// Add puts a component into the group, for Run to connect. Its domain replaces
// an earlier one of the same name.
func (g *Group) Add(o Options) *Component {
	domain := strings.ToLower(o.Domain)
	if j, err := jid.ParsePrepared(o.Domain); err == nil {
		domain = j.Domain
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.Address != "" {
		log = log.With("server", o.Address)
	}
	c := &Component{
		group:   g,
		domain:  domain,
		options: o,
		log:     log.With("component", domain),
	}
	c.out.init()

	g.mu.Lock()
	defer g.mu.Unlock()
	all := maps.Clone(*g.components.Load())
	all[domain] = c
	g.components.Store(&all)
	return c
}

// Component gives the component with this domain, or nil.
func (g *Group) Component(domain string) *Component {
	return (*g.components.Load())[domain]
}

// join makes the stream's own pings known wherever they arrive.
func (g *Group) join(s *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams[s.token] = s
}

func (g *Group) leave(s *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, s.token)
}

func (g *Group) stream(token string) *stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.streams[token]
}
