package sqlite

import (
	"slices"
	"sync"
)

// marksWaiting bounds the marks that wait for a commit.
const marksWaiting = 65536

// marks are the keys of inbox items that are done and not yet marked so in
// the file.
type marks struct {
	mutex   sync.Mutex
	queued  []int64
	writing []int64 // those in the commit that runs
}

// add queues keys and tells how many found no place. It never blocks on I/O.
func (m *marks) add(keys []int64) (dropped int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	fit := min(len(keys), marksWaiting-len(m.queued)-len(m.writing))
	m.queued = append(m.queued, keys[:fit]...)
	return len(keys) - fit
}

// take gives all of them for a commit, which ends in written.
func (m *marks) take() []int64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	keys := m.queued
	m.queued, m.writing = nil, keys
	return keys
}

func (m *marks) written(keys []int64, ok bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.writing = nil
	if !ok {
		m.queued = append(keys, m.queued...)
	}
}

// unwritten gives those that are not in the file yet.
func (m *marks) unwritten() []int64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Concat(m.writing, m.queued)
}

// count tells how many are not in the file yet.
func (m *marks) count() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.queued) + len(m.writing)
}
