//go:build !race

package main

import "testing"

// What a message across the whole gateway allocates: more would be a defect.
func TestAMessageAcrossAllocatesLittle(t *testing.T) {
	c := newCrossing(t, false)
	for _, way := range []struct {
		name  string
		cross func()
		most  float64
	}{
		{"to XMPP", c.toXMPP, 3}, // the line, its parts, the event
		// The stanza (3), its note and its name (2), the text as one line, its bytes and
		// what is awaited of it, the writer; and the PING behind it with its PONG.
		{"to IRC", c.toIRC, 14},
	} {
		for range 100 {
			way.cross() // until all memory that is kept is there
		}
		n := testing.AllocsPerRun(300, way.cross)
		for range 4 { // others of this process may be at work
			n = min(n, testing.AllocsPerRun(300, way.cross))
		}
		if n > way.most {
			t.Errorf("%s: %v allocations, more than %v", way.name, n, way.most)
		}
	}
}
