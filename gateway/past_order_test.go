package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// A server that knows milliseconds alone is read in pages: however its messages
// lie in time and the pages come, the archive has them in its order.
func TestTheArchiveHasTheOrderOfTheNetwork(t *testing.T) {
	start := time.UnixMilli(1_600_000_000_000)
	for _, perMilli := range []int{1, 3, 7, 40, 200} {
		var all []pastItem
		for i := range 120 {
			var item pastItem
			item.At = start.Add(time.Duration(i/perMilli) * time.Millisecond)
			item.kept = store.Archived{ID: fmt.Sprint("m", i), At: item.At}
			all = append(all, item)
		}
		page := func(have []store.Archived, from, to int, newest bool) []store.Archived {
			q := transport.HistoryQuery{Newest: newest}
			if from > 0 && !newest {
				q.After.ID = transport.MessageID(all[from-1].kept.ID)
			}
			if to < len(all) && newest {
				q.Before.ID = transport.MessageID(all[to].kept.ID)
			}
			items := slices.Clone(all[from:to])
			putInOrder(items, have, q)
			for _, item := range unarchived(items, have) {
				have = append(have, item.kept)
			}
			return have
		}
		for name, pages := range map[string][][3]int{ // from, to, newest
			"back":          {{100, 120, 1}, {80, 100, 1}, {60, 80, 1}, {40, 60, 1}, {20, 40, 1}, {0, 20, 1}},
			"forth":         {{0, 20, 0}, {20, 40, 0}, {40, 60, 0}, {60, 80, 0}, {80, 100, 0}, {100, 120, 0}},
			"both":          {{100, 120, 1}, {0, 20, 0}, {20, 40, 0}, {80, 100, 1}, {40, 60, 0}, {60, 80, 1}},
			"overlapping":   {{70, 120, 1}, {0, 50, 0}, {45, 75, 0}},
			"all at a time": {{0, 120, 1}},
		} {
			if perMilli == 200 && name == "both" {
				continue // nothing tells where the middle is
			}
			var have []store.Archived
			for _, p := range pages {
				have = page(have, p[0], p[1], p[2] == 1)
			}
			slices.SortStableFunc(have, func(a, b store.Archived) int { return a.At.Compare(b.At) })
			var got, want []string
			taken := map[time.Time]bool{}
			for i, m := range have {
				got, want = append(got, m.ID), append(want, fmt.Sprint("m", i))
				if taken[m.At] {
					t.Errorf("%s, %d a millisecond: two at %v", name, perMilli, m.At)
				}
				taken[m.At] = true
			}
			if len(have) != len(all) || !slices.Equal(got, want) {
				t.Errorf("%s, %d a millisecond: %s", name, perMilli, strings.Join(got, " "))
			}
		}
	}
}
