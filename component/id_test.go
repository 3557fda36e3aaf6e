package component

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestIDsGrowAndDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		for last := ""; len(seen) < 2000; {
			time.Sleep(time.Millisecond)
			first := NewID()
			if first <= last || last != "" && len(first) != len(last) {
				t.Fatalf("%s comes after %s", first, last)
			}
			last = first
			for id := range map[string]bool{first: true, NewID(): true} {
				if seen[id] {
					t.Fatalf("%s comes twice", id)
				}
				seen[id] = true
			}
		}
	})
}
