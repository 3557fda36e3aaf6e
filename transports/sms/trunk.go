package sms

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// operatorTrunk is the name of the trunk that the config makes.
const operatorTrunk = ""

// ownPath is below what the webhooks of all trunks but the operator's are
// served: "/own/name/".
const ownPath = "/own/"

// A trunk is one provider at work: the operator's, or that of users with an
// account of their own. It is what its provider calls, and takes only what is
// for numbers that it carries. Whatever goes wrong in a provider, a panic too,
// stays in its trunk.
type trunk struct {
	network  *Network
	name     string
	provider provider.Provider
	webhooks http.Handler // nil: none
	early    *earlyReports
	stored   *ids // texts that came in and are stored
	rest     rest // what the provider said when it was asked for too much

	own    enrolment                                      // whose account it is; empty: the operator's
	hook   func(ctx context.Context, ours []string) error // has the provider call us for these numbers alone; may be nil
	rehook chan struct{}                                  // a mark that it is to be done
	trust  trust
}

// newTrunk makes a trunk. The provider gets it as its Receiver.
func (n *Network) newTrunk(name string, providerOf func(provider.Receiver) provider.Provider) *trunk {
	t := &trunk{network: n, name: name, early: newEarlyReports(), stored: newIDs(storedKept), rehook: make(chan struct{}, 1), trust: newTrust()}
	t.provider = providerOf(t)
	t.webhooks = t.provider.Webhooks()
	return t
}

func (t *trunk) capabilities() provider.Capabilities { return t.provider.Capabilities() }

// send, find and status call the provider. After a panic nobody knows.

func (t *trunk) send(ctx context.Context, o provider.Outgoing) (sent provider.Sent, err error) {
	defer t.recovered("send", &err)
	sent, err = t.provider.Send(ctx, o)
	return sent, t.learn(err)
}

func (t *trunk) find(ctx context.Context, o provider.Outgoing, since time.Time) (found []provider.Sent, err error) {
	defer t.recovered("find", &err)
	found, err = t.provider.Find(ctx, o, since)
	return found, t.learn(err)
}

func (t *trunk) status(ctx context.Context, id transport.MessageID) (r provider.Report, err error) {
	defer t.recovered("status", &err)
	r, err = t.provider.Status(ctx, id)
	return r, t.learn(err)
}

func (t *trunk) recovered(what string, err *error) {
	if r := recover(); r != nil {
		t.network.log.Error("panic in a provider", "call", what, "panic", r, "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic in the provider: %v", r)
	}
}

// run does the provider's work until ctx ends. Work that ends before is begun
// again.
func (t *trunk) run(ctx context.Context) {
	var hooking sync.WaitGroup
	defer hooking.Wait()
	if t.own.sid != "" {
		hooking.Go(func() { t.tellTrust(ctx) })
	}
	if t.hook != nil {
		wake(t.rehook)
		hooking.Go(func() { t.keepHooked(ctx) })
	}
	for failures := 1; ; failures++ {
		began := time.Now()
		err := t.work(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > pauseMost {
			failures = 1
		}
		wait := backoff(failures, retryFirst, pauseMost)
		t.network.log.Error("a provider's work ended; it is begun again", "in", wait.Round(time.Millisecond), "error", err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

func (t *trunk) work(ctx context.Context) (err error) {
	defer t.recovered("run", &err)
	return t.provider.Run(ctx)
}

// keepHooked has the provider call us for the numbers that we carry, until ctx
// ends. If the trunk is gone then, it calls us no more.
func (t *trunk) keepHooked(ctx context.Context) {
	for tries := 0; ; {
		wait := time.Duration(0)
		if tries > 0 {
			wait = backoff(tries, retryFirst, retryMost)
		}
		select {
		case <-t.rehook:
		case <-ctx.Done():
			if n := t.network; n.lines.trunk(t.name) == nil {
				if err := t.hookNow(context.WithoutCancel(ctx), nil); err != nil {
					n.log.Warn("a provider could not be told to call us no more", "error", err)
				}
			}
			return
		}
		sleep(ctx, wait)
		if err := t.hookNow(ctx, t.network.lines.carriedBy(t)); err != nil {
			if ctx.Err() == nil {
				t.network.log.Warn("a provider could not be told to call us for a number; it is told again", "error", err)
			}
			tries++
			wake(t.rehook)
			continue
		}
		tries = 0
	}
}

func (t *trunk) hookNow(ctx context.Context, ours []string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	defer t.recovered("hook", &err)
	return t.learn(t.hook(ctx, ours))
}

// runTrunks does the work of all trunks there are, until ctx ends.
func (n *Network) runTrunks(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ends := make(map[*trunk]context.CancelFunc)
	for {
		all := n.lines.allTrunks()
		here := make(map[*trunk]bool, len(all))
		for _, t := range all {
			here[t] = true
			if ends[t] == nil {
				work, end := context.WithCancel(ctx)
				ends[t] = end
				running.Go(func() { t.run(work) })
				running.Go(func() { t.poll(work) })
			}
		}
		for t, end := range ends {
			if !here[t] {
				end()
				delete(ends, t)
			}
		}
		select {
		case <-n.lines.changed:
		case <-ctx.Done():
			for _, end := range ends {
				end()
			}
			return
		}
	}
}

// Webhooks implements transport.Webhooks. The operator's provider has all
// paths but those below ownPath.
func (n *Network) Webhooks() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, prefix := operatorTrunk, ""
		if rest, own := strings.CutPrefix(r.URL.Path, ownPath); own {
			name, _, _ = strings.Cut(rest, "/")
			prefix = ownPath + name
		}
		t := n.lines.trunk(name)
		if t == nil || t.webhooks == nil || name == operatorTrunk && prefix != "" {
			http.NotFound(w, r)
			return
		}
		http.StripPrefix(prefix, t.webhooks).ServeHTTP(w, r)
	})
}
