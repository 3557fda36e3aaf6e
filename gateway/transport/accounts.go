package transport

import "context"

// Accounts reads the accounts of those who have registered with a network,
// from the gateway's store.
type Accounts interface {
	// All gives them by user.
	All(ctx context.Context) ([]Account, error)
}
