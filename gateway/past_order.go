package gateway

import (
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// putInOrder gives the items of an answer times of their own, where the network
// knows no more than the millisecond: behind and before those that the archive
// has, of the same millisecond, as the answer has them. What an answer begins or
// ends with in the middle of one leaves room for the rest on that side.
func putInOrder(items []pastItem, have []store.Archived, q transport.HistoryQuery) {
	here := make(map[string]time.Time, len(have))
	for _, m := range have {
		here[m.ID] = m.At
	}
	within := func(id string, ms time.Time) (at time.Time, ok bool) {
		at, ok = here[id]
		return at, ok && at.Truncate(time.Millisecond).Equal(ms)
	}
	for i := 0; i < len(items); {
		ms := items[i].At.Truncate(time.Millisecond)
		end := i
		for end < len(items) && items[end].At.Truncate(time.Millisecond).Equal(ms) {
			end++
		}
		first, last := i == 0, end == len(items)
		behind, any := time.Time{}, false
		if first {
			behind, any = within(string(q.After.ID), ms)
		}
		for i < end {
			if at, known := within(items[i].kept.ID, ms); known {
				items[i].kept.At, behind, any = at, at, true
				i++
				continue
			}
			run := i
			next, bounded := time.Time{}, false
			for run < end && !bounded {
				if next, bounded = within(items[run].kept.ID, ms); !bounded {
					run++
				}
			}
			if !bounded && last {
				next, bounded = within(string(q.Before.ID), ms)
			}
			n := time.Duration(run - i)
			at := ms
			switch {
			case any && (!bounded || behind.Add(n*time.Microsecond).Before(next)):
				at = behind.Add(time.Microsecond)
			case bounded:
				at = next.Add(-n * time.Microsecond)
			case q.Newest && first:
				at = ms.Add((1000 - n) * time.Microsecond)
			}
			if at.Before(ms) {
				at = ms
			}
			for ; i < run; i++ {
				items[i].kept.At, behind, any = at, at, true
				at = at.Add(time.Microsecond)
			}
		}
	}
}
