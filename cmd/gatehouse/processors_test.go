package main

import (
	"runtime"
	"testing"
	"time"
)

func TestAQuietGatewayHasOneProcessor(t *testing.T) {
	const ms, mib = time.Millisecond, 1 << 20
	start := time.Now()
	var p processors
	p.last = reading{start, 0}
	p.second = p.last
	rests := &state{alive: 15 * mib, commit: ms}
	for _, look := range []struct {
		what     string
		at, used time.Duration
		second   *state // nil: a collection
		one      bool
	}{
		{"it starts", 500 * ms, 200 * ms, nil, false},
		{"the first second", 1000 * ms, 290 * ms, rests, true},
		{"a collection at rest", 1500 * ms, 300 * ms, nil, true},
		{"another second of rest", 2000 * ms, 310 * ms, rests, true},
		{"a collection that was asked for", 2020 * ms, 328 * ms, nil, true},
		{"a burst begins: much of the time before was rest", 2800 * ms, 350 * ms, nil, true},
		{"too short to know", 2810 * ms, 359 * ms, nil, true},
		{"the burst goes on", 2900 * ms, 440 * ms, nil, false},
		{"the second that it began in", 3000 * ms, 540 * ms, rests, false},
		{"some load, seen by a collection", 3500 * ms, 740 * ms, nil, false},
		{"some load, over the second", 4000 * ms, 940 * ms, rests, false},
		{"little load between two collections", 4200 * ms, 941 * ms, nil, false},
		{"little load for a second", 5000 * ms, 1200 * ms, rests, true},
		{"work without garbage", 6000 * ms, 1800 * ms, rests, false},
		{"rest again", 7000 * ms, 1810 * ms, rests, true},
		{"thousands of users", 8000 * ms, 1820 * ms, &state{alive: 200 * mib}, false},
		{"a collection of theirs", 8500 * ms, 1830 * ms, nil, false},
		{"they are gone", 9000 * ms, 1840 * ms, rests, true},
		{"the disk is slow", 10_000 * ms, 1850 * ms, &state{commit: 5 * ms}, false},
		{"and may be still", 40_000 * ms, 1860 * ms, &state{}, false},
		{"it was quick for a minute", 71_000 * ms, 1870 * ms, rests, true},
	} {
		now := reading{start.Add(look.at), look.used}
		if p.one = p.needsOne(now, look.second); p.one != look.one {
			t.Errorf("%s: one processor: %v", look.what, p.one)
		}
	}
}

func TestAGatewayThatWorksHardHasAllProcessors(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	runtime.SetDefaultGOMAXPROCS()
	all := runtime.GOMAXPROCS(2) // more than one also where there is but one core
	p := processors{one: true}
	p.follow()
	runtime.GOMAXPROCS(1)
	hasOne := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.one
	}
	var garbage []byte
	for end := time.Now().Add(time.Minute); hasOne(); {
		for range 1000 {
			garbage = make([]byte, 4<<10)
		}
		if time.Now().After(end) {
			t.Fatal("it has one")
		}
	}
	runtime.KeepAlive(garbage)
	if n := runtime.GOMAXPROCS(0); n != all {
		t.Errorf("it has %d of %d", n, all)
	}
}
