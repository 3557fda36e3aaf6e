package gateway

import (
	"fmt"
	"testing"
	"time"
)

func at(second int) time.Time {
	if second == 0 {
		return time.Time{}
	}
	return time.Unix(int64(second), 0)
}

func TestStretchesThatAreKnown(t *testing.T) {
	for _, tt := range []struct {
		known       [][2]int
		of          [2]int
		last, first string
	}{
		{nil, [2]int{0, 9}, "0-9", "0-9"},
		{[][2]int{{0, 9}}, [2]int{0, 9}, "", ""},
		{[][2]int{{5, 12}}, [2]int{0, 9}, "0-5", "0-5"},
		{[][2]int{{1, 5}}, [2]int{2, 9}, "5-9", "5-9"},
		{[][2]int{{3, 4}, {6, 7}}, [2]int{1, 9}, "7-9", "1-3"},
		{[][2]int{{3, 4}, {6, 9}}, [2]int{1, 9}, "4-6", "1-3"},
		{[][2]int{{1, 4}, {6, 9}}, [2]int{1, 9}, "4-6", "4-6"},
		{[][2]int{{1, 4}, {4, 9}}, [2]int{1, 9}, "", ""},
		{[][2]int{{1, 6}, {4, 9}}, [2]int{2, 8}, "", ""},
		{[][2]int{{20, 30}}, [2]int{1, 9}, "1-9", "1-9"},
		{[][2]int{{1, 2}}, [2]int{4, 9}, "4-9", "4-9"},
		{[][2]int{{1, 2}}, [2]int{5, 5}, "", ""},
		{[][2]int{{6, 3}}, [2]int{1, 9}, "1-9", "1-9"},
	} {
		var known stretches
		for _, k := range tt.known {
			known = known.add(stretch{at(k[0]), at(k[1])})
		}
		show := func(gap stretch, any bool) string {
			if !any {
				return ""
			}
			from := int64(0)
			if !gap.from.IsZero() {
				from = gap.from.Unix()
			}
			return fmt.Sprintf("%d-%d", from, gap.to.Unix())
		}
		of := stretch{at(tt.of[0]), at(tt.of[1])}
		if got := show(known.lastGap(of)); got != tt.last {
			t.Errorf("last gap of %v in %v: %q, want %q", tt.of, tt.known, got, tt.last)
		}
		if got := show(known.firstGap(of)); got != tt.first {
			t.Errorf("first gap of %v in %v: %q, want %q", tt.of, tt.known, got, tt.first)
		}
	}
	var many stretches
	for i := 1; i < 100; i++ {
		many = many.add(stretch{at(10 * i), at(10*i + 1)})
	}
	if len(many) != maxStretches || many[0].from != at(10*(100-maxStretches)) {
		t.Errorf("%d are remembered, from %v", len(many), many[0].from)
	}
}
