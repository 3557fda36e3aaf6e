package main

import (
	"os"
	"runtime/debug"
)

const (
	// heapGrowth is the GOGC of a gateway with little to do. Users at rest are
	// most of the heap, and garbage lies between what is theirs: half of the usual
	// growth takes a sixth of the memory away, and adds a tenth to the CPU of a
	// message.
	heapGrowth = 50

	busyRate   = 40 << 20 // bytes allocated in a second
	busyRoom   = 64 << 20 // of garbage
	busyComing = 32       // an increase of goroutines by this part in a second: users come
)

// A load is what a gateway had to do in a second.
type load struct {
	allocated          uint64 // bytes
	live               uint64 // bytes, after the last collection
	before, goroutines uint64 // at the second's begin and end
}

// growth is the GOGC for a gateway under a load. One that works hard has room for
// more garbage: messages are gone once they are delivered. While users come it has
// not, for they stay between it.
func (l load) growth() int {
	if l.allocated < busyRate || l.goroutines > l.before+l.before/busyComing {
		return heapGrowth
	}
	return max(heapGrowth, int(100*busyRoom/max(l.live, busyRoom/4)))
}

// A collector sets GOGC, unless the environment does. It stops the world for
// that, and so only for a difference that counts.
type collector struct{ growth int }

func (c *collector) set(growth int) {
	near := growth > heapGrowth && growth >= c.growth*4/5 && growth <= c.growth*5/4
	if os.Getenv("GOGC") == "" && growth != c.growth && !near {
		c.growth = growth
		debug.SetGCPercent(growth)
	}
}
