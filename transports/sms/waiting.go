package sms

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/gateway/transport"
)

// What one user has waiting is bounded: the texts in the outbox that are not
// sent yet, each copy for itself, and those that wait for their time.

const mostWaiting = 1_000_000

// putWithin has put store texts if they and those that wait already are no more
// than may wait. Due says that one of the latter is what is stored.
func (n *Network) putWithin(ctx context.Context, user string, due bool, put func(most int) (int, error)) (stored int, err error) {
	if !due && n.maxWaiting > maxScheduled {
		// There is room then, however many wait for their time.
		stored, err = put(n.maxWaiting - maxScheduled)
		if !errors.Is(err, transport.ErrOutboxFull) {
			return stored, err
		}
	}
	if !due {
		unlock, err := n.lockScheduled(ctx, user)
		if err != nil {
			return 0, err
		}
		defer unlock()
	}
	later, err := n.records.OfUser(ctx, user, kindScheduled)
	if err != nil {
		return 0, fmt.Errorf("read the texts that wait: %w", err)
	}
	most := n.maxWaiting - len(later)
	if due {
		most++
	}
	if most > 0 {
		stored, err = put(most)
	}
	if most <= 0 || errors.Is(err, transport.ErrOutboxFull) {
		return 0, n.full()
	}
	return stored, err
}

// full is what a user is told whose outbox has no room.
func (n *Network) full() error {
	return &transport.Error{
		Reason: transport.RateLimited, Err: transport.ErrOutboxFull,
		Text: fmt.Sprintf("Too many of your texts wait to be sent: at most %d may. Try again when some have gone.", n.maxWaiting),
	}
}

// roomForLater says whether one more text may wait for its time, where so many
// do. The caller has them locked.
func (n *Network) roomForLater(ctx context.Context, user string, later int) error {
	queued, err := n.outbox.Waiting(ctx, user)
	if err != nil {
		return fmt.Errorf("count the texts in the outbox: %w", err)
	}
	if queued+later >= n.maxWaiting {
		return n.full()
	}
	return nil
}
