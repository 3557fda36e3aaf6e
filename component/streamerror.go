package component

import (
	"fmt"

	"gatehouse/component/wire"
)

const (
	streamsNamespace = "http://etherx.jabber.org/streams"
	errorsNamespace  = "urn:ietf:params:xml:ns:xmpp-streams"
)

// A streamError is how a server ends a stream (RFC 6120 §4.9).
type streamError struct{ Condition, Text string }

func (e *streamError) Error() string {
	if e.Text == "" {
		return "stream error " + e.Condition
	}
	return fmt.Sprintf("stream error %s (%.200q)", e.Condition, e.Text)
}

func readStreamError(e *wire.Element) *streamError {
	e = e.Clone()
	out := &streamError{Condition: "undefined-condition"}
	for c := range e.Children() {
		switch {
		case c.Space != errorsNamespace:
		case c.Name == "text":
			out.Text = c.Content()
		default:
			out.Condition = c.Name
		}
	}
	return out
}

func isStreamError(e *wire.Element) bool {
	return e.Space == streamsNamespace && e.Name == "error"
}

// A stage is how far a stream has come.
type stage uint8

const (
	opening  stage = iota // before the server accepted the handshake
	proving               // accepted, and nothing of ours has come back yet
	streamUp              // stanzas flow
)

// problem explains a stream error, which means different things at different
// stages.
func (e *streamError) problem(at stage) *problem {
	p := &problem{cause: lost, text: "the server ended the stream", err: e}
	switch e.Condition {
	case "conflict":
		// Openfire sends it right after accepting the handshake.
		if at < streamUp {
			p.cause, p.text = conflict, "the domain is in use"
			p.check = "another connection has it, maybe ours of a moment ago, or a second gateway is running; " +
				"Prosody: component_conflict_resolve = \"kick_old\"; ejabberd: the domain must not be one of its hosts"
			break
		}
		p.cause, p.text = replaced, "another connection has taken the domain"
		p.check = "is a second gateway running with this domain and secret? " +
			"(Prosody: component_conflict_resolve = \"kick_old\" lets the newer one win)"
	case "not-authorized":
		p.cause, p.text = misconfigured, "the server does not accept the secret"
		p.check = "secret: it must be the same here and there (Prosody: component_secret; ejabberd: password in the listen " +
			"entry; Openfire: the shared secret). ejabberd says the same if hosts of the listen entry lacks the domain"
	case "host-unknown", "improper-addressing":
		p.cause, p.text = misconfigured, "the server does not know the domain"
		p.check = "domain: the server needs it spelled the same (Prosody: a line Component \"the domain\"; " +
			"ejabberd: hosts of the listen entry; Openfire: External Components, and a subdomain of its own name). " +
			"Prosody says the same at its port for clients"
	case "invalid-namespace", "bad-namespace-prefix", "unsupported-version":
		p.cause, p.text = misconfigured, "the server's port is not for components"
		p.check = "server: it needs the component port (usually 5347 on Prosody, 5275 on Openfire), not that of clients"
	case "see-other-host":
		// Following it would give the secret's hash and all traffic to a host
		// that nobody configured.
		p.cause, p.text = misconfigured, "the server wants us to connect to another host, which is never followed"
		p.check = "server"
	case "invalid-from":
		p.cause, p.suspect = misconfigured, true
		p.text = "the server does not accept stanzas from the domain"
		p.check = "domain: it must be spelled as on the server, in lower case"
	case "bad-format", "not-well-formed", "invalid-xml", "xml-not-well-formed", "restricted-xml", "policy-violation",
		"unsupported-stanza-type", "unsupported-encoding", "internal-server-error":
		p.suspect = at == streamUp
		p.text = "the server ended the stream over what it was sent, or for a fault of its own"
	}
	return p
}

// writeStreamError is what goes before closing a stream that can't be read on.
func writeStreamError(condition string) []byte {
	return []byte("<stream:error><" + condition + " xmlns=\"" + errorsNamespace + "\"/></stream:error>" + streamEnd)
}
