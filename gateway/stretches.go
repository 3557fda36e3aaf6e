package gateway

import (
	"slices"
	"time"
)

const (
	maxStretches = 16  // of one chat that are remembered
	maxKnownPast = 256 // chats of one user of which some are
)

// A stretch is a part of a chat's past of which the archive has all that the
// network has. Its zero time is the beginning of everything.
type stretch struct{ from, to time.Time }

// stretches are disjoint, the oldest first.
type stretches []stretch

// add gives the stretches with one more. If there are too many, the oldest is
// forgotten: what is not known is only asked for again.
func (all stretches) add(s stretch) stretches {
	if s.to.Before(s.from) {
		return all
	}
	joined := make(stretches, 0, len(all)+1)
	for _, other := range all {
		if other.to.Before(s.from) || s.to.Before(other.from) {
			joined = append(joined, other)
			continue
		}
		if other.from.Before(s.from) {
			s.from = other.from
		}
		if other.to.After(s.to) {
			s.to = other.to
		}
	}
	joined = append(joined, s)
	slices.SortFunc(joined, func(a, b stretch) int { return a.from.Compare(b.from) })
	if len(joined) > maxStretches {
		joined = joined[1:]
	}
	return joined
}

// gaps are the parts of a stretch that are not known, the oldest first.
func (all stretches) gaps(of stretch) (gaps []stretch) {
	for _, known := range all {
		if !of.from.Before(of.to) || !known.from.Before(of.to) {
			break
		}
		if known.from.After(of.from) {
			gaps = append(gaps, stretch{of.from, known.from})
		}
		if known.to.After(of.from) {
			of.from = known.to
		}
	}
	if of.from.Before(of.to) {
		gaps = append(gaps, of)
	}
	return gaps
}

// lastGap gives the newest part of a stretch that is not known.
func (all stretches) lastGap(of stretch) (gap stretch, any bool) {
	if gaps := all.gaps(of); len(gaps) > 0 {
		return gaps[len(gaps)-1], true
	}
	return gap, false
}

// firstGap gives the oldest part of a stretch that is not known.
func (all stretches) firstGap(of stretch) (gap stretch, any bool) {
	if gaps := all.gaps(of); len(gaps) > 0 {
		return gaps[0], true
	}
	return gap, false
}
