package sqlite

import (
	"slices"
	"sync"

	"gatehouse/gateway/store"
)

const (
	archiveBatch = 4096 // messages in one commit
	archiveKeep  = 1024 // for twice as many the queue keeps its memory in any case

	// So many messages, and so much text, are written within 100 ms. Users share
	// the room: each may have as much waiting as there is left for others.
	archiveRoom      = 8192
	archiveRoomBytes = 8 << 20

	// Only what comes while the disk refuses, or from those who don't wait for
	// room, goes beyond that. So much more is not kept.
	archiveWaiting = 65536
	archiveBytes   = 32 << 20
)

// An archiveQueue holds the messages that are not in the file yet.
type archiveQueue struct {
	mutex   sync.Mutex
	waiting []store.Archived
	taken   int // of them, those in the transaction
	behind  int // of them, those that the last commit had no room for
	bytes   int
	over    uint64 // how many were ever written or given up
	dropped uint64
	full    bool // since it was last empty
	most    int  // that waited since then
	failing bool // the last commit did
	shares  map[userName]*share
	crowded []*share // that wait for room
}

type userName struct{ component, user string }

// A share is what one user has in the queue.
type share struct {
	count, bytes int
	last         uint64        // number of the last message
	room         chan struct{} // closed once there is room; nil: nobody waits
}

// add never blocks. Room is set if the user has too much in the queue: it is
// closed once that is over. Due says that the writer should look, and first is
// set for the first message that finds no place.
func (q *archiveQueue) add(m *store.Archived) (room <-chan struct{}, due, first bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	size := sizeOf(m)
	if len(q.waiting) >= archiveWaiting || q.bytes+size > archiveBytes {
		first, q.full = !q.full, true
		q.dropped++
		return nil, false, first
	}
	q.waiting = append(q.waiting, *m)
	q.bytes += size
	q.most = max(q.most, len(q.waiting))
	s := q.shareOf(m)
	s.count++
	s.bytes += size
	s.last = q.over + uint64(len(q.waiting))
	if q.isCrowded(s, 1) && !q.failing {
		if s.room == nil {
			s.room = make(chan struct{})
			q.crowded = append(q.crowded, s)
			due = true
		}
		room = s.room
	}
	return room, due || len(q.waiting) == 1 || len(q.waiting) == archiveBatch, false
}

func (q *archiveQueue) shareOf(m *store.Archived) *share {
	name := userName{m.Component, m.User}
	s := q.shares[name]
	if s == nil {
		if q.shares == nil {
			q.shares = map[userName]*share{}
		}
		s = &share{}
		q.shares[name] = s
	}
	return s
}

// isCrowded says that so many times what a user has waiting is more than there
// is room for others.
func (q *archiveQueue) isCrowded(s *share, times int) bool {
	return s.count*times > archiveRoom-len(q.waiting) || s.bytes*times > archiveRoomBytes-q.bytes
}

// isDue says that the next commit should not wait for company.
func (q *archiveQueue) isDue() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.waiting) >= archiveBatch || len(q.crowded) > 0 || q.behind > 0
}

// take gives the oldest messages for a transaction, which ends in finish. If that
// is open, it has those that were taken last, and only more are given. All is how
// many it has then.
func (q *archiveQueue) take(open bool) (more []store.Archived, all int) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	before := q.taken
	if !open {
		before = 0
	}
	q.taken = min(len(q.waiting), archiveBatch)
	q.behind = len(q.waiting) - q.taken
	return q.waiting[before:q.taken:q.taken], q.taken
}

// finish forgets what was taken if it is over, written or given up. If not, the
// disk refuses, and nobody waits for it.
func (q *archiveQueue) finish(over, lost bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.failing = !over
	if over {
		q.forget(lost)
	}
	q.taken = 0
	q.crowded = slices.DeleteFunc(q.crowded, func(s *share) bool {
		if !q.failing && q.isCrowded(s, 2) {
			return false
		}
		close(s.room)
		s.room = nil
		return true
	})
}

func (q *archiveQueue) forget(lost bool) {
	done := q.waiting[:q.taken]
	for i := range done {
		m := &done[i]
		name, size := userName{m.Component, m.User}, sizeOf(m)
		q.bytes -= size
		s := q.shares[name]
		s.bytes -= size
		if s.count--; s.count == 0 {
			delete(q.shares, name)
		}
	}
	q.over += uint64(len(done))
	if lost {
		q.dropped += uint64(len(done))
	}
	rest := copy(q.waiting, q.waiting[len(done):])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	if rest == 0 {
		if q.most <= archiveKeep && cap(q.waiting) > 2*archiveKeep {
			q.waiting = nil
		}
		q.full, q.most = false, 0
	}
}

// lastOf is the number of the last message of a user's that waits; 0: none.
func (q *archiveQueue) lastOf(component, user string) uint64 {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if s := q.shares[userName{component, user}]; s != nil {
		return s.last
	}
	return 0
}

// isOver says that the message of that number, and all before it, are over.
func (q *archiveQueue) isOver(number uint64) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.over >= number
}

func (q *archiveQueue) len() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.waiting)
}

// sizeOf is what a message that waits is counted as.
func sizeOf(m *store.Archived) int { return len(m.Text) + len(m.File) + len(m.Beside) }
