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

	busyRate = 40 << 20 // bytes allocated in a second; users who come in a storm allocate a fourth of it
	busyRoom = 64 << 20 // of garbage
)

// growth is the GOGC for a gateway that has allocated so many bytes in a second,
// with so many alive after the last collection. One that works hard has room for
// more garbage: messages are gone once they are delivered.
func growth(allocated, live uint64) int {
	if allocated < busyRate {
		return heapGrowth
	}
	return max(heapGrowth, int(100*busyRoom/max(live, busyRoom/4)))
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
