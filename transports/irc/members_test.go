package irc

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Members are those who came and did not go, however many: as a map has them.
func TestMembersAreThoseWhoCameAndDidNotGo(t *testing.T) {
	everybody := make([]*user, 3*fewMembers)
	for i := range everybody {
		everybody[i] = &user{}
	}
	var m members
	want := map[*user]modeSet{}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		u := everybody[random.IntN(min(len(everybody), 10+round/8))]
		if random.IntN(3) > 0 {
			modes := modeSet(0).with('o', random.IntN(4) == 0)
			m.set(u, modes)
			want[u] = modes
		} else {
			m.remove(u)
			delete(want, u)
		}
		if round == 1500 { // all go, each when it is their turn
			for u := range m.all() {
				m.remove(u)
			}
			if m.len() != 0 {
				t.Fatalf("%d stay", m.len())
			}
			clear(want)
		}
		got := map[*user]modeSet{}
		for u := range m.all() {
			if _, twice := got[u]; twice || !m.has(u) {
				t.Fatal("somebody is there twice, or not at all")
			}
			got[u] = m.modes(u)
		}
		if !maps.Equal(got, want) || m.len() != len(want) {
			t.Fatalf("after %d rounds %d are there, want %d", round, m.len(), len(want))
		}
		if u := everybody[random.IntN(len(everybody))]; m.has(u) != slices.Contains(slices.Collect(maps.Keys(want)), u) {
			t.Fatal("it is not known who is there")
		}
	}
}
