package gateway

import (
	"strings"
	"testing"
)

// A paste takes as much of the pace that links share as its lines.
func TestALinkHasNoMoreLinesAheadThanItsShare(t *testing.T) {
	ours, foreign := &plumbEnd{inner: &host{}}, &plumbEnd{}
	for _, tt := range []struct {
		body          string
		ours, foreign int
	}{
		{"Ay me!", 1, 1},
		{"one\ntwo\nthree", 3, 1},
		{strings.Repeat("x", 3*plumbLine), 4, 1},
	} {
		f := &flight{body: tt.body}
		if a, b := ours.weight(f), foreign.weight(f); a != tt.ours || b != tt.foreign {
			t.Errorf("%.10q weighs %d and %d, want %d and %d", tt.body, a, b, tt.ours, tt.foreign)
		}
	}
}
