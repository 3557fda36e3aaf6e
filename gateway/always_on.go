package gateway

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

// openAlwaysOn starts the sessions of everybody whom the network knows, and
// of those for whom something durable still waits.
func (h *host) openAlwaysOn(ctx context.Context) error {
	if !h.info.AlwaysOn {
		return nil
	}
	var users []string
	if known, ok := h.Network.(transport.Users); ok {
		for _, a := range known.Users() {
			users = append(users, a.User)
		}
	}
	if network, _ := h.registers(); network != nil {
		accounts, err := h.gateway.Store.Accounts().All(ctx, h.Domain)
		if err != nil {
			return fmt.Errorf("open the sessions of %s: %w", h.Domain, err)
		}
		for _, a := range accounts {
			users = append(users, a.User)
		}
	}
	waiting, err := h.gateway.Store.Inbox().Users(ctx, h.Domain)
	if err != nil {
		return fmt.Errorf("open the sessions of %s: %w", h.Domain, err)
	}
	for _, u := range slices.Compact(slices.Sorted(slices.Values(append(users, waiting...)))) {
		user, err := jid.ParsePrepared(u)
		if err != nil {
			h.log.Error("a user's session can't be opened: their address is none", "user", u, "err", err)
			continue
		}
		h.open(user.Bare())
	}
	return nil
}

// open starts the session of a user of an AlwaysOn network. It never waits.
func (h *host) open(user jid.JID) {
	if !h.Allows(user) {
		h.log.Warn("a user of the network may not use the gateway", "user", user.String())
		return
	}
	h.session(user)
}
