package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	farewellRegistered   = "Your registration changed"
	farewellUnregistered = "You ended your registration"
)

// registers says how people come to be registered: through the network's form;
// by wishing it, where the network asks nothing; or with neither, by the
// operator alone, who names them in the config.
func (h *host) registers() (network transport.Registration, open bool) {
	if r, ok := h.Network.(transport.Registration); ok {
		return r, !h.info.Closed
	}
	_, named := h.Network.(transport.Users)
	return nil, !named
}

const nodeRegister = "register"

// registerCommands are in the list of commands only where there is a form to
// fill in.
func (h *host) registerCommands() []command {
	if _, open := h.registers(); !open {
		return nil
	}
	return []command{
		{node: nodeRegister, name: "Register", start: register},
		{node: "unregister", name: "End the registration, and delete all that is stored for you", start: unregister},
	}
}

// A registration is what there is of a user, and the form for it.
type registration struct {
	account    transport.Account
	registered bool
	form       transport.Form
}

// registration reads it. It waits for the disk, and perhaps for the network.
func (s *session) registration(ctx context.Context) (r registration, err error) {
	r.account, r.registered, err = s.host.gateway.Store.Accounts().Get(ctx, s.host.Domain, s.user.String())
	if err != nil {
		return r, err
	}
	r.form = transport.Form{
		Title: s.host.Name, Instructions: "Nothing has to be filled in: whoever registers gets the gateway as a contact.",
	}
	if network, _ := s.host.registers(); network != nil {
		r.account.User = s.user.String()
		r.registered = r.registered || s.host.isNamed(r.account.User)
		r.form, err = network.RegistrationForm(ctx, r.account.User, r.account.Settings)
	}
	for i, f := range r.form.Fields {
		if kept := r.account.Settings[f.Name]; kept != "" && f.Type == transport.Hidden {
			r.form.Fields[i].Values = []string{kept} // not shown, but that there is one
		}
	}
	return r, err
}

// isNamed says that the network knows a user without their registering.
func (h *host) isNamed(user string) bool {
	known, ok := h.Network.(transport.Users)
	return ok && slices.ContainsFunc(known.Users(), func(a transport.Account) bool { return a.User == user })
}

// loadAccount reads what the network knows its user by.
func (s *session) loadAccount(ctx context.Context) {
	if network, _ := s.host.registers(); network == nil {
		return
	}
	var err error
	if s.account, _, err = s.host.gateway.Store.Accounts().Get(ctx, s.host.Domain, s.user.String()); err != nil {
		s.log().Error("the user's account can't be read", "err", err)
	}
}

// register asks what the network wants to know.
func register(s *session) stage {
	return stage{work: func(ctx context.Context) stage {
		r, err := s.registration(ctx)
		switch {
		case err != nil:
			return s.failedWith(err)
		case len(r.form.Fields) == 0:
			return s.enroll(r, transport.Values{})
		}
		return ask(r.form, func(s *session, answers transport.Values) stage { return s.enroll(r, answers) })
	}}
}

// enroll stores the answers as the user's account, if the network takes them.
func (s *session) enroll(r registration, answers transport.Values) stage {
	for _, f := range r.form.Fields {
		if kept, ok := r.account.Settings[f.Name]; ok && f.Type == transport.Hidden && answers.Get(f.Name) == "" {
			answers[f.Name] = []string{kept}
		}
	}
	if len(missing(r.form, answers)) > 0 {
		// XEP-0077 §3.1
		return failed(stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: "something that has to be filled in is missing"})
	}
	return stage{work: func(ctx context.Context) stage {
		account := transport.Account{User: s.user.String()}
		if network, _ := s.host.registers(); network != nil {
			var err error
			if account.Settings, err = network.Register(ctx, account.User, answers); err != nil {
				return s.notRegistered(err)
			}
		}
		if err := s.host.gateway.Store.Accounts().Set(ctx, s.host.Domain, account); err != nil {
			return s.failedWith(err)
		}
		out := done("You are registered.")
		out.next = func(ctx context.Context) { s.registered(ctx, account) }
		return out
	}}
}

// notRegistered answers what the network did not take (XEP-0100 §4.1.2).
func (s *session) notRegistered(err error) stage {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		switch e.Reason {
		case transport.BadRequest, transport.BadAddress, transport.BadNick, transport.NotAuthorized, transport.NotFound, transport.Rejected:
			return failed(stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: e.Text})
		}
	}
	return s.failedWith(err)
}

// registered uses the account from now on. The gateway asks to be a contact
// (XEP-0100 §4.1.1).
func (s *session) registered(ctx context.Context, account transport.Account) {
	again := s.link != nil
	if network, _ := s.host.registers(); network != nil {
		s.account = account
		s.endLink(ctx, farewellRegistered)
	}
	if again || s.host.info.AlwaysOn {
		s.wantLink()
	}
	if s.roster[""].From {
		s.showGateway()
	}
	if !s.roster[""].To {
		s.askBack(s.at(""), "", transport.Server)
	}
}

