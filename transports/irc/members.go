package irc

import (
	"iter"
	"slices"
)

// fewMembers are looked through as fast as a map finds one of them, in a third
// of its memory.
const fewMembers = 64

// members are those in a channel, with what each may do there.
type members struct {
	few   []*user            // nil once there were more
	many  map[*user]struct{} // all, then
	modes map[*user]modeSet  // of those who have any
}

func (m *members) len() int { return len(m.few) + len(m.many) }

func (m *members) has(u *user) bool {
	if m.many != nil {
		_, ok := m.many[u]
		return ok
	}
	return slices.Contains(m.few, u)
}

// set takes somebody in, or says what else they may do.
func (m *members) set(u *user, modes modeSet) {
	switch {
	case m.many != nil:
		m.many[u] = struct{}{}
	case slices.Contains(m.few, u):
	case len(m.few) < fewMembers:
		m.few = append(m.few, u)
	default:
		m.many = make(map[*user]struct{}, 2*fewMembers)
		for _, other := range m.few {
			m.many[other] = struct{}{}
		}
		m.few, m.many[u] = nil, struct{}{}
	}
	switch {
	case modes == 0:
		delete(m.modes, u)
	case m.modes == nil:
		m.modes = map[*user]modeSet{u: modes}
	default:
		m.modes[u] = modes
	}
}

func (m *members) remove(u *user) {
	if i := slices.Index(m.few, u); i >= 0 {
		last := len(m.few) - 1
		m.few[i], m.few[last] = m.few[last], nil
		m.few = m.few[:last]
	}
	delete(m.many, u)
	delete(m.modes, u)
}

// all gives everybody, in no order. Each may be removed when it is their turn.
func (m *members) all() iter.Seq[*user] {
	return func(yield func(*user) bool) {
		for _, u := range slices.Backward(m.few) {
			if !yield(u) {
				return
			}
		}
		for u := range m.many {
			if !yield(u) {
				return
			}
		}
	}
}
