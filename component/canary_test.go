package component

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
)

func TestSilentServerIsNoticedWithinAMinute(t *testing.T) {
	tests := []struct {
		name string
		dies func(w *world, st *Stream)
	}{
		{"nothing comes back", func(w *world, st *Stream) { w.Pings(LosePings) }},
		{"writes stall", func(w *world, st *Stream) { st.Stop() }},
		{"writes stall with a full queue", func(w *world, st *Stream) {
			st.Stop()
			for w.c.TrySend(presence("much")) {
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				st := w.Connected()
				time.Sleep(31 * time.Second)
				tt.dies(w, st)
				start := time.Now()
				w.goesDown()
				if took := time.Since(start); took > time.Minute {
					t.Errorf("took %v", took)
				}
				st.Resume()
				if st.Wait() {
					t.Error("stream was closed in order, want a reset")
				}
				w.Pings(nil)
				w.goesUp()
			})
		})
	}
}

func TestDeafPlaceOnEjabberdIsNamedAndNeverUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Pings(LosePings)
		w.start()
		w.Dialled()
		w.Dialled()
		synctest.Wait()
		w.logged(1, "domain_balancing")
		if h := w.c.Health(); h.Up || !strings.Contains(h.Problem, "no stanza reaches us") {
			t.Errorf("health %+v", h)
		}
		if len(w.ups) != 0 {
			t.Error("Up or Down was called")
		}
	})
}

func TestTwinIsNamedOnceAndTheStreamStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		time.Sleep(time.Second)
		if got := w.c.Health().Canary; got != CanaryHealthy {
			t.Errorf("canary %q", got)
		}
		var mu sync.Mutex
		n := 0
		w.Pings(func(from *Stream, _ stanza.Received) *Stream {
			mu.Lock()
			defer mu.Unlock()
			n++
			if n%2 == 0 {
				return nil
			}
			return from
		})
		time.Sleep(3 * time.Minute)
		if h := w.c.Health(); !h.Up || h.OK() || h.Canary != CanaryTwin {
			t.Errorf("health %+v", h)
		}
		w.logged(1, "go to another connection")
		mu.Lock()
		rounds := n / canarySize
		mu.Unlock()
		if rounds < 8 {
			t.Errorf("%d rounds in 3 minutes, want one each 20s at least", rounds)
		}
		w.Pings(nil)
		time.Sleep(time.Minute)
		if h := w.c.Health(); !h.OK() || h.Canary != CanaryHealthy {
			t.Errorf("health %+v", h)
		}
		w.logged(1, "come back again")
		w.goesNowhere()
	})
}

func (w *world) goesNowhere() {
	w.t.Helper()
	if len(w.ups) != 0 {
		w.t.Error("the stream has changed")
	}
}

func TestAllGoneToATwinIsNotADeadServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		time.Sleep(time.Second)
		w.Pings(LosePings)
		stop := time.AfterFunc(34*time.Second, func() { w.Connected().Write(incoming("alive")) })
		defer stop.Stop()
		time.Sleep(44 * time.Second)
		if h := w.c.Health(); !h.Up || h.Canary != CanaryTwin {
			t.Errorf("health %+v", h)
		}
	})
}

func TestSharedListenerIsHealthyAndNamedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sms := w.add("sms.example.org")
		w.run(sms)
		w.goesUp()
		w.goesUp()
		streams := []*Stream{w.Connected(), w.Connected()}
		var mu sync.Mutex
		n := map[*Stream]int{}
		w.Pings(func(from *Stream, _ stanza.Received) *Stream {
			mu.Lock()
			defer mu.Unlock()
			n[from]++
			return streams[n[from]%2]
		})
		for range 300 {
			w.says("half of our barriers stray")
		}
		time.Sleep(3 * time.Minute)
		for _, c := range []*Component{w.c, sms} {
			if h := c.Health(); !h.OK() || h.Canary != CanaryShared || h.Unconfirmed != 0 {
				t.Errorf("health %+v", h)
			}
		}
		w.logged(2, "global_routes: false")
		streams[0].Write(`<message from="romeo@example.org" to="1@` + streams[1].Domain + `"><body>crossed</body></message>`)
		w.hears("crossed")
	})
}

func TestOwnPingsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		asked, answered := make(chan string, 100), make(chan string, 100)
		w.OnOwnPing(func(r stanza.Received) {
			if r.Type == stanza.Get {
				asked <- r.ID
			} else {
				answered <- r.ID
			}
		})
		w.start()
		w.goesUp()
		time.Sleep(time.Second)
		if len(asked) != canarySize || len(answered) != canarySize {
			t.Errorf("%d pings and %d answers, want %d", len(asked), len(answered), canarySize)
		}
	})
}

func TestDeadPeerIsLeftWithAReset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	s := newStream(NewGroup(nil).Add(Options{Domain: domain}), ours, nil)
	s.hangUp(true)
	_, err = theirs.Read(make([]byte, 1))
	if err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("peer reads %v, want a reset", err)
	}
}

func TestIdleStreamCarriesAnIQEachHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		pings := make(chan time.Time, 10000)
		w.OnOwnPing(func(stanza.Received) { pings <- time.Now() })
		w.start()
		w.goesUp()
		last := time.Now()
		time.Sleep(10 * time.Minute)
		for range len(pings) {
			at := <-pings
			if gap := at.Sub(last); gap > time.Minute {
				t.Fatalf("%v without an iq", gap)
			}
			last = at
		}
		if time.Since(last) > time.Minute {
			t.Error("pings have ended")
		}
	})
}

func TestStalledWritesDoNotStopReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		st := w.Connected()
		st.Stop()
		for w.c.TrySend(presence("much")) {
		}
		for range 1000 {
			st.Write(incoming("still here"))
		}
		for range 1000 {
			w.hears("still here")
		}
		st.Resume()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.c.Send(ctx, message("goes on")); err != nil {
			t.Error(err)
		}
	})
}

// answerPings answers in place of passing on, as a server might that knows its
// components' addresses for its own.
func answerPings(from *Stream, ping stanza.Received) *Stream {
	if ping.Type == stanza.Get {
		from.Write(`<iq type="result" from="` + ping.From.String() + `" to="` + ping.To.String() + `" id="` + ping.ID + `"/>`)
	}
	return nil
}

func TestServerThatAnswersOurPingsItselfIsAsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Pings(answerPings)
		w.start()
		w.goesUp()
		done := make(chan struct{})
		m := message("safe")
		m.Confirmed = func() { close(done) }
		if err := w.c.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		<-done
		time.Sleep(time.Minute)
		if h := w.c.Health(); !h.OK() {
			t.Errorf("health %+v", h)
		}
	})
}

func TestAnswersOfATwinDoNotHideIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		var n atomic.Uint64
		w.Pings(func(from *Stream, ping stanza.Received) *Stream {
			if n.Add(1)%2 == 0 {
				return answerPings(from, ping) // it went to the twin, and the answer came here
			}
			return from
		})
		time.Sleep(time.Minute)
		if h := w.c.Health(); h.Canary != CanaryTwin {
			t.Errorf("health %+v", h)
		}
	})
}
