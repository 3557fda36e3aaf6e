package main

import "testing"

func TestABusyGatewayHasRoomForGarbageButOnlySoMuch(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		what string
		load load
		want int
	}{
		{"at rest", load{mib, 15 * mib, 500, 500}, 50},
		{"busy", load{80 * mib, 32 * mib, 500, 510}, 200},
		{"busy, and users come", load{80 * mib, 32 * mib, 500, 600}, 50},
		{"busy, and users leave", load{80 * mib, 32 * mib, 600, 500}, 200},
		{"busy with next to nothing alive", load{80 * mib, mib, 50, 50}, 400},
		{"busy with thousands of users", load{80 * mib, 200 * mib, 5000, 5000}, 50},
	} {
		if got := c.load.growth(); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
