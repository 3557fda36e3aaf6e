package transporttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

func isConfigurable(s Subject) bool { _, ok := s.Network.(transport.Configurable); return ok }
func isCommander(s Subject) bool    { _, ok := s.Network.(transport.Commander); return ok }

// A place is what can have settings and commands.
type place struct {
	at   transport.Address
	kind transport.Kind
}

// places are the whole network, its servers as far as they are known, the
// subject's room and its person.
func (s Subject) places() []place {
	all := []place{{"", transport.Server}, {s.Person, transport.Person}}
	if s.Room != "" {
		all = append(all, place{s.Room, transport.Room})
	}
	info := s.Network.Info()
	for _, server := range append(slices.Clone(info.Servers), info.Home) {
		if server != "" {
			all = append(all, place{server, transport.Server})
		}
	}
	return all
}

func formsAreWhole(r *trial) {
	c := r.Network.(transport.Configurable)
	for _, p := range r.places() {
		form, ok := c.SettingsForm(r.Account.User, p.at, p.kind, nil)
		if !ok {
			continue
		}
		for _, problem := range formProblems(form) {
			r.t.Errorf("at %q: %s", p.at, problem)
		}
	}
}

// formProblems says what is wrong with a form.
func formProblems(form transport.Form) (problems []string) {
	names := map[string]bool{}
	for _, f := range form.Fields {
		if f.Label == "" {
			problems = append(problems, fmt.Sprintf("the field %q has no label", f.Name))
		}
		if f.Type == transport.Note {
			continue
		}
		if f.Name == "" || names[f.Name] || strings.ContainsAny(f.Name, " =\n") {
			problems = append(problems, fmt.Sprintf("the name %q is empty, is there twice, or can't be written in a chat", f.Name))
		}
		names[f.Name] = true
		problems = append(problems, valueProblems(f)...)
	}
	return problems
}

// valueProblems says what is wrong with what a field shows at first.
func valueProblems(f transport.Field) (problems []string) {
	bad := func(format string, args ...any) {
		problems = append(problems, f.Name+": "+fmt.Sprintf(format, args...))
	}
	chosen := func(v string) bool {
		return slices.ContainsFunc(f.Options, func(o transport.Option) bool { return o.Value == v })
	}
	for _, v := range f.Values {
		switch {
		case f.Type == transport.Hidden && v != "":
			bad("a password is shown")
		case f.Type == transport.Bool && v != "true" && v != "false":
			bad("%q is neither true nor false", v)
		case (f.Type == transport.Choice || f.Type == transport.Choices) && !chosen(v):
			bad("%q is none of the options", v)
		}
	}
	if (f.Type == transport.Choice || f.Type == transport.Choices) && len(f.Options) == 0 {
		bad("there is nothing to choose from")
	}
	return problems
}

func shownSettingsAreTaken(r *trial) {
	c := r.Network.(transport.Configurable)
	for _, p := range r.places() {
		form, ok := c.SettingsForm(r.Account.User, p.at, p.kind, nil)
		if !ok {
			continue
		}
		values := transport.Values{}
		for _, f := range form.Fields {
			if f.Type != transport.Note {
				values[f.Name] = f.Values
			}
		}
		checked, complaints := c.CheckSettings(r.Account.User, p.at, p.kind, values)
		if len(complaints) > 0 {
			r.t.Errorf("at %q: the form that was sent back as it was shown is complained of: %q", p.at, complaints)
		}
		again, _ := c.SettingsForm(r.Account.User, p.at, p.kind, checked)
		if !reflect.DeepEqual(shown(again), shown(form)) {
			r.t.Errorf("at %q: the form was sent back as it was shown; it was\n%v\nand is\n%v", p.at, shown(form), shown(again))
		}
	}
}

// shown is what a form shows, by field.
func shown(f transport.Form) map[string]string {
	all := map[string]string{}
	for _, field := range f.Fields {
		if field.Type != transport.Note {
			all[field.Name] = strings.Join(field.Values, "\n")
		}
	}
	return all
}

// hostileAnswersAreChecked: what is stored has one line to a value, and is
// taken as it is when it is checked again.
func hostileAnswersAreChecked(r *trial) {
	c := r.Network.(transport.Configurable)
	r.within(Patience, "CheckSettings", func() {
		for _, p := range r.places() {
			form, ok := c.SettingsForm(r.Account.User, p.at, p.kind, nil)
			if !ok {
				continue
			}
			for _, f := range form.Fields {
				for _, text := range HostileTexts {
					if f.Type == transport.Note || !utf8.ValidString(text) {
						continue // what comes in a form is valid
					}
					if problems := checkProblems(c, r.Account.User, p, transport.Values{f.Name: {text}}); len(problems) > 0 {
						r.t.Errorf("at %q, %s = %.80q: %s", p.at, f.Name, text, problems[0])
						break
					}
				}
			}
		}
	})
}

func checkProblems(c transport.Configurable, user string, p place, given transport.Values) (problems []string) {
	checked, complaints := c.CheckSettings(user, p.at, p.kind, given)
	for name, values := range checked {
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\r\n") && !strings.HasPrefix(v, "-----BEGIN") {
				problems = append(problems, fmt.Sprintf("%s is kept as %.80q", name, v))
			}
		}
	}
	for _, text := range complaints {
		if text == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			problems = append(problems, fmt.Sprintf("it is complained of with %.80q", text))
		}
	}
	if again, _ := c.CheckSettings(user, p.at, p.kind, checked); !reflect.DeepEqual(again, checked) {
		problems = append(problems, fmt.Sprintf("it is kept as %.200q, and when that is checked again, as %.200q", checked, again))
	}
	return problems
}

func commandsLeadSomewhere(r *trial) {
	configurable, _ := r.Network.(transport.Configurable)
	for _, p := range r.places() {
		nodes := map[string]bool{}
		for _, command := range r.Network.(transport.Commander).Commands(p.at, p.kind) {
			if command.Node == "" || command.Name == "" || nodes[command.Node] {
				r.t.Errorf("at %q: a command lacks its name or node, or is there twice: %+v", p.at, command)
			}
			nodes[command.Node] = true
			to := p
			switch {
			case command.Does == transport.DoConfigureAll:
				to = place{"", transport.Server}
			case command.At != "":
				to = place{command.At, transport.Server}
			}
			if command.Does != transport.DoConfigure && command.Does != transport.DoConfigureAll {
				continue
			}
			if configurable == nil {
				r.t.Errorf("at %q: %s changes settings that there are not", p.at, command.Node)
			} else if _, ok := configurable.SettingsForm(r.Account.User, to.at, to.kind, nil); !ok {
				r.t.Errorf("at %q: %s leads to no form", p.at, command.Node)
			}
		}
	}
}
