// Package stanza has messages, presences and iqs as the gateway uses them
// (RFC 6120 §8), and the payloads that it knows, a file for each specification.
package stanza

import (
	"fmt"

	"gatehouse/component/jid"
	"gatehouse/component/wire"
)

// Namespace is what stanzas are in on a component's stream (XEP-0114 §3).
const Namespace = "jabber:component:accept"

// A Kind is one of the three stanzas.
type Kind uint8

const (
	Message Kind = iota
	Presence
	IQ
)

var kindNames = [...]string{Message: "message", Presence: "presence", IQ: "iq"}

func (k Kind) String() string { return kindNames[k] }

// Types that carry meaning for the core (RFC 6121 §5.2.2 and §4.7.1,
// RFC 6120 §8.2.3).
const (
	Chat         = "chat"
	Groupchat    = "groupchat"
	Headline     = "headline"
	Normal       = "normal"
	Available    = ""
	Unavailable  = "unavailable"
	Subscribe    = "subscribe"
	Subscribed   = "subscribed"
	Unsubscribe  = "unsubscribe"
	Unsubscribed = "unsubscribed"
	Probe        = "probe"
	Get          = "get"
	Set          = "set"
	Result       = "result"
	ErrorType    = "error"
)

// A Header is what every stanza has.
type Header struct {
	From, To jid.JID
	Type, ID string
	Language string // xml:lang, empty if unknown
}

// A Stanza is one to send. The stream that sends it puts its own domain into
// From.
type Stanza struct {
	Kind
	Header
	Payloads []wire.Payload // in this order; nil ones are skipped

	// Confirmed, if set, is called once the server has surely taken the stanza.
	// It must not wait.
	Confirmed func()
}

// WriteXML implements wire.Payload.
func (s Stanza) WriteXML(w *wire.Writer) {
	w.Start(Namespace, s.Kind.String())
	w.JIDAttr("from", s.From)
	if s.To != (jid.JID{}) {
		w.JIDAttr("to", s.To)
	}
	if s.Type != "" {
		w.Attr("type", s.Type)
	}
	if s.ID != "" {
		w.Attr("id", s.ID)
	}
	if s.Language != "" {
		w.AttrNS("xml", "lang", s.Language)
	}
	for _, p := range s.Payloads {
		if p != nil {
			p.WriteXML(w)
		}
	}
	w.End()
}

// Matters says that losing the stanza would lose something a person said or
// must know: it is sent again if the stream breaks before the server had it.
// Presence and iqs are made anew instead, and archives asked again.
func (s Stanza) Matters() bool {
	if s.Kind != Message || s.Type == Headline {
		return false
	}
	if len(s.Payloads) == 0 {
		return true
	}
	_, archived := s.Payloads[0].(ArchiveResult)
	return !archived
}

// A Received is a stanza that came in. Its addresses are prepared, or where
// that failed, empty: Parse tells.
type Received struct {
	Kind
	Header
	*wire.Element // the whole stanza
}

// An AddressError says that a stanza's address can't be prepared.
type AddressError struct {
	Attr, Value string
	Err         error
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("%s address %q: %v", e.Attr, e.Value, e.Err)
}

func (e *AddressError) Unwrap() error { return e.Err }

// Parse reads a top-level element. The result keeps e. An *AddressError comes
// with whatever of the stanza could be read; any other error means that e is no
// stanza at all.
func Parse(e *wire.Element) (Received, error) {
	s := Received{Element: e}
	switch e.Name {
	case "message":
		s.Kind = Message
	case "presence":
		s.Kind = Presence
	case "iq":
		s.Kind = IQ
	default:
		return s, fmt.Errorf("<%s> in %q is no stanza", e.Name, e.Space)
	}
	s.Type, s.ID, s.Language = e.Attr("type"), e.Attr("id"), e.Lang()
	var err error
	if s.From, err = jid.ParsePrepared(e.Attr("from")); err != nil {
		return s, &AddressError{"from", e.Attr("from"), err}
	}
	if s.To, err = jid.ParsePrepared(e.Attr("to")); err != nil {
		return s, &AddressError{"to", e.Attr("to"), err}
	}
	return s, nil
}

// Payload gives the one child of an iq get or set, or nil.
func (s Received) Payload() *wire.Element {
	for c := range s.Children() {
		return c
	}
	return nil
}

// Answer starts a stanza of the same kind back to the sender.
func (s Received) Answer(typ string, payloads ...wire.Payload) Stanza {
	return Stanza{
		Kind:     s.Kind,
		Header:   Header{From: s.To, To: s.From, Type: typ, ID: s.ID},
		Payloads: payloads,
	}
}

// Result answers an iq.
func (s Received) Result(payloads ...wire.Payload) Stanza { return s.Answer(Result, payloads...) }

// Refuse answers with an error. A stanza of type error, or an iq result, gets
// none (RFC 6120 §8.3.1, §8.2.3): ok is false.
func (s Received) Refuse(e Error) (answer Stanza, ok bool) {
	if s.Type == ErrorType || s.Kind == IQ && s.Type == Result {
		return Stanza{}, false
	}
	return s.Answer(ErrorType, e), true
}
