package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	maxSettings   = 1000 // addresses for which one user may set something
	maxComplaints = 50   // that are shown
	maxComplaint  = 400  // characters of one
)

const roomConfigNamespace = "http://jabber.org/protocol/muc#roomconfig"

// hasSettings says that something can be set at an address.
func (h *host) hasSettings(at transport.Address, kind transport.Kind) bool {
	c, ok := h.Network.(transport.Configurable)
	if !ok {
		return false
	}
	_, ok = c.SettingsForm("", at, kind, nil)
	return ok
}

// settingsForm gives the form for an address, with what the user set there. It
// waits for the disk.
func (s *session) settingsForm(ctx context.Context, at transport.Address, kind transport.Kind) (transport.Form, error) {
	nothing := &transport.Error{Reason: transport.Unsupported, Text: "nothing can be set here"}
	c, ok := s.host.Network.(transport.Configurable)
	if !ok {
		return transport.Form{}, nothing
	}
	stored, err := s.host.gateway.Store.Settings().Get(ctx, s.host.Domain, s.user.String(), at)
	if err != nil {
		return transport.Form{}, err
	}
	form, ok := c.SettingsForm(s.user.String(), at, kind, stored)
	if !ok {
		return transport.Form{}, nothing
	}
	for i, f := range form.Fields {
		if f.Type == transport.Hidden {
			form.Fields[i].Values = stored[f.Name] // not shown, but that there is one
		}
	}
	return form, nil
}

