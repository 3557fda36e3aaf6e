package component

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
)

func isBarrier(ping stanza.Received) bool { return strings.Contains(ping.ID, ".b") }

// loseBarriers lets canaries pass.
func loseBarriers(from *Stream, ping stanza.Received) *Stream {
	if isBarrier(ping) {
		return nil
	}
	return from
}

func TestMessageIsConfirmedWithinHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		done := make(chan time.Time, 1)
		m := message("safe")
		m.Confirmed = func() { done <- time.Now() }
		start := time.Now()
		if err := w.c.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		if took := (<-done).Sub(start); took > 500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if h := w.c.Health(); h.Unconfirmed != 0 {
			t.Errorf("%d unconfirmed", h.Unconfirmed)
		}
	})
}

func TestOneBarrierForManyMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		barriers := make(chan string, 1000)
		w.Pings(func(from *Stream, ping stanza.Received) *Stream {
			if isBarrier(ping) {
				barriers <- ping.ID
			}
			return from
		})
		for i := range 1000 {
			w.says("%d", i)
		}
		time.Sleep(time.Second)
		if n := len(barriers); n < 5 || n > 7 {
			t.Errorf("%d barriers for 1000 messages at once, want about 5", n)
		}
		if h := w.c.Health(); h.Unconfirmed != 0 || h.Sent != 1000 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestPresenceNeedsNoBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Pings(func(from *Stream, ping stanza.Received) *Stream {
			if isBarrier(ping) {
				t.Error("barrier sent")
			}
			return from
		})
		for range 500 {
			w.c.TrySend(presence("here"))
		}
		time.Sleep(time.Second)
	})
}

func TestMessageOfABrokenStreamIsSentAgain(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(w *world, st *Stream) // before the message is sent
		again   bool                       // it reaches the server twice
	}{
		{"broken before it is written", func(w *world, st *Stream) { w.GoAway(); w.goesDown() }, false},
		{"broken while writing stalls", func(w *world, st *Stream) { st.Stop() }, false},
		{"broken after it is written, before the barrier is back", func(w *world, st *Stream) { w.Pings(loseBarriers) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				st := w.Connected()
				tt.prepare(w, st)
				var confirmed atomic.Int32
				m := message("dear")
				m.Confirmed = func() { confirmed.Add(1) }
				if err := w.c.Send(context.Background(), m); err != nil {
					t.Fatal(err)
				}
				w.c.TrySend(presence("lost with the stream"))
				time.Sleep(time.Second)
				if tt.again {
					w.Expect(Message(ID("id-dear")))
				}
				w.Skip()
				if w.c.Health().Up {
					w.GoAway()
					w.goesDown()
				}
				st.Resume()
				w.Pings(nil)
				w.says("newer")
				w.ComeBack()
				w.goesUp()
				w.Expect(Message(ID("id-dear"), Body("dear")))
				w.Expect(Message(ID("id-newer")))
				w.ExpectNothing()
				if n := confirmed.Load(); n != 1 {
					t.Errorf("confirmed %d times, want once", n)
				}
				if h := w.c.Health(); h.Unconfirmed != 0 || h.Queued != 0 {
					t.Errorf("health %+v", h)
				}
			})
		})
	}
}

func TestConfirmedMessageIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.says("once")
		w.Expect(Message(Body("once")))
		time.Sleep(time.Second)
		w.Connected().Break()
		w.goesDown()
		w.goesUp()
		w.ExpectNothing()
	})
}

// A barrier is no proof that a server has kept what it passed on.
func TestMessageThatSomebodyStoresIsSentAgainIfTheServerCrashesSoonAfterwards(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		end   func(w *world)
		again bool
	}{
		{"a crash at once", time.Second, func(w *world) { w.Connected().Break() }, true},
		{"a crash later", provenFor + time.Second, func(w *world) { w.Connected().Break() }, false},
		{"the server stops in order", time.Second, func(w *world) { w.Connected().Shut() }, false},
		{"the server says why", time.Second, func(w *world) { w.Connected().Fail("system-shutdown", "") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.goesUp()
				var confirmed atomic.Int32
				m := message("dear")
				m.Confirmed = func() { confirmed.Add(1) }
				if err := w.c.Send(context.Background(), m); err != nil {
					t.Fatal(err)
				}
				w.says("of no one's")
				w.Expect(Message(ID("id-dear")))
				w.Expect(Message(Body("of no one's")))
				time.Sleep(tt.after)
				for _, again := range []bool{tt.again, false} { // not for ever
					tt.end(w)
					w.goesDown()
					w.goesUp()
					if again {
						w.Expect(Message(ID("id-dear"), Body("dear")))
					}
					w.ExpectNothing()
					time.Sleep(time.Second)
				}
				if n := confirmed.Load(); n != 1 {
					t.Errorf("confirmed %d times, want once", n)
				}
				if h := w.c.Health(); h.Unconfirmed != 0 || h.Queued != 0 {
					t.Errorf("health %+v", h)
				}
			})
		})
	}
}

