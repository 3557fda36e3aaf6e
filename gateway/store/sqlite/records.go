package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

type (
	subscriptions struct{ s *Store }
	accounts      struct{ s *Store }
	blocks        struct{ s *Store }
)

func (b subscriptions) Set(ctx context.Context, one store.Subscription) error {
	if !one.To && !one.From {
		return change(ctx, b.s, `DELETE FROM subscriptions WHERE component = ? AND user = ? AND contact = ?`,
			one.Component, one.User, one.Contact)
	}
	return change(ctx, b.s, `INSERT OR REPLACE INTO subscriptions (component, user, contact, sees, seen) VALUES (?, ?, ?, ?, ?)`,
		one.Component, one.User, one.Contact, one.To, one.From)
}

func (b subscriptions) Get(ctx context.Context, component, user, contact string) (store.Subscription, error) {
	one, found, err := row(ctx, b.s, scanSubscription, `SELECT component, user, contact, sees, seen FROM subscriptions
		WHERE component = ? AND user = ? AND contact = ?`, component, user, contact)
	if err != nil || found {
		return one, err
	}
	return store.Subscription{Component: component, User: user, Contact: contact}, nil
}

func (b subscriptions) OfUser(ctx context.Context, component, user string) ([]store.Subscription, error) {
	return rows(ctx, b.s, scanSubscription, `SELECT component, user, contact, sees, seen FROM subscriptions
		WHERE component = ? AND user = ? ORDER BY contact`, component, user)
}

func (b subscriptions) Users(ctx context.Context, component string) ([]string, error) {
	return rows(ctx, b.s, scanString, `SELECT DISTINCT user FROM subscriptions
		WHERE component = ? AND seen ORDER BY user`, component)
}

func scanSubscription(r scanner) (one store.Subscription, err error) {
	err = r.Scan(&one.Component, &one.User, &one.Contact, &one.To, &one.From)
	return one, err
}

func (a accounts) Get(ctx context.Context, component, user string) (transport.Account, bool, error) {
	return row(ctx, a.s, a.scan(component), `SELECT user, settings, sealed FROM accounts WHERE component = ? AND user = ?`, component, user)
}

func (a accounts) Set(ctx context.Context, component string, account transport.Account) error {
	settings, err := json.Marshal(account.Settings)
	if err != nil {
		return err
	}
	return change(ctx, a.s, `INSERT OR REPLACE INTO accounts (component, user, settings, sealed) VALUES (?, ?, '{}', ?)`,
		component, account.User, a.s.seal.close(settings, "accounts", component, account.User))
}

func (a accounts) Delete(ctx context.Context, component, user string) error {
	return change(ctx, a.s, `DELETE FROM accounts WHERE component = ? AND user = ?`, component, user)
}

func (a accounts) All(ctx context.Context, component string) ([]transport.Account, error) {
	return rows(ctx, a.s, a.scan(component), `SELECT user, settings, sealed FROM accounts WHERE component = ? ORDER BY user`, component)
}

func (a accounts) scan(component string) func(scanner) (transport.Account, error) {
	return func(r scanner) (account transport.Account, err error) {
		var settings, sealed []byte
		if err := r.Scan(&account.User, &settings, &sealed); err != nil {
			return account, err
		}
		opened, err := a.s.seal.open(sealed, "accounts", component, account.User)
		if err != nil {
			return account, err
		}
		if opened != nil {
			settings = opened
		}
		return account, json.Unmarshal(settings, &account.Settings)
	}
}

func (b blocks) Block(ctx context.Context, component, address string) error {
	return change(ctx, b.s, `INSERT OR IGNORE INTO blocks (component, address) VALUES (?, ?)`, component, address)
}

func (b blocks) Unblock(ctx context.Context, component, address string) error {
	return change(ctx, b.s, `DELETE FROM blocks WHERE component = ? AND address = ?`, component, address)
}

func (b blocks) Blocked(ctx context.Context, component string) ([]string, error) {
	return rows(ctx, b.s, scanString, `SELECT address FROM blocks WHERE component = ? ORDER BY address`, component)
}

// Secret implements store.Secrets.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	const find = `SELECT value FROM secrets WHERE name = ?`
	secret, found, err := row(ctx, s, scanBytes, find, name)
	if err != nil || found {
		return secret, err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails
	err = change(ctx, s, `INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)`, name, fresh)
	if err != nil {
		return nil, err
	}
	// Somebody else's may have come first.
	secret, _, err = row(ctx, s, scanBytes, find, name)
	return secret, err
}

func scanBytes(r scanner) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}
