package gateway

import (
	"context"
	"maps"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	recordRetry = 10 * time.Second // after the disk refused
	recordTime  = 2 * time.Second  // for what is left when the gateway stops
)

// A keptName says which room of whom.
type keptName struct {
	user string
	room transport.Address
}

// record has a room written, or with nil removed. It never waits: the last wish
// for a room counts, so there are never more than there are rooms.
func (h *host) record(name keptName, r *store.Room) {
	h.mu.Lock()
	h.changed[name] = r
	h.mu.Unlock()
	signal(h.toWrite)
}

// writeRooms writes what record was given until ctx ends, and then the rest.
func (h *host) writeRooms(ctx context.Context) {
	for {
		var again <-chan time.Time
		if !h.writeChanged(ctx) {
			again = time.After(recordRetry)
		}
		select {
		case <-h.toWrite:
		case <-again:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.Background(), recordTime)
			defer cancel()
			h.writeChanged(last)
			return
		}
	}
}

// writeChanged says whether all was written.
func (h *host) writeChanged(ctx context.Context) bool {
	h.mu.Lock()
	changed := h.changed
	h.changed = map[keptName]*store.Room{}
	h.mu.Unlock()
	for name, r := range changed {
		var err error
		if r != nil {
			err = h.gateway.Store.Rooms().Set(ctx, *r)
		} else {
			err = h.gateway.Store.Rooms().Delete(ctx, h.Domain, name.user, name.room)
		}
		if err == nil {
			delete(changed, name)
			continue
		}
		if ctx.Err() == nil {
			h.log.Error("a user's rooms can't be stored", "user", name.user, "err", err)
		}
		h.mu.Lock()
		maps.Copy(changed, h.changed) // what came since counts more
		h.changed = changed
		h.mu.Unlock()
		return false
	}
	return true
}
