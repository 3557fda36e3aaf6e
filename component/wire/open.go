package wire

import (
	"errors"
	"fmt"
	"strings"
)

var errOutside = errors.New("text outside of a stanza")

// Open reads up to the end of the stream header and gives it; it is valid until
// Next. It fails with a *NotXMPPError if the peer does not send XML, with a
// *SyntaxError if it sends XML that does not begin an XMPP stream, and otherwise
// like Next.
func (r *Reader) Open() (*Element, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.opened {
		return nil, errors.New("read xmpp stream: opened twice")
	}
	e, err := r.header()
	if err == errLimit {
		err = &SyntaxError{Condition: policyViolation, Err: errors.New("stream header is over a limit")}
	}
	if err != nil {
		r.err = err
		return nil, err
	}
	r.opened = true
	return e, nil
}

func (r *Reader) header() (*Element, error) {
	r.begin()
	if _, err := r.skipSpace(); err != nil {
		return nil, err // io.EOF here is a peer that said nothing
	}
	if r.buf[r.pos] != '<' {
		return nil, &NotXMPPError{Got: describe(r.buf[r.pos:r.end])}
	}
	e, err := r.prolog()
	if err != nil {
		return nil, within(err)
	}
	switch {
	case e.Name != "stream":
		return nil, &SyntaxError{Condition: badFormat, Err: fmt.Errorf("document element is %.40q", e.Name)}
	case e.Space != nsStream:
		return nil, &SyntaxError{Condition: invalidNamespace, Err: fmt.Errorf("stream of namespace %.80q", e.Space)}
	}
	r.keepScope()
	return e, nil
}

// prolog reads an XML declaration, if there is one, and the first start tag.
func (r *Reader) prolog() (*Element, error) {
	r.pos++
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	if c == '?' {
		if err := r.declaration(); err != nil {
			return nil, err
		}
		if _, err := r.skipSpace(); err != nil {
			return nil, err
		}
		if err := r.expect("<"); err != nil {
			return nil, err
		}
		if c, err = r.peek(); err != nil {
			return nil, err
		}
	}
	return r.markup(c)
}

// declaration reads an XML declaration from its "?" (XML 1.0 §2.8).
func (r *Reader) declaration() error {
	r.pos++
	from, _, to, err := r.name()
	if err != nil {
		return err
	}
	if r.view(from, to) != "xml" {
		return restricted("processing instruction")
	}
	seen := map[string]string{}
	for {
		spaced, err := r.skipSpace()
		if err != nil {
			return err
		}
		if r.buf[r.pos] == '?' {
			break
		}
		if !spaced {
			return malformed("no space in the xml declaration")
		}
		name, value, err := r.pseudoAttribute()
		if err != nil {
			return err
		}
		if _, twice := seen[name]; twice {
			return malformed("%s stands twice in the xml declaration", name)
		}
		seen[name] = value
	}
	if !strings.HasPrefix(seen["version"], "1.") {
		return malformed("xml version %.20q", seen["version"])
	}
	if e, ok := seen["encoding"]; ok && !strings.EqualFold(e, "utf-8") {
		// RFC 6120 §11.6.
		return &SyntaxError{Condition: unsupportedEncoding, Err: fmt.Errorf("encoding %.40q", e)}
	}
	return r.expect("?>")
}

func (r *Reader) pseudoAttribute() (name, value string, err error) {
	from, _, to, err := r.name()
	if err != nil {
		return "", "", err
	}
	switch name = r.view(from, to); name {
	case "version", "encoding", "standalone":
	default:
		return "", "", malformed("%.40q in the xml declaration", name)
	}
	if err := r.equals(); err != nil {
		return "", "", err
	}
	from = r.pos + 1
	to, err = r.value()
	if err != nil {
		return "", "", err
	}
	return name, r.view(from, to), nil
}

// keepScope makes the header's namespaces outlive the buffer.
func (r *Reader) keepScope() {
	header := r.top
	if len(r.open) > 0 {
		header = r.open[0]
	}
	r.closed = len(r.open) == 0
	r.root = strings.Clone(header.name)
	r.rootSpace = strings.Clone(header.space)
	for i, b := range r.scope {
		r.scope[i] = binding{strings.Clone(b.prefix), strings.Clone(b.space)}
	}
	r.rootScope = len(r.scope)
}

// describe says what came instead of XML.
func describe(b []byte) string {
	switch {
	case b[0] == 0x15 || b[0] == 0x16:
		return "tls" // a record of alerts or of a handshake (RFC 8446 §5.1)
	case strings.HasPrefix(string(b), "HTTP/"):
		return "http"
	}
	return fmt.Sprintf("%.40q", b)
}
