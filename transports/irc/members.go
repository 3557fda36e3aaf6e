package irc

import (
	"iter"
	"slices"
)

// fewMembers are looked through as fast as a map finds one of them, in a third
// of its memory.
const fewMembers = 64

// members are those in a channel, with what each may do there: two lists while
// they are few, and then a map.
type members struct {
	few     []*user
	settled bool       // few is where it stays
	may     []standing // of those of few who may do more than others
	many    map[*user]modeSet
}

type standing struct {
	of    *user
	modes modeSet
}

func (m *members) len() int { return len(m.few) + len(m.many) }

func (m *members) has(u *user) bool {
	if m.many != nil {
		_, ok := m.many[u]
		return ok
	}
	return slices.Contains(m.few, u)
}

// modes are none for who is not there.
func (m *members) modes(u *user) modeSet {
	if m.many != nil {
		return m.many[u]
	}
	for _, s := range m.may {
		if s.of == u {
			return s.modes
		}
	}
	return 0
}

// set takes somebody in, or says what else they may do.
func (m *members) set(u *user, modes modeSet) {
	if m.many == nil && len(m.few) == fewMembers && !slices.Contains(m.few, u) {
		m.spread()
	}
	if m.many != nil {
		m.many[u] = modes
		return
	}
	if !slices.Contains(m.few, u) {
		m.few, m.settled = append(m.few, u), false
	}
	m.may = slices.DeleteFunc(m.may, func(s standing) bool { return s.of == u })
	if modes != 0 {
		m.may = append(m.may, standing{u, modes})
	}
}

// spread makes a map of the lists.
func (m *members) spread() {
	many := make(map[*user]modeSet, 2*fewMembers)
	for _, u := range m.few {
		many[u] = m.modes(u)
	}
	*m = members{many: many}
}

func (m *members) remove(u *user) {
	if i := slices.Index(m.few, u); i >= 0 {
		last := len(m.few) - 1
		m.few[i], m.few[last] = m.few[last], nil
		m.few = m.few[:last]
		m.may = slices.DeleteFunc(m.may, func(s standing) bool { return s.of == u })
	}
	delete(m.many, u)
}

// settle moves the list to where it stays, with no more room than it needs. It
// grew among what is garbage by now, which its place would keep from being
// given back.
func (m *members) settle() {
	if !m.settled {
		m.few, m.settled = slices.Clone(m.few), true
	}
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