func TestWhatIsKeptForACrashIsBounded(t *testing.T) {
	var o outbox
	o.init()
	stream := o.hold()
	o.open(time.Now())
	send := func(size int) {
		e := newEntry(make([]byte, size))
		e.keep, e.durable, e.confirmed = true, true, func() {}
		if _, err := o.put(e, false); err != nil {
			t.Fatal(err)
		}
		o.take(&batch{}, time.Now(), func(b []byte, _ uint64) []byte { return b })
		o.confirm(stream, o.written)
	}
	for range 2 * mostProven {
		send(10)
	}
	if o.recent.count != mostProven || o.proven.len() != mostProven {
		t.Errorf("%d are kept, want %d", o.proven.len(), mostProven)
	}
	for range 100 {
		send(mostProvenBytes / 10)
	}
	if o.recent.bytes > mostProvenBytes || o.recent.count < 9 {
		t.Errorf("%+v are kept", o.recent)
	}
	o.interrupt(false, true)
	if o.recent != (size{}) || o.queued.count < 9 || o.kept != o.queued {
		t.Errorf("after a crash %+v are kept, %+v queued, %+v unconfirmed", o.recent, o.queued, o.kept)
	}
}

func TestMessagesKeepTheirOrderOverABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		st := w.Connected()
		w.Pings(loseBarriers)
		for i := range 50 {
			w.says("%d", i)
		}
		synctest.Wait()
		st.Stop()
		for i := 50; i < 100; i++ {
			w.says("%d", i)
		}
		synctest.Wait()
		w.Skip()
		st.Break()
		st.Resume()
		w.goesDown()
		w.Pings(nil)
		for i := 100; i < 150; i++ {
			w.says("%d", i)
		}
		w.goesUp()
		for i := range 150 {
			w.Expect(Message(Body(fmt.Sprint(i))))
		}
	})
}

func TestStaleMessagesAreDroppedAndDurableOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.GoAway()
		w.goesDown()
		w.says("stale")
		durable := message("durable")
		durable.Confirmed = func() {}
		if err := w.c.Send(context.Background(), durable); err != nil {
			t.Fatal(err)
		}
		if w.c.TrySend(presence("gone")) {
			t.Error("presence taken without a stream")
		}
		time.Sleep(staleAfter + time.Second)
		w.ComeBack()
		w.says("fresh")
		w.goesUp()
		w.Expect(Message(Body("durable")))
		if w.c.Health().Dropped < 2 {
			t.Errorf("health %+v", w.c.Health())
		}
	})
}

func TestNothingIsSentBeforeTheFirstPingIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Pings(LosePings)
		w.says("not yet")
		w.start()
		w.ExpectNothing()
		time.Sleep(10 * time.Second)
		w.Pings(nil)
		w.goesUp()
		w.Expect(Message(Body("not yet")))
	})
}

func TestMessageThatEndsTheStreamEachTimeIsGivenUpAlone(t *testing.T) {
	test := func(t *testing.T, end func(*Stream)) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.goesUp()
			var good, bad atomic.Int32
			w.OnStanza(func(st *Stream, r stanza.Received) {
				if r.ID == "id-poison" {
					bad.Add(1)
					end(st)
				}
			})
			for _, text := range []string{"before", "poison", "after"} {
				m := message(text)
				m.Confirmed = func() { good.Add(1) }
				if err := w.c.Send(context.Background(), m); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Minute)
			if good.Load() != 2 || bad.Load() != giveUp {
				t.Errorf("%d confirmed, %d times sent, want 2 and %d\n%s", good.Load(), bad.Load(), giveUp, w.log)
			}
			w.logged(1, "messages given up")
			if !w.c.Health().Up {
				t.Error("stream is down")
			}
		})
	}
	t.Run("with an error", func(t *testing.T) { test(t, func(st *Stream) { st.Fail("policy-violation", "") }) })
	t.Run("without a word", func(t *testing.T) { test(t, (*Stream).Break) })
}

func TestLostBarrierIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Pings(loseBarriers)
		w.says("first")
		time.Sleep(time.Second)
		if n := w.c.Health().Unconfirmed; n != 1 {
			t.Errorf("%d unconfirmed, want 1", n)
		}
		w.Pings(nil)
		time.Sleep(barrierRetry)
		if n := w.c.Health().Unconfirmed; n != 0 {
			t.Errorf("%d unconfirmed, want 0", n)
		}
	})
}

func TestBarrierOfAnEarlierStreamConfirmsNothing(t *testing.T) {
	var o outbox
	o.init()
	old := o.hold()
	o.open(time.Now())
	o.interrupt(false, false)
	now := o.hold()
	o.open(time.Now())
	e := newEntry([]byte("<message/>"))
	e.keep = true
	if _, err := o.put(e, false); err != nil {
		t.Fatal(err)
	}
	o.take(&batch{}, time.Now(), func(b []byte, _ uint64) []byte { return b })
	o.confirm(old, 1)
	if o.finished() {
		t.Error("confirmed by the earlier stream")
	}
	o.confirm(now, 1)
	if !o.finished() {
		t.Error("not confirmed")
	}
}

func TestForgedBarrierConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		w.Pings(loseBarriers)
		w.says("unsafe")
		time.Sleep(time.Second)
		w.Send(`<iq from="irc.example.org/x" to="irc.example.org/x" type="get" id="x.b1"><ping xmlns="urn:xmpp:ping"/></iq>`)
		w.hearsNothing()
		if h := w.c.Health(); h.Unconfirmed != 1 || h.Ignored != 1 {
			t.Errorf("health %+v", h)
		}
	})
}
