package transporttest

import (
	"errors"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

const stranger = "tybalt@strangers.example"

func registers(s Subject) bool { _, ok := s.Network.(transport.Registration); return ok }

func hasAnswers(s Subject) bool { return registers(s) && s.Answers != nil }

// registrationForm gives the form for somebody; nil: they are refused.
func (r *trial) registrationForm(user string, settings map[string]string) *transport.Form {
	r.t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	form, err := r.Network.(transport.Registration).RegistrationForm(ctx, user, settings)
	if err != nil {
		r.explained("RegistrationForm", err)
		return nil
	}
	return &form
}

// explained wants an error that tells a person what is wrong.
func (r *trial) explained(call string, err error) {
	r.t.Helper()
	if e, ok := errors.AsType[*transport.Error](err); !ok || strings.TrimSpace(e.Text) == "" {
		r.t.Errorf("%s: the error tells a person nothing: %v", call, err)
	}
}

func registrationFormsAreWhole(r *trial) {
	for _, a := range []transport.Account{r.Account, {User: stranger}} {
		form := r.registrationForm(a.User, a.Settings)
		if form == nil {
			continue
		}
		for _, problem := range formProblems(*form) {
			r.t.Errorf("the form for %s: %s", a.User, problem)
		}
	}
}

// hostileRegistrationsAreExplained: whatever a stranger writes is taken or
// refused with a sentence.
func hostileRegistrationsAreExplained(r *trial) {
	form := r.registrationForm(stranger, nil)
	if form == nil {
		return
	}
	network := r.Network.(transport.Registration)
	r.within(Patience, "Register", func() {
		for _, text := range HostileTexts {
			answers := transport.Values{}
			for _, f := range form.Fields {
				answers[f.Name] = []string{strings.ToValidUTF8(text, "")}
			}
			ctx, cancel := patiently()
			settings, err := network.Register(ctx, stranger, answers)
			cancel()
			if err != nil {
				r.explained("Register", err)
			}
			for name, v := range settings {
				if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
					r.t.Errorf("%s is kept as %.80q", name, v)
				}
			}
		}
	})
}

// registrationIsShownKeptAndEnded goes through the life of a registration.
func registrationIsShownKeptAndEnded(r *trial) {
	network := r.Network.(transport.Registration)
	user := r.Account.User
	register := func(answers transport.Values) map[string]string {
		r.t.Helper()
		ctx, cancel := patiently()
		defer cancel()
		settings, err := network.Register(ctx, user, answers)
		if err != nil {
			r.t.Fatalf("Register: %v", err)
		}
		return settings
	}
	unregister := func() {
		r.t.Helper()
		ctx, cancel := patiently()
		defer cancel()
		if err := network.Unregister(ctx, r.Account); err != nil {
			r.t.Fatalf("Unregister: %v", err)
		}
	}
	r.Account.Settings = register(r.Answers)
	r.connect()
	form := r.registrationForm(user, r.Account.Settings)
	if form == nil {
		r.t.Fatal("who has registered is shown no form")
		return
	}
	shown := transport.Values{}
	for _, f := range form.Fields {
		switch {
		case f.Type == transport.Hidden:
			shown[f.Name] = []string{r.Account.Settings[f.Name]} // as the gateway fills it in
		case f.Type != transport.Note:
			shown[f.Name] = f.Values
		}
		if given := r.Answers.Get(f.Name); given != "" && f.Type != transport.Hidden && len(f.Values) == 0 {
			r.t.Errorf("the form does not show %s to who has registered with it", f.Name)
		}
	}
	r.Account.Settings = register(shown)
	r.close()
	r.open()
	r.close()
	unregister()
	unregister() // what is ended already
	r.Account.Settings = register(r.Answers)
	r.open()
}