// setSettings stores answers over what was set before, without what is unset,
// and gives the network's complaints. It waits for the disk. One change is made
// at a time.
func (s *session) setSettings(ctx context.Context, at transport.Address, kind transport.Kind, answers transport.Values, unset ...string) (complaints []string, err error) {
	select {
	case s.setting <- struct{}{}:
		defer func() { <-s.setting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, ok := s.host.Network.(transport.Configurable)
	if !ok {
		return nil, &transport.Error{Reason: transport.Unsupported, Text: "nothing can be set here"}
	}
	settings := s.host.gateway.Store.Settings()
	user := s.user.String()
	stored, err := settings.Get(ctx, s.host.Domain, user, at)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		all, err := settings.All(ctx, s.host.Domain, user)
		if err != nil {
			return nil, err
		}
		if len(all) >= maxSettings {
			return nil, &transport.Error{Reason: transport.TooMany, Text: fmt.Sprintf("you have set something for %d addresses already, which is the limit", maxSettings)}
		}
	}
	form, _ := c.SettingsForm(s.user.String(), at, kind, stored)
	all := overlay(form, stored, answers)
	for _, name := range unset {
		delete(all, name)
	}
	checked, complaints := c.CheckSettings(s.user.String(), at, kind, all)
	return short(complaints), settings.Set(ctx, s.host.Domain, user, at, checked, form.Secrets(checked)...)
}

// short cuts what is said about answers that were too long.
func short(complaints []string) (texts []string) {
	for _, c := range complaints[:min(len(complaints), maxComplaints)] {
		if runes := []rune(c); len(runes) > maxComplaint {
			c = string(runes[:maxComplaint]) + "…"
		}
		texts = append(texts, c)
	}
	return texts
}

// overlay lays answers over what was stored. A password that was left empty was
// not answered, and one that is "-" is removed.
func overlay(form transport.Form, stored, answers transport.Values) transport.Values {
	all := maps.Clone(stored)
	if all == nil {
		all = transport.Values{}
	}
	for name, values := range answers {
		i := slices.IndexFunc(form.Fields, func(f transport.Field) bool { return f.Name == name })
		hidden := i >= 0 && form.Fields[i].Type == transport.Hidden
		switch {
		case hidden && answers.Get(name) == "":
		case hidden && answers.Get(name) == "-":
			delete(all, name)
		default:
			all[name] = values
		}
	}
	return all
}

// reconfigured tells the link that settings changed.
func (s *session) reconfigured(at transport.Address) {
	s.recordsChanged()
	if r, ok := s.link.(transport.Reconfigurable); ok {
		r.Reconfigured(at)
	}
	s.reviewStays()
}

// configure shows the settings of an address, and changes them.
func configure(at transport.Address, kind transport.Kind) func(*session) stage {
	return func(s *session) stage {
		return stage{work: func(ctx context.Context) stage {
			form, err := s.settingsForm(ctx, at, kind)
			if err != nil {
				return s.failedWith(err)
			}
			return ask(form, func(s *session, answers transport.Values) stage {
				return s.changeSettings(at, kind, answers)
			})
		}}
	}
}

func (s *session) changeSettings(at transport.Address, kind transport.Kind, answers transport.Values) stage {
	return stage{work: func(ctx context.Context) stage {
		complaints, err := s.setSettings(ctx, at, kind, answers)
		if err != nil {
			return s.failedWith(err)
		}
		out := done("Configuration successfully applied.").warn(complaints...)
		out.next = func(context.Context) { s.reconfigured(at) }
		return out
	}}
}

// failedWith ends a command with an error; one that the user can't mend is
// logged.
func (s *session) failedWith(err error) stage {
	e := stanzaError(err, s.host.Domain)
	if e.Condition == stanza.InternalServerError {
		s.log().Error("a command failed", "err", err)
	}
	return failed(e)
}

// sendOwner shows and changes a room's settings (XEP-0045 §10.2). They are the
// user's own: the room's owner on the network is not asked.
func (s *session) sendOwner(_ context.Context, st *stanza.Received) (taken bool) {
	t, err := s.host.target(st.To)
	at, kind := t.place()
	query := st.Payload()
	submitted, filled := stanza.ReadForm(query)
	switch {
	case err != nil:
		s.fail(st, err)
	case t.kind != toRoom || !s.host.hasSettings(at, kind):
		s.refuse(st, unsupported("nothing can be set here"))
	case query.Child(stanza.MUCOwnerNamespace, "destroy") != nil:
		s.refuse(st, stanza.Error{Class: stanza.Cancel, Condition: stanza.NotAllowed, Text: "a room of this network can't be destroyed from here"})
	case st.Type == stanza.Get:
		s.aside(st, func(ctx context.Context) func(context.Context) {
			form, err := s.settingsForm(ctx, at, kind)
			return func(context.Context) { s.answerOwner(st, at, form, err) }
		})
	case !filled:
		s.refuse(st, badRequest("the settings come in a form"))
	case submitted.Type == "cancel":
		s.send(st.Result())
	default:
		name := s.renamedIn(at, &submitted)
		s.aside(st, func(ctx context.Context) func(context.Context) {
			err := s.setFromForm(ctx, at, kind, &submitted)
			return func(ctx context.Context) {
				if err != nil {
					s.fail(st, err)
					return
				}
				if s.reconfigured(at); name != "" {
					s.rename(ctx, st, at, name)
					return
				}
				s.send(st.Result())
			}
		})
	}
	return true
}

func (s *session) answerOwner(st *stanza.Received, at transport.Address, form transport.Form, err error) {
	if err != nil {
		s.fail(st, err)
		return
	}
	shown := dataForm(form)
	first := []stanza.Field{stanza.FormType(roomConfigNamespace)}
	if name, ok := s.nameField(at); ok {
		first = append(first, name)
	}
	shown.Fields = append(first, shown.Fields...)
	s.send(st.Result(stanza.MUCOwner{Form: *shown}))
}

// setFromForm takes a submitted form, of which what is not in it stays.
func (s *session) setFromForm(ctx context.Context, at transport.Address, kind transport.Kind, submitted *stanza.Form) error {
	form, err := s.settingsForm(ctx, at, kind)
	if err != nil {
		return err
	}
	answers, err := answersOf(form, submitted, true)
	if err != nil {
		return &transport.Error{Reason: transport.BadRequest, Text: err.Error()}
	}
	if len(answers) == 0 {
		return nil // XEP-0045 §10.1.2: the room is to be as it is
	}
	_, err = s.setSettings(ctx, at, kind, answers)
	return err
}
