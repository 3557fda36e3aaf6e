//go:build !race

package main

import "testing"

// What a message across the whole gateway allocates: more would be a defect.
func TestAMessageAcrossAllocatesLittle(t *testing.T) {
	plain, echoing := newCrossing(t, false, false), newCrossing(t, false, true)
	for _, way := range []struct {
		name  string
		cross func()
		most  float64
	}{
		{"to XMPP", plain.toXMPP, 3},                  // the line, its parts, the event
		{"to IRC", plain.toIRC, 3},                    // the stanza's text, its elements, the note with the name
		{"to IRC, which shows it", echoing.toIRC, 10}, // its echo too, and what is kept until it comes
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
