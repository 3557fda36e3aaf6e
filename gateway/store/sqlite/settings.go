package sqlite

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

type (
	settings struct{ s *Store }
	rejoined struct{ s *Store }
)

func (b settings) For(component string) transport.Settings { return store.SettingsFor(b, component) }

func (b settings) Set(ctx context.Context, component, user string, at transport.Address, values transport.Values, secret ...string) error {
	plain, hidden := transport.Values{}, transport.Values{}
	for name, all := range values {
		if slices.Contains(secret, name) {
			hidden[name] = all
		} else {
			plain[name] = all
		}
	}
	plainText, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	var hiddenText []byte
	if len(hidden) > 0 {
		if hiddenText, err = json.Marshal(hidden); err != nil {
			return err
		}
	}
	return b.change(ctx, component, user, at, `INSERT OR REPLACE INTO settings (component, user, address, plain, sealed) VALUES (?, ?, ?, ?, ?)`,
		component, user, string(at), string(plainText), b.s.seal.close(hiddenText, "settings", component, user, string(at)))
}

func (b settings) Delete(ctx context.Context, component, user string, at transport.Address) error {
	return b.change(ctx, component, user, at, `DELETE FROM settings WHERE component = ? AND user = ? AND address = ?`, component, user, string(at))
}

func (b settings) change(ctx context.Context, component, user string, at transport.Address, text string, args ...any) error {
	return changeKept(ctx, b.s, []cell{settingsCell(component, user, at)}, text, args...)
}

func settingsCell(component, user string, at transport.Address) cell {
	return cell{kind: "settings", component: component, user: user, name: string(at)}
}

func (b settings) Get(ctx context.Context, component, user string, at transport.Address) (transport.Values, error) {
	c := settingsCell(component, user, at)
	kept, known, state := b.s.writer.recent.get(c)
	if known {
		return maps.Clone(kept.(transport.Values)), nil
	}
	one, _, err := row(ctx, b.s, b.scan(component, user), `SELECT address, plain, sealed FROM settings
		WHERE component = ? AND user = ? AND address = ?`, component, user, string(at))
	if err == nil && at == "" && !one.secret && one.bytes <= recentBytes {
		b.s.writer.recent.put(c, maps.Clone(one.values), state)
	}
	return one.values, err
}

func (b settings) All(ctx context.Context, component, user string) (map[transport.Address]transport.Values, error) {
	of, err := rows(ctx, b.s, b.scan(component, user), `SELECT address, plain, sealed FROM settings
		WHERE component = ? AND user = ?`, component, user)
	all := make(map[transport.Address]transport.Values, len(of))
	for _, one := range of {
		all[one.at] = one.values
	}
	return all, err
}

type setting struct {
	at     transport.Address
	values transport.Values
	bytes  int
	secret bool // some of them
}

func (b settings) scan(component, user string) func(scanner) (setting, error) {
	return func(r scanner) (one setting, err error) {
		var plain, sealed []byte
		if err := r.Scan(&one.at, &plain, &sealed); err != nil {
			return one, err
		}
		one.bytes, one.secret = len(plain), len(sealed) > 0
		if err := json.Unmarshal(plain, &one.values); err != nil {
			return one, err
		}
		opened, err := b.s.seal.open(sealed, "settings", component, user, string(one.at))
		if err != nil || opened == nil {
			return one, err
		}
		var hidden transport.Values
		if err := json.Unmarshal(opened, &hidden); err != nil {
			return one, err
		}
		maps.Copy(one.values, hidden)
		return one, nil
	}
}

func (b rejoined) Set(ctx context.Context, r store.Room) error {
	return change(ctx, b.s, `INSERT OR REPLACE INTO rooms (component, user, address, nick, password) VALUES (?, ?, ?, ?, ?)`,
		r.Component, r.User, string(r.Address), r.Nick, b.s.seal.close([]byte(r.Password), "rooms", r.Component, r.User, string(r.Address)))
}

func (b rejoined) Delete(ctx context.Context, component, user string, at transport.Address) error {
	return change(ctx, b.s, `DELETE FROM rooms WHERE component = ? AND user = ? AND address = ?`, component, user, string(at))
}

func (b rejoined) OfUser(ctx context.Context, component, user string) ([]store.Room, error) {
	return rows(ctx, b.s, func(r scanner) (store.Room, error) {
		room := store.Room{Component: component, User: user}
		var sealed []byte
		if err := r.Scan(&room.Address, &room.Nick, &sealed); err != nil {
			return room, err
		}
		password, err := b.s.seal.open(sealed, "rooms", component, user, string(room.Address))
		room.Password = string(password)
		return room, err
	}, `SELECT address, nick, password FROM rooms WHERE component = ? AND user = ? ORDER BY address`, component, user)
}

func (b rejoined) Users(ctx context.Context, component string) ([]string, error) {
	return rows(ctx, b.s, scanString, `SELECT DISTINCT user FROM rooms WHERE component = ? ORDER BY user`, component)
}
