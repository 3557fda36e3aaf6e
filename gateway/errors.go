package gateway

import (
	"context"
	"errors"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
	"gatehouse/gateway/transport"
)

// ErrorsNamespace is that of the network's own code beside a stanza error.
const ErrorsNamespace = "urn:gatehouse:errors"

// conditions gives each reason its stanza error (RFC 6120 §8.3.3; for joins
// the codes of XEP-0045 §7.2 and its table of errors, §15.6.1).
var conditions = map[transport.Reason]struct {
	stanza.ErrorClass
	stanza.Condition
}{
	transport.Internal:             {stanza.Cancel, stanza.InternalServerError},
	transport.BadAddress:           {stanza.Modify, stanza.JIDMalformed},
	transport.Moved:                {stanza.Cancel, stanza.Gone},
	transport.NotFound:             {stanza.Cancel, stanza.ItemNotFound},
	transport.NotRegistered:        {stanza.Auth, stanza.RegistrationRequired},
	transport.NotAuthorized:        {stanza.Auth, stanza.NotAuthorized},
	transport.Forbidden:            {stanza.Auth, stanza.Forbidden},
	transport.NotAllowed:           {stanza.Cancel, stanza.NotAllowed},
	transport.MembersOnly:          {stanza.Auth, stanza.RegistrationRequired},
	transport.BannedFrom:           {stanza.Auth, stanza.Forbidden},
	transport.Conflict:             {stanza.Cancel, stanza.ConflictCondition},
	transport.BadNick:              {stanza.Modify, stanza.NotAcceptable},
	transport.TooMany:              {stanza.Wait, stanza.ServiceUnavailable},
	transport.RateLimited:          {stanza.Wait, stanza.ResourceConstraint},
	transport.TooLong:              {stanza.Modify, stanza.NotAcceptable},
	transport.BadRequest:           {stanza.Modify, stanza.BadRequest},
	transport.NotJoined:            {stanza.Modify, stanza.NotAcceptable},
	transport.Unreachable:          {stanza.Wait, stanza.RemoteServerTimeout},
	transport.RecipientUnavailable: {stanza.Wait, stanza.RecipientUnavailable},
	transport.Unroutable:           {stanza.Cancel, stanza.RemoteServerNotFound},
	transport.Policy:               {stanza.Modify, stanza.PolicyViolation},
	transport.Unsupported:          {stanza.Cancel, stanza.FeatureNotImplemented},
	transport.Rejected:             {stanza.Cancel, stanza.UndefinedCondition},
	transport.Unacceptable:         {stanza.Modify, stanza.NotAcceptable},
	transport.NoSuchService:        {stanza.Cancel, stanza.ServiceUnavailable},
	transport.SubscriptionNeeded:   {stanza.Auth, stanza.SubscriptionRequired},
	transport.Unexplained:          {stanza.Wait, stanza.UndefinedCondition},
	transport.Looping:              {stanza.Wait, stanza.PolicyViolation},
	transport.NoFiles:              {stanza.Modify, stanza.FeatureNotImplemented},
}

// ErrorOf gives the stanza error of a reason.
func ErrorOf(r transport.Reason) (stanza.ErrorClass, stanza.Condition) {
	c, ok := conditions[r]
	if !ok {
		c = conditions[transport.Internal]
	}
	return c.ErrorClass, c.Condition
}

// stanzaError is what the user gets for an error of the network's. The domain
// is that of the component, for redirects.
func stanzaError(err error, domain string) stanza.Error {
	var e *transport.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = &transport.Error{Reason: transport.Unreachable, Text: "the network took too long to answer"}
	case errors.Is(err, context.Canceled):
		e = &transport.Error{Reason: transport.Unreachable, Text: "the session was closed meanwhile"}
	default:
		return internalError()
	}
	class, condition := ErrorOf(e.Reason)
	out := stanza.Error{Class: class, Condition: condition, Text: e.Text}
	if e.RetryAfter > 0 && out.Class == stanza.Cancel {
		out.Class = stanza.Wait
	}
	if e.Reason == transport.Moved {
		out.Redirect = uriOf(jid.JID{Local: jid.Escape(string(e.Redirect)), Domain: domain}) // RFC 6120 §8.3.3.5
	}
	if e.Code != "" {
		out.Detail = wire.New(ErrorsNamespace, "network-error").SetAttr("code", e.Code)
	}
	return out
}

func forbidden(text string) stanza.Error {
	return stanza.Error{Class: stanza.Auth, Condition: stanza.Forbidden, Text: text}
}

func internalError() stanza.Error {
	return stanza.Error{
		Class: stanza.Cancel, Condition: stanza.InternalServerError,
		Text: "something went wrong in the gateway; its log says more",
	}
}

func overloaded(text string) stanza.Error {
	return stanza.Error{Class: stanza.Wait, Condition: stanza.ResourceConstraint, Text: text}
}

func badRequest(text string) stanza.Error {
	return stanza.Error{Class: stanza.Modify, Condition: stanza.BadRequest, Text: text}
}

func notJoined(text string) stanza.Error {
	return stanza.Error{Class: stanza.Modify, Condition: stanza.NotAcceptable, Text: text}
}

// unsupported is for what a known specification has and this address has not;
// unknown is for what nobody here has heard of (RFC 6120 §8.3.3.3, §8.3.3.19).
func unsupported(text string) stanza.Error {
	return stanza.Error{Class: stanza.Cancel, Condition: stanza.FeatureNotImplemented, Text: text}
}

func unknown() stanza.Error {
	return stanza.Error{Class: stanza.Cancel, Condition: stanza.ServiceUnavailable}
}
