package faulty

import (
	"context"

	"gatehouse/gateway/transport"
)

// RegistrationForm implements transport.Registration.
func (n *Network) RegistrationForm(_ context.Context, _ string, settings map[string]string) (transport.Form, error) {
	phone := transport.Field{Name: "phone", Label: "Phone", Required: true}
	if was := settings["phone"]; was != "" && n.Fault != RegisterUnshown {
		phone.Values = []string{was}
	}
	if n.Fault == RegisterUnlabelled {
		phone.Label = ""
	}
	return transport.Form{Fields: []transport.Field{phone}}, nil
}

// Register implements transport.Registration.
func (n *Network) Register(_ context.Context, _ string, answers transport.Values) (map[string]string, error) {
	phone := answers.Get("phone")
	if len(phone) != 4 {
		e := &transport.Error{Reason: transport.BadRequest, Text: "That is no phone."}
		if n.Fault == RegisterUnexplained {
			e.Text = ""
		}
		return nil, e
	}
	return map[string]string{"phone": phone}, nil
}

// Unregister implements transport.Registration.
func (n *Network) Unregister(context.Context, transport.Account) error { return nil }
