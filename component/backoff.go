package component

import (
	"math/rand/v2"
	"time"
)

// A stream that lasted so long makes earlier failures forgotten.
const healthyAfter = time.Minute

// One that lasted so long shows that the server works: if the stream is then
// lost, the server was restarted, and will be back as soon as the last time.
const settledAfter = 2 * time.Second

// waits says for each cause how long the first wait may be and how long any,
// each next one being twice as long, and how much of it is not left to chance:
// with nothing certain, a few short waits would lead to a long one too early.
var waits = [causes]struct {
	first, most time.Duration
	least       float64 // of the wait
}{
	lost:          {first: time.Second, most: time.Minute, least: 0.5},
	silent:        {first: 5 * time.Second, most: time.Minute, least: 0.5},
	refused:       {first: 5 * time.Second, most: 5 * time.Minute, least: 0.5},
	misconfigured: {first: 10 * time.Second, most: 5 * time.Minute, least: 0.5},
	conflict:      {first: 5 * time.Second, most: time.Minute, least: 0.8},
	replaced:      {first: 2 * time.Minute, most: 2 * time.Minute, least: 0.5},
}

// Two gateways that take the domain from each other in turn would disturb
// everyone: after swapLimit swaps within swapWindow there is a long wait.
const (
	swapLimit  = 3
	swapWindow = 10 * time.Minute
	swapWait   = 30 * time.Minute
)

// A backoff says how long to wait between attempts.
type backoff struct {
	failures [causes]int
	swaps    []time.Time
}

// next gives the wait after a problem of a stream that was up for so long.
// fighting tells that another connection keeps taking the domain.
func (b *backoff) next(c cause, upFor time.Duration, now time.Time) (wait time.Duration, fighting bool) {
	if upFor >= healthyAfter {
		clear(b.failures[:])
	}
	if upFor >= settledAfter {
		b.failures[lost] = 0
	}
	if c == replaced {
		b.swaps = append(b.swaps, now)
		for now.Sub(b.swaps[0]) > swapWindow {
			b.swaps = b.swaps[1:]
		}
		if len(b.swaps) >= swapLimit {
			return jitter(swapWait, 0.5), true
		}
	}
	w := waits[c]
	wait = w.most
	if n := b.failures[c]; n < 16 {
		wait = min(w.most, w.first<<n)
	}
	b.failures[c]++
	return jitter(wait, w.least), false
}

// jitter gives something between least times d and d.
func jitter(d time.Duration, least float64) time.Duration {
	floor := time.Duration(float64(d) * least)
	return floor + rand.N(d-floor+1)
}
