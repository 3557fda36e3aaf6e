package main

import "testing"

func TestABusyGatewayHasRoomForGarbageButOnlySoMuch(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		what            string
		allocated, live uint64
		want            int
	}{
		{"at rest", mib, 15 * mib, 50},
		{"users come in a storm", 30 * mib, 15 * mib, 50},
		{"busy", 80 * mib, 32 * mib, 200},
		{"busy with next to nothing alive", 80 * mib, mib, 400},
		{"busy with thousands of users", 80 * mib, 200 * mib, 50},
	} {
		if got := growth(c.allocated, c.live); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
