package gateway

import (
	"fmt"
	"testing"
	"time"
)

func TestRegularsAreForgotten(t *testing.T) {
	now, r := time.Now(), regulars{}
	for i := range maxRegulars + 1 {
		r.left(fmt.Sprint("Guest", i), now.Add(time.Duration(i)*time.Second))
	}
	now = now.Add(maxRegulars * time.Second)
	if len(r) != maxRegulars || r.has("guest0", now) || !r.has("guest1", now) || !r.has("GUEST2000", now) {
		t.Errorf("%d are remembered", len(r))
	}
	if r.has("guest1", now.Add(regularTime)) {
		t.Error("one is remembered for ever")
	}
}
