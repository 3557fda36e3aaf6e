package provider

import (
	"context"

	"gatehouse/gateway/transport"
)

// Balancer is implemented by a Provider that tells what is left on its account.
type Balancer interface {
	Balance(ctx context.Context) (left float64, currency string, err error)
}

// Pricer is implemented by a Provider that tells what a text cost. Known is
// false as long as it can't say.
type Pricer interface {
	Price(ctx context.Context, id transport.MessageID) (price float64, currency string, known bool, err error)
}
