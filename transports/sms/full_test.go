package sms

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// stuck is a carrier that takes nothing for now, and room for so many texts.
func stuck(most int) *carrier {
	c := &carrier{change: func(n *Network) { n.maxWaiting = most }}
	for range 200 {
		c.plans = append(c.plans, plan{err: &provider.Retry{Everyone: true, Err: errTimeout}})
	}
	return c
}

func TestWhatWaitsIsBoundedForEachUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), stuck(5), 0)
		defer w.ends()
		w.accepts(phone, "one")
		w.says("is sent", "schedule", "number="+string(phone), "when=2h", "text=later")
		w.accepts("+15551234567,+15557654321", "two copies")
		w.refuses(transport.RateLimited, "at most 5", "+15551234567,+15557654321", "two copies more")
		w.accepts(phone, "five")
		w.refuses(transport.RateLimited, "at most 5", phone, "six")
		w.says("at most 5", "schedule", "number="+string(phone), "when=2h", "text=later")
		other := w.open(juliet, &inbox{})
		if _, err := other.Send(t.Context(), transport.Message{Request: "r", Chat: phone, Text: "hello"}); err != nil {
			t.Errorf("another user: %v", err)
		}
		if m, err := w.network.usageOf(t.Context(), romeo, time.Now().UTC().Format(monthLayout)); err != nil || m.total().Texts != 4 {
			t.Errorf("counted are %+v, %v; want 4 texts: the refused cost nothing", m, err)
		}
		w.says("not sent", "cancel", "id=1")
		w.accepts(phone, "six")
		w.refuses(transport.RateLimited, "at most 5", phone, "seven")
		w.carrier.mu.Lock()
		w.carrier.plans = nil
		w.carrier.mu.Unlock()
		time.Sleep(time.Hour)
		w.accepts(phone, "seven")
		if err := other.Close(t.Context(), ""); err != nil {
			t.Error(err)
		}
	})
}

func TestADueTextWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), stuck(3), 0)
		defer w.ends()
		w.says("is sent", "schedule", "number=+15551234567,+15557654321", "when=10m", "text=to both")
		w.accepts(phone, "one")
		w.accepts(phone, "two")
		w.refuses(transport.RateLimited, "at most 3", phone, "three")
		time.Sleep(20 * time.Minute)
		w.says("1 text waits", "scheduled") // two copies have no room
		w.carrier.mu.Lock()
		w.carrier.plans = nil
		w.carrier.mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.carrier.texts(); len(got) != 4 {
			t.Errorf("sent %q", got)
		}
		w.says("No text of yours waits", "scheduled")
	})
}

func TestSimultaneousTextsAreNeverMoreThanMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 110 // so that both ways of counting meet
		w := start(t, newDisk(), stuck(most), 0)
		defer w.ends()
		var putting sync.WaitGroup
		for i := range 40 {
			putting.Go(func() {
				for n := range 5 {
					w.sends(transport.Request(fmt.Sprint(i, n)), phone, "hello")
					w.asks(romeo, "schedule", "number="+string(phone), "when=2h", "text=later")
				}
			})
		}
		putting.Wait()
		queued, err := w.network.outbox.Waiting(t.Context(), romeo)
		later, e := w.network.records.OfUser(t.Context(), romeo, kindScheduled)
		if err != nil || e != nil || queued+len(later) != most {
			t.Errorf("%d are queued and %d wait for their time, want %d together; %v, %v", queued, len(later), most, err, e)
		}
	})
}

func TestAnExpiredTextDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), stuck(5), 0)
		w.carrier.plans = append(w.carrier.plans, w.carrier.plans...)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		time.Sleep(keepTrying + time.Hour)
		synctest.Wait()
		if got := wentThrough(w.romeo.statuses("r1")); len(got) != 1 || got[0] != transport.Failed {
			t.Fatalf("it went through %v", got)
		}
		if m, err := w.network.usageOf(t.Context(), romeo, time.Now().Add(-25*time.Hour).UTC().Format(monthLayout)); err != nil || m.total().Texts != 0 {
			t.Errorf("counted are %+v, %v", m, err)
		}
	})
}
