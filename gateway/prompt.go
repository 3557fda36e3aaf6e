package gateway

import (
	"context"
	"errors"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// plainPrompts ask for an address of any network.
var plainPrompts = map[string]string{
	"en": "Enter an address.",
	"de": "Geben Sie eine Adresse ein.",
	"fr": "Saisissez une adresse.",
	"es": "Introduzca una dirección.",
	"pl": "Wpisz adres.",
}

// promptIn gives the prompt in the language of an iq, and else in English
// (XEP-0100 §6.3).
func (h *host) promptIn(language string) stanza.Prompt {
	texts := h.info.Prompts
	if len(texts) == 0 && h.info.Prompt == "" {
		texts = plainPrompts
	}
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	if text := texts[base]; text != "" {
		return stanza.Prompt{Language: base, Description: text}
	}
	if h.info.Prompt != "" {
		return stanza.Prompt{Language: "en", Description: h.info.Prompt}
	}
	return stanza.Prompt{Language: "en", Description: texts["en"]}
}

// answerPrompt says what to type to reach somebody.
func (h *host) answerPrompt(_ *session, st *stanza.Received, t target) (payload, *stanza.Error) {
	if t.kind != toGateway {
		return refused(unknown())
	}
	return h.promptIn(st.Language), nil
}

// sendPrompt gives the address that what a user typed makes.
func (s *session) sendPrompt(_ context.Context, st *stanza.Received) (taken bool) {
	if st.To.Local != "" {
		return false
	}
	text := stanza.ReadPrompt(st.Payload())
	s.aside(st, func(context.Context) func(context.Context) {
		a, _, err := s.host.typed(s.user.String(), text)
		return func(context.Context) { s.answerTyped(st, a, err) }
	})
	return true
}

func (s *session) answerTyped(st *stanza.Received, a transport.Address, err error) {
	if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.BadAddress {
		s.refuse(st, notAcceptable(e.Text))
		return
	}
	if err != nil {
		s.fail(st, err)
		return
	}
	address, err := s.at(a).Prepare()
	if err != nil {
		s.refuse(st, notAcceptable("that can't be an address"))
		return
	}
	s.send(st.Result(stanza.Prompt{JID: address}))
}

func notAcceptable(text string) stanza.Error {
	return stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: text}
}

// typed reads an address as a user typed it, in whichever of its spellings. It
// may wait for the disk.
func (h *host) typed(user, text string) (transport.Address, transport.Kind, error) {
	read := h.Network.Resolve
	if r, ok := h.Network.(transport.Reader); ok {
		read = func(text string) (transport.Address, transport.Kind, error) { return r.Read(user, text) }
	}
	a, kind, err := read(text)
	if e, ok := errors.AsType[*transport.Error](err); ok && e.Reason == transport.Moved {
		return h.Network.Resolve(string(e.Redirect))
	}
	return a, kind, err
}
