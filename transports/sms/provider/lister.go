package provider

import (
	"context"
	"time"

	"gatehouse/gateway/transport"
)

// A Lister is a Provider that can be asked for the texts that came in. It is
// asked where nothing calls us, and beside webhooks for what these missed.
type Lister interface {
	// Received gives the texts that came to a number since then, the oldest
	// first. Those that are known are left out. A *Retry says when to ask again.
	Received(ctx context.Context, number string, since time.Time, known func(transport.MessageID) bool) (Listing, error)

	// ListEvery is how often to ask. It never changes; 0: never.
	ListEvery() time.Duration
}

// A Listing is what came in.
type Listing struct {
	Texts []Inbound // the oldest first, each with its time
	More  bool      // there are newer ones than these
	Open  time.Time // a text of this time is about to be complete; zero: none is
}
