package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	quietLook    = time.Second
	quietRate    = 1 << 20 // bytes allocated between two looks: next to nothing is done
	quietReturn  = 1 << 20 // less is not worth a collection
	quietPortion = 10      // nor is less than a tenth of what is used
	quietStack   = 4 << 10 // that a goroutine leaves behind when it ends
)

// adapt sets Go's runtime once a second to how much there is to do. Memory that a
// busy time has left over is given back to the system once the gateway is quiet:
// what users at rest need is then all that it has. Go would do so within some
// minutes, and never with its last garbage. commitTime is that of the store.
func adapt(ctx context.Context, commitTime func() time.Duration) {
	look := time.NewTicker(quietLook)
	defer look.Stop()
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/sched/goroutines:goroutines"},
	}
	last, shrinking := uint64(0), false
	garbage := collector{heapGrowth}
	var cores processors
	cores.follow()
	most := uint64(0) // goroutines at a time, since memory was given back last
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
		metrics.Read(samples)
		allocated, live := samples[0].Value.Uint64(), samples[1].Value.Uint64()
		cores.everySecond(state{alive: live, commit: commitTime()})
		objects, free := samples[2].Value.Uint64(), samples[3].Value.Uint64()
		garbage.set(growth(allocated-last, live))
		quiet := allocated-last < quietRate
		last = allocated
		stacks, running := samples[4].Value.Uint64(), samples[5].Value.Uint64()
		most = max(most, running)
		left := free + objects - min(objects, live) + (most-running)*quietStack
		if !quiet || !shrinking && left < max(quietReturn, live/quietPortion) {
			continue
		}
		debug.FreeOSMemory()
		most = running
		// A collection halves the stacks that are too large, as those of a TLS
		// handshake are: several make them small.
		metrics.Read(samples)
		shrinking = samples[4].Value.Uint64() < stacks-stacks/10
	}
}
