package store

import (
	"context"

	"gatehouse/gateway/transport"
)

// AccountsFor gives what the network of one component reads.
func AccountsFor(a Accounts, component string) transport.Accounts { return accountsOf{a, component} }

type accountsOf struct {
	accounts  Accounts
	component string
}

func (a accountsOf) All(ctx context.Context) ([]transport.Account, error) {
	return a.accounts.All(ctx, a.component)
}
