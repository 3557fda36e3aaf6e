package sms

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	kindBalance  = "balance" // of the network itself: that the administrators were told
	balanceLow   = "low"
	balanceEvery = time.Hour
)

// watchBalance tells the administrators when the operator's account falls below
// a limit: once, and again only after it has recovered.
func (n *Network) watchBalance(ctx context.Context) {
	if n.balanceAlert <= 0 {
		return
	}
	for wait := time.Duration(0); sleep(ctx, wait); wait = balanceEvery + rand.N(balanceEvery/10) {
		if err := n.checkBalance(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("the balance of the provider's account is not known", "error", err)
		}
	}
}

func (n *Network) checkBalance(ctx context.Context) error {
	left, currency, err := n.balance(ctx)
	if errors.Is(err, errNoBalance) {
		return nil
	}
	if err != nil {
		return err
	}
	_, told, err := n.records.Get(ctx, "", kindBalance, balanceLow)
	switch {
	case err != nil:
		return fmt.Errorf("read what was told of the balance: %w", err)
	case left >= n.balanceAlert && told:
		return n.records.Delete(ctx, "", kindBalance, balanceLow)
	case left >= n.balanceAlert || told:
		return nil
	}
	n.log.Warn("the balance of the provider's account is low", "left", left, "currency", currency)
	if n.tellAdmins != nil {
		n.tellAdmins(fmt.Sprintf("The provider's account for %s has %.2f %s left, less than the %.2f of balance_alert.", n.name, left, currency, n.balanceAlert))
	}
	return n.records.Put(ctx, transport.RecordItem{Kind: kindBalance, Key: balanceLow})
}

var errNoBalance = errors.New("the provider does not tell its balance")

// balance asks the operator's provider.
func (n *Network) balance(ctx context.Context) (left float64, currency string, err error) {
	t := n.lines.trunk(operatorTrunk)
	if t == nil {
		return 0, "", errNoBalance
	}
	b, ok := t.provider.(provider.Balancer)
	if !ok {
		return 0, "", errNoBalance
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	defer t.recovered("balance", &err)
	return b.Balance(ctx)
}

var balanceCommands = []ownCommand{{
	node: "balance", name: "Show what is left on the provider's account", admin: true,
	do: func(ctx context.Context, n *Network, _ transport.Performance) (string, error) {
		left, currency, err := n.balance(ctx)
		if errors.Is(err, errNoBalance) {
			return "", refused(transport.Unsupported, "The provider does not tell its balance.")
		}
		if err != nil {
			return "", &transport.Error{Reason: transport.Unreachable, Text: "The provider could not be asked for its balance.", Err: err}
		}
		return fmt.Sprintf("%.2f %s are left.", left, currency), nil
	},
}}
