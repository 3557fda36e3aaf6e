package irc

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

const host = "irc.example.org"

// entrants waits at a gate for several links, and gives when each came in.
type entrants struct {
	g  gates
	mu sync.Mutex
	in []entry
}

type entry struct {
	who string
	at  time.Duration
}

func (e *entrants) come(t *testing.T, ctx context.Context, start time.Time, limit Throttle, awaited bool, names ...string) {
	for _, who := range names {
		go func() {
			if err := e.g.enter(ctx, host, limit, awaited, func(time.Duration) {}); err != nil {
				if ctx.Err() == nil {
					t.Errorf("%s: %v", who, err)
				}
				return
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.in = append(e.in, entry{who, time.Since(start)})
		}()
		synctest.Wait() // one after another
	}
}

func numbered(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, prefix+string(rune('a'+i)))
	}
	return names
}

func TestLinksOfAllUsersComeOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e entrants
		start := time.Now()
		limit := Throttle{Burst: 3, Interval: 2 * time.Second}
		names := numbered("", 20)
		e.come(t, t.Context(), start, limit, false, names...)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		var order []string
		for i, one := range e.in {
			order = append(order, one.who)
			if least := time.Duration(i-2) * limit.Interval; i >= 3 && (one.at < least || one.at > least*3/2+time.Second) {
				t.Errorf("number %d came in after %v, want about %v", i, one.at, least)
			}
		}
		if !slices.Equal(order, names) {
			t.Errorf("the order was %v", order)
		}
	})
}

func TestWhoWaitsGoesFirstButNotAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e entrants
		limit := Throttle{Burst: 1, Interval: time.Second}
		e.come(t, t.Context(), time.Now(), limit, false, numbered("back-", 5)...)
		e.come(t, t.Context(), time.Now(), limit, true, numbered("new-", 5)...)
		time.Sleep(time.Minute)
		synctest.Wait()
		var order []string
		for _, one := range e.in {
			order = append(order, one.who)
		}
		want := []string{"back-a", "new-a", "new-b", "back-b", "new-c", "new-d", "new-e", "back-c", "back-d", "back-e"}
		if !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
	})
}

func TestHostsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gates
		limit := Throttle{Burst: 1, Interval: time.Hour}
		for _, host := range []string{"a.example", "b.example"} {
			if err := g.enter(t.Context(), host, limit, true, nil); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhoGivesUpIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e entrants
		limit := Throttle{Burst: 1, Interval: time.Second}
		start := time.Now()
		e.come(t, t.Context(), start, limit, true, "first")
		ctx, cancel := context.WithCancel(t.Context())
		e.come(t, ctx, start, limit, true, numbered("", 10)...)
		e.come(t, t.Context(), start, limit, true, "last")
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(e.in) != 2 || e.in[1].who != "last" || e.in[1].at > 2*time.Second {
			t.Errorf("in came %v", e.in)
		}
	})
}

func TestAGateThatTheHostClosedOpensLaterEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gates
		limit := Throttle{Burst: 5, Interval: time.Second}
		last := time.Duration(0)
		for range 4 {
			g.close(host, limit, 2*time.Minute)
			g.close(host, limit, 2*time.Minute) // another link that had set out before
			var refused *transport.Error
			if err := g.enter(t.Context(), host, limit, true, nil); !errors.As(err, &refused) || refused.Reason != transport.RateLimited || refused.RetryAfter <= 0 {
				t.Errorf("somebody who waits was told %v", err)
			}
			start := time.Now()
			if err := g.enter(t.Context(), host, limit, false, func(time.Duration) {}); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took < last*3/2 || took < 2*time.Minute || took > closedMost*5/4 {
				t.Errorf("closed for %v after %v", took, last)
			} else {
				last = took
			}
		}
		g.letIn(host)
		g.close(host, limit, 2*time.Minute)
		if d := time.Until(g.byHost[host].closed); d > 3*time.Minute {
			t.Errorf("after it has let somebody in it is closed for %v", d)
		}
	})
}

func TestGatesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gates
		limit := Throttle{Burst: 1, Interval: time.Second}
		for i := range gatesKept {
			if err := g.enter(t.Context(), numbered("h", 1)[0]+time.Duration(i).String(), limit, true, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if err := g.enter(t.Context(), "one more", limit, true, nil); err != nil || len(g.byHost) != 1 {
			t.Errorf("%v, %d kept", err, len(g.byHost))
		}
	})
}

// Somebody who is called "throttle" and has services end their connection must
// not keep everybody else from the server.
func TestOnlyWhoIsNotLetInClosesTheGate(t *testing.T) {
	const words = "ERROR :Closing Link: host.example (Killed (NickServ (GHOST command used by throttle)))"
	closed := func(w *world) bool {
		synctest.Wait()
		w.network.gates.mu.Lock()
		defer w.network.gates.mu.Unlock()
		g := w.network.gates.byHost["irc.example.org"]
		return g != nil && !g.closed.IsZero()
	}
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden().sends(words)
		if closed(w) {
			t.Error("the words to one who was in have closed the gate")
		}
	})
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		w.accepts().sends(words)
		if !closed(w) {
			t.Error("the gate is open")
		}
	})
}
