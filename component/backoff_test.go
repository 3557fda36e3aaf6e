package component

import (
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
)

func TestWaitsGrowUpToTheirBound(t *testing.T) {
	now := time.Now()
	for c := lost; c < causes; c++ {
		if c == replaced {
			continue
		}
		var b backoff
		for n := range 40 {
			wait, fighting := b.next(c, 0, now)
			most := waits[c].most
			if n < 10 {
				most = min(most, waits[c].first<<n)
			}
			least := time.Duration(float64(most) * waits[c].least)
			if wait < least || wait > most || fighting {
				t.Errorf("cause %d, failure %d: waits %v, want %v to %v", c, n, wait, least, most)
			}
		}
	}
}

func TestWaitsAreForgottenAfterAHealthyMinute(t *testing.T) {
	var b backoff
	now := time.Now()
	for range 20 {
		b.next(silent, 59*time.Second, now)
	}
	if b.failures[silent] != 20 {
		t.Errorf("%d failures, want 20", b.failures[silent])
	}
	wait, _ := b.next(silent, time.Minute, now)
	if wait > 5*time.Second {
		t.Errorf("waits %v after a healthy stream", wait)
	}
}

func TestServerThatIsRestartedOftenIsComeBackToSoonEachTime(t *testing.T) {
	var b backoff
	now := time.Now()
	for range 200 {
		if wait, _ := b.next(lost, settledAfter, now); wait > time.Second {
			t.Fatalf("waits %v", wait)
		}
		if wait, _ := b.next(lost, 0, now); wait > 2*time.Second { // the port is closed yet
			t.Fatalf("waits %v", wait)
		}
	}
}

func TestStreamThatBreaksAtOnceIsComeBackToEverLater(t *testing.T) {
	var b backoff
	now := time.Now()
	for range 20 {
		b.next(lost, settledAfter-1, now)
	}
	if b.failures[lost] != 20 {
		t.Errorf("%d failures, want 20", b.failures[lost])
	}
}

func TestReplacedStreamDoesNotComeBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Dialled()
		w.goesUp()
		start := time.Now()
		w.Connected().Fail("conflict", "Replaced by a new connection")
		w.goesDown()
		if waited := w.Dialled().Sub(start); waited < time.Minute || waited > 3*time.Minute {
			t.Errorf("came back after %v", waited)
		}
		w.logged(1, "another connection has taken the domain")
		w.goesUp()
	})
}

func TestTwoGatewaysDoNotFightForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range swapLimit {
			w.Dialled()
			w.goesUp()
			w.Connected().Fail("conflict", "Replaced by a new connection")
			w.goesDown()
		}
		start := time.Now()
		if waited := w.Dialled().Sub(start); waited < swapWait/2 {
			t.Errorf("came back after %v", waited)
		}
		w.logged(1, "two gateways take the domain from each other")
	})
}

func TestSwapsLongAgoAreForgotten(t *testing.T) {
	var b backoff
	now := time.Now()
	for range 10 {
		if _, fighting := b.next(replaced, 0, now); fighting {
			t.Fatal("fighting")
		}
		now = now.Add(swapWindow/2 + time.Second)
	}
}

func TestConflictOnConnectingIsRetriedFasterThanAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		taken := RefuseHandshake("conflict", "Component already connected")
		w.Next(taken, taken, taken, taken, taken, taken)
		w.start()
		last := w.Dialled()
		for _, most := range []time.Duration{5, 10, 20, 40, 60, 60} {
			at := w.Dialled()
			if waited := at.Sub(last); waited > most*time.Second || waited < most*time.Second*8/10 {
				t.Errorf("waited %v, want nearly %ds", waited, most)
			}
			last = at
		}
		w.goesUp()
	})
}

func TestServerRestartIsFollowedWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.goesUp()
		time.Sleep(2 * time.Minute)
		start := time.Now()
		w.Connected().Fail("system-shutdown", "")
		w.goesDown()
		synctest.Wait()
		w.GoAway()
		time.Sleep(5 * time.Second)
		w.ComeBack()
		w.goesUp()
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		w.logged(1, "system-shutdown")
	})
}
