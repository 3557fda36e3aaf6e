package sms

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// Names of the settings.
const settingNumber = "number"

// A setting is one field of the form that holds for all that a user does here.
// A user of "" is nobody in particular.
type setting struct {
	transport.Field
	// standard gives what holds unless the user sets something.
	standard func(n *Network, user string) []string
	// options gives what there is to choose from, where that depends on the user.
	options func(n *Network, user string) []transport.Option
	// check gives what is to be kept of an answer, and what is wrong with it.
	check func(n *Network, user string, given []string) (kept []string, complaint string)
}

// settings are the form's fields, in the order in which they are shown.
var settings = []setting{
	{
		Field: transport.Field{
			Name: settingNumber, Label: "The number that your texts are sent from", Type: transport.Choice,
			Help: "Those of your numbers that are not chosen here are part of your contacts' addresses.",
		},
		standard: func(n *Network, user string) []string { return first(n.lines.given(user)) },
		options:  func(n *Network, user string) []transport.Option { return optionsOf(n.lines.given(user)) },
		check:    checkNumberSetting,
	},
	countrySetting,
	timezoneSetting,
	historySetting,
	rulesSetting,
	quietSetting,
	blockRemovedSetting,
	directSetting,
}

func checkNumberSetting(n *Network, user string, given []string) ([]string, string) {
	text := strings.TrimSpace(strings.Join(given, " "))
	if text == "" {
		return nil, ""
	}
	number, ok := e164(text, n.region)
	if !ok || !slices.Contains(n.lines.given(user), number) {
		return nil, fmt.Sprintf("%q is not one of your numbers", text)
	}
	return []string{number}, ""
}

// SettingsForm implements transport.Configurable. There is one form, for the
// whole network.
func (n *Network) SettingsForm(user string, at transport.Address, _ transport.Kind, values transport.Values) (transport.Form, bool) {
	if at != "" {
		return transport.Form{}, false
	}
	form := transport.Form{
		Title:        "Settings for " + n.name,
		Instructions: "These hold for all your texts.",
	}
	for _, s := range settings {
		f := s.Field
		if s.options != nil {
			f.Options = s.options(n, user)
		}
		if choice := f.Type == transport.Choice || f.Type == transport.Choices; choice && len(f.Options) == 0 && user != "" {
			continue
		}
		f.Values = values[f.Name]
		if _, set := values[f.Name]; !set && s.standard != nil {
			f.Values = s.standard(n, user)
		}
		form.Fields = append(form.Fields, f)
	}
	return form, true
}

// CheckSettings implements transport.Configurable. What is the same as the
// standard is not kept, so that a change of the config reaches everybody who
// did not choose something else.
func (n *Network) CheckSettings(user string, at transport.Address, _ transport.Kind, values transport.Values) (transport.Values, []string) {
	checked := transport.Values{}
	if at != "" {
		return checked, nil
	}
	var complaints []string
	for _, s := range settings {
		given, ok := values[s.Name]
		if !ok {
			continue
		}
		kept, complaint := s.check(n, user, given)
		if complaint != "" {
			complaints = append(complaints, s.Label+": "+complaint+".")
		}
		if len(kept) > 0 && (s.standard == nil || !slices.Equal(kept, s.standard(n, user))) {
			checked[s.Name] = kept
		}
	}
	return checked, complaints
}

// setting gives what holds for a user, as far as the gateway can tell: it waits
// for the disk.
func (n *Network) setting(user, name string) []string {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.Name == name })
	if n.settings != nil {
		values, err := n.settings.Of(user, "")
		if err != nil {
			n.log.Error("read a user's settings", "error", err)
		}
		if kept, complaint := settings[i].check(n, user, values[name]); len(kept) > 0 && complaint == "" {
			return kept
		}
	}
	if settings[i].standard == nil {
		return nil
	}
	return settings[i].standard(n, user)
}

// Reconfigured implements transport.Reconfigurable.
func (s *session) Reconfigured(at transport.Address) {
	if at == "" {
		s.network.useSettings(s.user)
	}
}

// useSettings takes over what a user set. It waits for the disk.
func (n *Network) useSettings(user string) {
	n.lines.prefer(user, strings.Join(n.setting(user, settingNumber), ""))
}

func first(of []string) []string { return of[:min(len(of), 1)] }

func optionsOf(values []string) (options []transport.Option) {
	for _, v := range values {
		options = append(options, transport.Option{Value: v, Label: v})
	}
	return options
}
