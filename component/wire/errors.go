package wire

import (
	"errors"
	"fmt"
)

// Conditions of stream errors (RFC 6120 §4.9.3) that a SyntaxError has.
const (
	notWellFormed       = "not-well-formed"
	restrictedXML       = "restricted-xml"
	badFormat           = "bad-format"
	invalidNamespace    = "invalid-namespace"
	policyViolation     = "policy-violation"
	unsupportedEncoding = "unsupported-encoding"
)

// ErrStreamClosed is the regular end: the peer closed its stream.
var ErrStreamClosed = errors.New("xmpp stream closed by the peer")

// A SyntaxError is input that ends the stream. Condition is the name of the
// stream error to send (RFC 6120 §4.9.3).
type SyntaxError struct {
	Condition string
	Err       error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read xmpp stream: %s: %v", e.Condition, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// A TooLargeError is a stanza over a limit. All of it was skipped, and the next
// one can be read. Element has the name of the stanza and those attributes that
// were within the limits, and no children; it is the caller's to keep.
type TooLargeError struct{ Element *Element }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("read xmpp stream: %.40s is over a limit", e.Element.Name)
}

// A NotXMPPError means that the peer does not speak XML at all, for example TLS
// or HTTP. Got says what came instead.
type NotXMPPError struct{ Got string }

func (e *NotXMPPError) Error() string {
	return "read xmpp stream: the peer does not speak xmpp: " + e.Got
}
