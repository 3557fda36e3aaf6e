package gateway

import (
	"iter"
	"slices"
)

// listeners are a user's clients in a room: one most often, and maxListeners at
// the most.
type listeners []*listener

// of gives the client with a resource, or nil.
func (ls listeners) of(resource string) *listener {
	for _, l := range ls {
		if l.resource == resource {
			return l
		}
	}
	return nil
}

// set puts a client in the place of the one that had its resource.
func (ls *listeners) set(resource string, l *listener) {
	ls.remove(resource)
	l.resource = resource
	*ls = append(*ls, l)
}

func (ls *listeners) remove(resource string) {
	*ls = slices.DeleteFunc(*ls, func(l *listener) bool { return l.resource == resource })
}

// all gives the clients by resource. Each may be removed when it is its turn.
func (ls listeners) all() iter.Seq2[string, *listener] {
	return func(yield func(string, *listener) bool) {
		for i := len(ls) - 1; i >= 0; i-- {
			if l := ls[i]; l != nil && !yield(l.resource, l) {
				return
			}
		}
	}
}
