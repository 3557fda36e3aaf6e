package stanza

import "gatehouse/component/wire"

// StanzasNamespace holds the conditions of stanza errors (RFC 6120 §8.3.2).
const StanzasNamespace = "urn:ietf:params:xml:ns:xmpp-stanzas"

// An ErrorClass tells the sender what to do (RFC 6120 §8.3.2).
type ErrorClass string

const (
	Auth     ErrorClass = "auth"     // after providing credentials, again
	Cancel   ErrorClass = "cancel"   // not again
	Continue ErrorClass = "continue" // it was only a warning
	Modify   ErrorClass = "modify"   // again, but changed
	Wait     ErrorClass = "wait"     // again, later
)

// A Condition is a defined condition (RFC 6120 §8.3.3).
type Condition string

const (
	BadRequest            Condition = "bad-request"
	ConflictCondition     Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	Redirect              Condition = "redirect"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
)

// An Error is the payload of a stanza of type error (RFC 6120 §8.3).
type Error struct {
	Class ErrorClass
	Condition
	Text     string
	Redirect string        // with Gone and Redirect: where to, an xmpp: URI
	By       string        // who raised it, if not the addressee
	Code     string        // the number that such errors had before they had conditions; may be empty
	Detail   *wire.Element // an application's own condition
}

// WriteXML implements wire.Payload.
func (e Error) WriteXML(w *wire.Writer) {
	w.Start(Namespace, "error")
	w.Attr("type", string(e.Class))
	if e.Code != "" {
		w.Attr("code", e.Code)
	}
	if e.By != "" {
		w.Attr("by", e.By)
	}
	w.Start(StanzasNamespace, string(e.Condition))
	if e.Redirect != "" {
		w.Text(e.Redirect)
	}
	w.End()
	if e.Text != "" {
		w.Start(StanzasNamespace, "text")
		w.AttrNS("xml", "lang", "en")
		w.Text(e.Text)
		w.End()
	}
	if e.Detail != nil {
		e.Detail.WriteXML(w)
	}
	w.End()
}

// ReadError reads the error of a stanza of type error. Without a readable one
// it is undefined-condition: a peer may send type error and nothing in it.
func (s Received) ReadError() Error {
	out := Error{Class: Cancel, Condition: UndefinedCondition}
	for c := range s.Children() {
		if c.Name != "error" {
			continue
		}
		if t := c.Attr("type"); t != "" {
			out.Class = ErrorClass(t)
		}
		for d := range c.Children() {
			switch {
			case d.Space != StanzasNamespace:
			case d.Name == "text":
				out.Text = d.Content()
			default:
				out.Condition, out.Redirect = Condition(d.Name), d.Content()
			}
		}
	}
	return out
}
