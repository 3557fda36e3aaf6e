package component

import (
	"sync"
	"time"
)

// An entry is a stanza as XML, on its way out.
type entry struct {
	xml       []byte
	keep      bool // until it is confirmed
	confirmed func()
	durable   bool      // had a confirmed: somebody stores it until then
	provenAt  time.Time // when it was confirmed
	at        time.Time // if kept: when Send took it
	written   bool      // to some stream
	suspicion uint8     // streams that the server ended soon after it
}

var entries = sync.Pool{New: func() any { return new(entry) }}

// Larger buffers are not worth keeping.
const maxPooled = 8 << 10

func newEntry(xml []byte) *entry {
	e := entries.Get().(*entry)
	e.xml = append(e.xml[:0], xml...)
	return e
}

// free gives the entry back. Nobody may use it afterwards.
func (e *entry) free() {
	xml := e.xml[:0]
	if cap(xml) > maxPooled {
		xml = nil
	}
	*e = entry{xml: xml}
	entries.Put(e)
}

// A ring is a queue of entries that reuses its memory.
type ring struct {
	slots []*entry // a power of two
	first int
	count int
}

func (r *ring) len() int     { return r.count }
func (r *ring) peek() *entry { return r.slots[r.first] }

func (r *ring) push(e *entry) {
	if r.count == len(r.slots) {
		slots := make([]*entry, max(64, 2*len(r.slots)))
		n := copy(slots, r.slots[r.first:])
		copy(slots[n:], r.slots[:r.first])
		r.slots, r.first = slots, 0
	}
	r.slots[(r.first+r.count)&(len(r.slots)-1)] = e
	r.count++
}

func (r *ring) pop() *entry {
	e := r.slots[r.first]
	r.slots[r.first] = nil
	r.first = (r.first + 1) & (len(r.slots) - 1)
	r.count--
	return e
}
