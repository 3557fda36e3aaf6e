package gateway

import (
	"context"
	"slices"
	"sync"
)

// A sharing lets so many do something at once, and shares the places between
// users: who has the fewest is next, and of those who was not for the longest time.
type sharing struct {
	each int // places that one user has at most

	mu      sync.Mutex
	free    int
	inside  map[string]int
	waiting []*sharer
}

type sharer struct {
	user string
	in   chan struct{} // closed once they have a place
}

func newSharing(places, each int) *sharing {
	return &sharing{each: each, free: places, inside: map[string]int{}}
}

// enter waits for a place, which leave gives back.
func (s *sharing) enter(ctx context.Context, user string) error {
	me := &sharer{user, make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, me)
	s.admitLocked()
	s.mu.Unlock()
	select {
	case <-me.in:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.waiting, me)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		s.leave(user) // they were let in meanwhile
	}
	return ctx.Err()
}

func (s *sharing) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.inside[user]--; s.inside[user] == 0 {
		delete(s.inside, user)
	}
	s.admitLocked()
}

func (s *sharing) admitLocked() {
	for s.free > 0 {
		i, least := -1, s.each
		for at, w := range s.waiting {
			if has := s.inside[w.user]; has < least {
				i, least = at, has
			}
		}
		if i < 0 {
			return
		}
		next := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.free--
		s.inside[next.user]++
		close(next.in)
		slices.SortStableFunc(s.waiting, func(a, b *sharer) int {
			switch {
			case a.user == b.user || a.user != next.user && b.user != next.user:
				return 0
			case a.user == next.user:
				return 1
			}
			return -1
		})
	}
}
