package irc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
)

const (
	gateQueue    = 20_000           // links that wait for one host; further ones are refused
	gatesKept    = 4096             // hosts that are remembered
	patientLimit = time.Minute      // longer nobody who waits is kept waiting at a closed gate
	closedMost   = 30 * time.Minute // of a gate that the host closed again and again
	retryShare   = 4                // every so many-th place goes to a link that comes back, whoever else waits
)

// gates hold back connections to hosts, for all users together: to a host they
// are one client, which it may throttle or ban as one. The zero value is ready.
type gates struct {
	mu     sync.Mutex
	byHost map[string]*gate
}

// A gate is one host's. The mutex of gates guards it.
type gate struct {
	pace    *rate.Limiter
	waiting [2][]*ticket // those that somebody waits for, and the links that come back
	served  int
	closed  time.Time   // until then, as the host asked for
	strikes int         // how often it did, since it let somebody in
	timer   *time.Timer // of the next opening; nil if none waits
}

// A ticket is a link's place in the queue.
type ticket struct {
	turn chan struct{} // closed when it comes
}

// enter waits for the link's turn to connect. Somebody who waits goes first,
// but is not kept waiting at a gate that is closed for long. told is called
// once if it takes longer than a moment.
func (g *gates) enter(ctx context.Context, host string, t Throttle, awaited bool, told func(time.Duration)) error {
	g.mu.Lock()
	one := g.gate(host, t)
	if time.Until(one.closed) > patientLimit && awaited {
		left := time.Until(one.closed)
		g.mu.Unlock()
		return &transport.Error{Reason: transport.RateLimited, RetryAfter: left, Text: host +
			" takes no new connections from this gateway for now. Try again in " + inWords(left) + "."}
	}
	if len(one.waiting[0])+len(one.waiting[1]) >= gateQueue {
		g.mu.Unlock()
		return refuse(transport.TooMany, "Too many people wait for a connection to %s.", host)
	}
	mine := &ticket{make(chan struct{})}
	class := 1
	if awaited {
		class = 0
	}
	one.waiting[class] = append(one.waiting[class], mine)
	g.serve(one)
	estimate := one.estimate(class)
	g.mu.Unlock()

	select {
	case <-mine.turn:
		return nil
	default:
		told(estimate)
	}
	select {
	case <-mine.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, t := range one.waiting[class] {
		if t == mine {
			one.waiting[class] = append(one.waiting[class][:i:i], one.waiting[class][i+1:]...)
		}
	}
	return ctx.Err()
}

// gate needs mu.
func (g *gates) gate(host string, t Throttle) *gate {
	if one := g.byHost[host]; one != nil {
		return one
	}
	if g.byHost == nil {
		g.byHost = make(map[string]*gate)
	}
	if len(g.byHost) >= gatesKept {
		for host, one := range g.byHost {
			if one.isIdle(time.Now()) {
				delete(g.byHost, host)
			}
		}
	}
	one := &gate{pace: rate.NewLimiter(rate.Inf, 0)}
	if t.Burst > 0 {
		one.pace = rate.NewLimiter(rate.Every(t.Interval), t.Burst)
	}
	g.byHost[host] = one
	return one
}

// isIdle says that a new gate would do as well.
func (one *gate) isIdle(now time.Time) bool {
	return one.timer == nil && now.After(one.closed) && one.pace.TokensAt(now) >= float64(one.pace.Burst())
}

// serve lets through whose turn it is, and sets when to look again. It needs mu.
func (g *gates) serve(one *gate) {
	if one.timer != nil {
		one.timer.Stop()
		one.timer = nil
	}
	for len(one.waiting[0])+len(one.waiting[1]) > 0 {
		now := time.Now()
		wait := one.closed.Sub(now)
		if wait <= 0 {
			r := one.pace.ReserveN(now, 1)
			if wait = r.DelayFrom(now); wait > 0 {
				r.CancelAt(now)
				wait += rand.N(wait/4 + 1) // not to the beat of a clock
			}
		}
		if wait > 0 {
			one.timer = time.AfterFunc(wait, func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.serve(one)
			})
			return
		}
		close(one.next().turn)
	}
}

// next takes the ticket that is due.
func (one *gate) next() *ticket {
	class := 0
	one.served++
	if len(one.waiting[0]) == 0 || len(one.waiting[1]) > 0 && one.served%retryShare == 0 {
		class = 1
	}
	t := one.waiting[class][0]
	one.waiting[class][0] = nil
	one.waiting[class] = one.waiting[class][1:]
	return t
}

// estimate is about how long the last of a class will wait.
func (one *gate) estimate(class int) time.Duration {
	ahead := len(one.waiting[0])
	if class == 1 {
		ahead += len(one.waiting[1])
	}
	d := max(time.Until(one.closed), 0)
	if limit := one.pace.Limit(); limit != rate.Inf {
		d += time.Duration(float64(ahead) / float64(limit) * float64(time.Second))
	}
	return d
}

// close keeps everybody from a host for a while, longer each time that the host
// asks for it again: it takes all of us for one.
func (g *gates) close(host string, t Throttle, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gate(host, t)
	if time.Now().Before(one.closed) {
		return // known already: others had set out before
	}
	d = min(d<<min(one.strikes, 10), closedMost)
	one.strikes++
	one.closed = time.Now().Add(d + rand.N(d/4))
	g.serve(one)
}

// letIn is called when a host has let a link in.
func (g *gates) letIn(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.byHost[host]; one != nil {
		one.strikes = 0
	}
}

// inWords is a time as people say it.
func inWords(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("%d seconds", int(d.Seconds())+1)
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()+0.5))
}
