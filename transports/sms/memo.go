package sms

import (
	"strings"
	"sync"
)

// A memo remembers what a function gave that has no other inputs than two texts.
// When it is full it begins anew.
type memo[V any] struct {
	of func(a, b string) V

	mu    sync.RWMutex
	known map[[2]string]V
}

const (
	memoized      = 8192
	longestNumber = 32 // bytes; what is longer is no number, and is not remembered
)

func (m *memo[V]) get(a, b string) V {
	if len(a) > longestNumber {
		return m.of(a, b)
	}
	m.mu.RLock()
	v, ok := m.known[[2]string{a, b}]
	m.mu.RUnlock()
	if ok {
		return v
	}
	v = m.of(a, b)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= memoized {
		clear(m.known)
	}
	if m.known == nil {
		m.known = make(map[[2]string]V)
	}
	m.known[[2]string{strings.Clone(a), strings.Clone(b)}] = v
	return v
}
