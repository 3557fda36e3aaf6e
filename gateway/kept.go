package gateway

import (
	"context"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// A keptName says which room of whom.
type keptName struct {
	user string
	room transport.Address
}

func (n keptName) owner() string { return n.user }

// writeRoom stores a room that a user stays in, or with nil removes it.
func (h *host) writeRoom(ctx context.Context, name keptName, r *store.Room) error {
	if r != nil {
		return h.gateway.Store.Rooms().Set(ctx, *r)
	}
	return h.gateway.Store.Rooms().Delete(ctx, h.Domain, name.user, name.room)
}

// A contactName says which contact of whom.
type contactName struct{ user, contact string }

func (n contactName) owner() string { return n.user }

// writeSubscription stores who sees whom; with neither direction it is removed.
func (h *host) writeSubscription(ctx context.Context, _ contactName, sub store.Subscription) error {
	return h.gateway.Store.Subscriptions().Set(ctx, sub)
}

// dropWrites keeps what a user changed of late from being written after all
// that is stored for them is deleted.
func (h *host) dropWrites(ctx context.Context, user string) error {
	if err := h.keptRooms.drop(ctx, user); err != nil {
		return err
	}
	if err := h.keptHeard.drop(ctx, user); err != nil {
		return err
	}
	if err := h.keptPeople.drop(ctx, user); err != nil {
		return err
	}
	return h.keptContacts.drop(ctx, user)
}
