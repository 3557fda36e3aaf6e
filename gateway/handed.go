package gateway

import (
	"cmp"
	"slices"
	"sync"
)

// Handed are stored events on their way to their session, which need not be read
// again from where they are stored. They are taken only if they are surely all
// that is behind what the session read last; else it reads.
type handed struct {
	whole bool // the session has all that was stored before; owned by run

	mu     sync.Mutex
	events []inboxEvent
	under  int  // events that are being stored: their keys may be lower than others'
	missed bool // something is stored that is not here
	doubt  bool // something may be stored yet, before whatever else is
}

// storing says that an event is about to be stored.
func (h *handed) storing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.under++
}

// stored says how that ended. One that is not fresh was here before.
func (h *handed) stored(item inboxEvent, fresh bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.under--
	switch {
	case err != nil: // a commit that takes long may come to pass all the same
		h.missed, h.doubt = true, true
	case h.doubt, fresh && len(h.events) >= inboxBatch:
		h.missed, h.doubt = true, false
	case fresh:
		h.events = append(h.events, item)
	}
}

// take gives the events after the cursor, in order; false means that the session
// must read, and that what is here is among what it reads then.
func (h *handed) take(cursor int64) ([]inboxEvent, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all, sure := h.events, h.whole && !h.missed && !h.doubt && h.under == 0
	h.events, h.missed = nil, false
	if !sure {
		return nil, false
	}
	slices.SortFunc(all, func(a, b inboxEvent) int { return cmp.Compare(a.Key, b.Key) })
	return slices.DeleteFunc(all, func(i inboxEvent) bool { return i.Key <= cursor }), true
}
