//go:build !race

package component

import "testing"

func TestAnIDCostsOneAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { NewID() }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
