package main

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	littleLoad = 0.3 // of a core, over a second
	muchLoad   = 0.5 // of a core

	// Of shorter times the kernel does not tell exactly what was used, and in those
	// behind a collection that was asked for it was the collection.
	shortestLook = 100 * time.Millisecond

	muchAlive  = 64 << 20 // bytes: their collection would be in the way for long
	slowCommit = 2 * time.Millisecond
	slowFor    = time.Minute // is the disk then thought to be slow
)

// Processors are Go's (GOMAXPROCS). A gateway with little to do, for some hundreds
// of users, has one of them. With more, whoever has work for another goroutine
// wakes a thread to look for it, which finds none. On kernels that keep threads
// which do little on one core it stands in the way of the message's next reader.
type processors struct {
	mu       sync.Mutex
	one      bool
	last     reading // of any look
	second   reading // of the last one of everySecond
	slowTill time.Time
}

// A reading is what the process had used of all cores at some time.
type reading struct {
	at   time.Time
	used time.Duration
}

// A state is what else is known of the last second.
type state struct {
	alive  uint64        // bytes
	commit time.Duration // of the store, on average
}

// follow looks at the load whenever garbage was collected, as hard work makes
// garbage; everySecond is for others to call. It leaves alone what the
// environment sets.
func (p *processors) follow() {
	if os.Getenv("GOMAXPROCS") != "" || runtime.GOMAXPROCS(0) == 1 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = readCPU()
	p.second = p.last
	runtime.SetFinalizer(&collected{p}, (*collected).again)
}

// A collected is held by nobody, so that each collection finds it.
type collected struct{ by *processors }

func (c *collected) again() {
	c.by.look(nil)
	runtime.SetFinalizer(c, (*collected).again)
}

func (p *processors) everySecond(s state) { p.look(&s) }

func (p *processors) look(s *state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.at.IsZero() {
		return
	}
	one := p.needsOne(readCPU(), s)
	switch {
	case one == p.one:
	case one:
		runtime.GOMAXPROCS(1)
	default:
		runtime.SetDefaultGOMAXPROCS()
	}
	p.one = one
}

// needsOne says how it is to be from now on. s is nil between two seconds.
func (p *processors) needsOne(now reading, s *state) bool {
	recent, known := now.load(p.last), now.at.Sub(p.last.at) >= shortestLook
	if known || s != nil {
		p.last = now
	}
	if s == nil {
		return p.one && !(known && recent > muchLoad)
	}
	whole := now.load(p.second)
	p.second = now
	// A thread that waits for the disk keeps a processor until Go's monitor takes
	// it away, which can be 10 ms: nobody else may need that one.
	if s.commit > slowCommit {
		p.slowTill = now.at.Add(slowFor)
	}
	switch {
	case known && recent > muchLoad, whole > muchLoad, s.alive > muchAlive, now.at.Before(p.slowTill):
		return false
	case whole < littleLoad:
		return true
	}
	return p.one
}

func (r reading) load(since reading) float64 {
	return float64(r.used-since.used) / float64(max(1, r.at.Sub(since.at)))
}

func readCPU() reading {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return reading{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}