// unregister ends all that a user has with the gateway (XEP-0100 §4.3).
func unregister(s *session) stage {
	known := len(s.roster) > 0 || len(s.rooms) > 0
	return stage{work: func(ctx context.Context) stage {
		r, err := s.registration(ctx)
		if err != nil {
			return s.failedWith(err)
		}
		network, _ := s.host.registers()
		if !r.registered && network == nil && !known {
			// Without a form nobody has to register to leave something with us.
			set, err := s.host.gateway.Store.Settings().All(ctx, s.host.Domain, s.user.String())
			if err != nil {
				return s.failedWith(err)
			}
			known = len(set) > 0
		}
		if !r.registered && (network != nil || !known) {
			return failed(stanza.Error{Class: stanza.Auth, Condition: stanza.RegistrationRequired, Text: "you are not registered"})
		}
		if network != nil {
			if err := network.Unregister(ctx, r.account); err != nil {
				return s.failedWith(err)
			}
		}
		return stage{step: (*session).forgetAll}
	}}
}

// forgetAll ends the link before what it might still change is deleted.
func (s *session) forgetAll(ctx context.Context) stage {
	for _, r := range s.rooms {
		s.forgetStay(r)
	}
	s.endLink(ctx, farewellUnregistered)
	s.account = transport.Account{}
	return stage{work: func(ctx context.Context) stage {
		if err := s.host.dropWrites(ctx, s.user.String()); err != nil {
			return s.failedWith(err)
		}
		if forget := s.host.gateway.Forget; forget != nil {
			forget(s.host.Domain, s.user.String())
		}
		if err := s.host.gateway.Store.Forget(ctx, s.host.Domain, s.user.String()); err != nil {
			return s.failedWith(err)
		}
		out := done("Your registration is over, and all that was stored for you is deleted.")
		out.next = func(context.Context) {
			s.dismissContacts()
			s.forgetContacts()
		}
		return out
	}}
}

// dismissContacts ends all subscriptions, the gateway's own first.
func (s *session) dismissContacts() {
	contacts := maps.Clone(s.roster)
	contacts[""] = store.Subscription{}
	clear(s.asked)
	clear(s.directed)
	for _, local := range slices.Sorted(maps.Keys(contacts)) {
		s.remember(local, store.Subscription{}) // of those that came while all was deleted
		contact := jid.JID{Local: local, Domain: s.host.Domain}
		s.tell(contact, stanza.Unsubscribe, "")
		s.tell(contact, stanza.Unsubscribed, "")
		if s.host.isAlwaysShown(local) {
			s.send(s.host.contactPresence(s.user, local, stanza.Unavailable))
		} else {
			s.tell(contact, stanza.Unavailable, "")
		}
	}
}

// sendRegister shows, makes, changes and ends a registration (XEP-0077 §3).
func (s *session) sendRegister(ctx context.Context, st *stanza.Received) (taken bool) {
	if network, open := s.host.registers(); network == nil && !open || st.To.Local != "" {
		return false
	}
	filled, remove, alone := stanza.ReadRegister(st.Payload())
	switch {
	case st.Type == stanza.Get:
		s.aside(st, func(ctx context.Context) func(context.Context) {
			r, err := s.registration(ctx)
			return func(context.Context) { s.showRegistration(st, r, err) }
		})
	case remove && !alone:
		s.refuse(st, badRequest("<remove/> stands alone"))
	case remove:
		s.answerWith(ctx, st, unregister(s))
	default:
		s.answerWith(ctx, st, stage{work: func(ctx context.Context) stage {
			r, err := s.registration(ctx)
			if err != nil {
				return s.failedWith(err)
			}
			answers, err := answersOf(r.form, &filled, false)
			if err != nil {
				return failed(badRequest(err.Error()))
			}
			return s.enroll(r, answers)
		}})
	}
	return true
}

func (s *session) showRegistration(st *stanza.Received, r registration, err error) {
	if err != nil {
		s.fail(st, err)
		return
	}
	s.send(st.Result(stanza.Register{Registered: r.registered, Instructions: r.form.Instructions, Form: *dataForm(r.form)}))
}

// answerWith answers an iq with what comes of a command.
func (s *session) answerWith(ctx context.Context, st *stanza.Received, now stage) {
	s.drive(ctx, st, now, func(ctx context.Context, end stage) {
		if end.err != nil {
			s.refuse(st, *end.err)
			return
		}
		s.send(st.Result())
		s.follow(ctx, end)
	})
}
