package component

import (
	"sync/atomic"
	"time"
)

// A CanaryState is what the last pings to ourselves have shown.
type CanaryState string

const (
	CanaryUnknown CanaryState = ""
	CanaryHealthy CanaryState = "healthy"
	// CanaryShared: some came in on the stream of another of our components.
	// Nothing is lost.
	CanaryShared CanaryState = "shared listener"
	// CanaryTwin: some did not come back. Another connection has the domain too
	// and gets a share of our stanzas.
	CanaryTwin CanaryState = "some stanzas go to another connection"
)

// Health is the state of a component's stream, and what has passed it since the
// process began.
type Health struct {
	Domain  string
	Up      bool
	Since   time.Time // of being up or down; zero before the first stream
	Canary  CanaryState
	Problem string // the last one, until the stream is up again
	Check   string // and which setting to look at; may be empty

	Connects  uint64 // streams that came up
	Sent      uint64 // stanzas written for the first time
	Resent    uint64 // written again after a lost stream
	Dropped   uint64 // refused or given up: no stream, stale, queue full
	Refused   uint64 // of our own: too large, no recipient, no XML
	Received  uint64 // stanzas that came in, other than our own pings
	Ignored   uint64 // of what came in: no stanzas, no one's answers, forged senders
	Malformed uint64 // of what came in: answered with an error right here
	Panics    uint64 // of the handler

	Queued      int // stanzas not yet written
	Unconfirmed int // stanzas that are kept until the server surely has them
}

// OK tells whether stanzas flow and none are known to be lost.
func (h Health) OK() bool { return h.Up && h.Canary != CanaryTwin }

type counters struct {
	sent, resent, dropped, refused, received, ignored, malformed, panics atomic.Uint64
}

// A state is guarded by Component.mu.
type state struct {
	up         bool
	since      time.Time
	canary     CanaryState
	problem    string
	check      string
	connects   uint64
	sharedSaid bool
}

// Health gives the state of now. It never waits.
func (c *Component) Health() Health {
	queued, kept := c.out.sizes()
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	return Health{
		Domain:      c.domain,
		Up:          s.up,
		Since:       s.since,
		Canary:      s.canary,
		Problem:     s.problem,
		Check:       s.check,
		Connects:    s.connects,
		Sent:        c.count.sent.Load(),
		Resent:      c.count.resent.Load(),
		Dropped:     c.count.dropped.Load(),
		Refused:     c.count.refused.Load(),
		Received:    c.count.received.Load(),
		Ignored:     c.count.ignored.Load(),
		Malformed:   c.count.malformed.Load(),
		Panics:      c.count.panics.Load(),
		Queued:      queued.count,
		Unconfirmed: kept.count,
	}
}

func (c *Component) setUp(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.up, c.state.since = true, at
	c.state.problem, c.state.check = "", ""
	c.state.connects++
}

func (c *Component) setDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.up, c.state.since = false, time.Now()
	c.state.canary = CanaryUnknown
}

func (c *Component) setCanary(s CanaryState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.canary = s
}

func (c *Component) setProblem(p *problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.problem, c.state.check = p.Error(), p.check
}
