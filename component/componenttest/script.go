package componenttest

import (
	"io"
	"net"
	"strings"

	"gatehouse/component/wire"
)

// A Script plays a server on one connection that does not come to a stream. The
// connection is closed when it returns.
type Script func(*Line)

// A Line is the connection of a Script.
type Line struct {
	conn net.Conn
	in   *wire.Reader
}

// ReadHeader reads the component's stream header and gives its domain.
func (l *Line) ReadHeader() string {
	e, err := l.in.Open()
	if err != nil {
		return ""
	}
	return strings.Clone(e.Attr("to"))
}

// ReadHandshake reads the component's handshake.
func (l *Line) ReadHandshake() { _, _ = l.in.Next() }

// Write sends text.
func (l *Line) Write(text string) { _, _ = io.WriteString(l.conn, text) }

// Drain reads until the component hangs up.
func (l *Line) Drain() { _, _ = io.Copy(io.Discard, l.conn) }

// Header is a server's stream header. Without an id it has none at all.
func Header(domain, id string) string {
	out := `<?xml version='1.0'?><stream:stream xmlns:stream='` + streamsNamespace +
		`' xmlns='jabber:component:accept' from='` + domain + `'`
	if id != "" {
		out += ` id='` + id + `'`
	}
	return out + `>`
}

// StreamError is an error that ends a stream (RFC 6120 §4.9).
func StreamError(condition, text string) string {
	const space = "urn:ietf:params:xml:ns:xmpp-streams"
	out := `<stream:error><` + condition + ` xmlns='` + space + `'/>`
	if text != "" {
		out += `<text xmlns='` + space + `'>` + text + `</text>`
	}
	return out + `</stream:error>`
}

const end = "</stream:stream>"

// RefuseHeader refuses in the header's answer, with an empty id: Prosody does
// that with host-unknown.
func RefuseHeader(condition, text string) Script {
	return func(l *Line) {
		domain := l.ReadHeader()
		l.Write(`<?xml version='1.0'?><stream:stream xmlns:stream='` + streamsNamespace +
			`' xmlns='jabber:component:accept' id='' from='` + domain + `'>` + StreamError(condition, text) + end)
	}
}

// RefuseHandshake refuses after the handshake: Prosody and ejabberd do that
// with not-authorized, Prosody with conflict, ejabberd also for an unknown host.
func RefuseHandshake(condition, text string) Script {
	return func(l *Line) {
		l.Write(Header(l.ReadHeader(), "3BF96D32"))
		l.ReadHandshake()
		l.Write(StreamError(condition, text) + end)
	}
}

// RefuseSilently sends a header without id and closes: Openfire does that.
func RefuseSilently(l *Line) { l.Write(Header(l.ReadHeader(), "")) }

// AcceptThenRefuse refuses right after accepting the handshake: Openfire does
// that with conflict.
func AcceptThenRefuse(condition, text string) Script {
	return func(l *Line) {
		l.Write(Header(l.ReadHeader(), "3BF96D32"))
		l.ReadHandshake()
		l.Write("<handshake></handshake>" + StreamError(condition, text) + end)
		l.Drain()
	}
}

// CloseAtOnce closes before a word is said.
func CloseAtOnce(l *Line) { l.ReadHeader() }

// SayNothing keeps the connection and never answers.
func SayNothing(l *Line) { l.Drain() }

// SayNothingAfterHeader answers the header, and not the handshake.
func SayNothingAfterHeader(l *Line) {
	l.Write(Header(l.ReadHeader(), "3BF96D32"))
	l.Drain()
}

// Say answers anything with the text.
func Say(text string) Script {
	return func(l *Line) {
		l.ReadHeader()
		l.Write(text)
		l.Drain()
	}
}
