//go:build !race

package component

import (
	"testing"

	"gatehouse/component/stanza"
)

func TestAStanzaAllocatesLittle(t *testing.T) {
	n := 0
	s := newBenchReader(t, NewGroup(func(*stanza.Received) { n++ }))
	in := func() {
		e, err := s.in.Next()
		if err != nil {
			t.Fatal(err)
		}
		s.take(e)
	}
	got := testing.AllocsPerRun(200, in)
	for range 4 { // others of this process may be at work
		got = min(got, testing.AllocsPerRun(200, in))
	}
	if got > 2 || n == 0 { // its text, and its elements with what is known of it
		t.Errorf("%v allocations for one of %d", got, n)
	}
}

func TestAnIDCostsOneAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { NewID() }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
