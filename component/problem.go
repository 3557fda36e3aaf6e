package component

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"gatehouse/component/wire"
)

// A cause says what to do about a problem: how long to wait before the next
// attempt.
type cause uint8

const (
	lost          cause = iota // the network, or the server is away
	silent                     // connected, but nothing of ours comes back
	refused                    // the server does not say why
	misconfigured              // nothing changes until somebody changes it
	conflict                   // the domain is taken
	replaced                   // another connection took it from us
	causes
)

// A problem is why there is no stream: what happened, and which setting to look
// at.
type problem struct {
	cause
	text  string
	check string
	err   error

	condition string // of the stream error to send before closing
	suspect   bool   // the server may have ended the stream over what it was sent
	reset     bool   // close with a TCP reset: nobody reads there any more
}

func (p *problem) Error() string {
	if p.err == nil {
		return p.text
	}
	return fmt.Sprintf("%s: %v", p.text, p.err)
}

func (p *problem) Unwrap() error { return p.err }

// abrupt tells whether the stream broke without a word, as when the server
// crashes.
func (p *problem) abrupt() bool {
	_, said := errors.AsType[*streamError](p.err)
	return p.cause == silent || p.err != nil && !said
}

// dialProblem explains why there is no connection.
func dialProblem(err error) *problem {
	p := &problem{cause: lost, text: "cannot connect to the server", err: err}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		p.text = "nothing listens at the server's component port"
		p.check = "is the server up, and does its component listener have this address? " +
			"Prosody: component_ports and component_interfaces; ejabberd: a listen entry with module ejabberd_service; " +
			"Openfire: External Components, port 5275"
	case errors.Is(err, fs.ErrNotExist):
		p.text = "the server's socket does not exist"
		p.check = "the path in server, and in ejabberd's listen entry (port: \"unix:...\")"
	case errors.Is(err, fs.ErrPermission):
		p.text = "the server's socket may not be opened"
		p.check = "its owner and mode (ejabberd: unix_socket)"
	case isTimeout(err):
		p.text = "the server's component port does not answer"
		p.check = "server, and firewalls between here and there"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		p.text, p.check = "the server's name cannot be resolved", "server, and DNS"
	}
	return p
}

// tlsProblem explains why a connection has no TLS.
func tlsProblem(err error) *problem {
	p := &problem{cause: lost, text: "the TLS handshake failed", err: err}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		remote  *net.OpError // crypto/tls puts the peer's alerts into one
	)
	switch {
	case errors.As(err, &unknown):
		p.cause, p.text = misconfigured, "the server's certificate is signed by an unknown authority"
		p.check = "tls_ca_file: it needs the authority that signed the certificate"
	case errors.As(err, &name):
		p.cause, p.text = misconfigured, "the server's certificate is for another name"
		p.check = "tls_server_name: it needs a name that the certificate has"
	case errors.As(err, &invalid):
		p.cause, p.text = misconfigured, "the server's certificate is not valid"
		p.check = "its dates and key usage, and the clocks on both sides"
	case errors.As(err, &record):
		p.cause, p.text = misconfigured, "the server's component port does not speak TLS"
		p.check = "tls: turn it off, or use the server's TLS port " +
			"(ejabberd: tls: true in the listen entry; Openfire: 5276; Prosody has none without mod_net_multiplex)"
	case errors.As(err, &remote) && remote.Op == "remote error":
		p.cause, p.text = misconfigured, "the server refused TLS"
		p.check = "the client certificate, and TLS versions on both sides"
	case isTimeout(err):
		p.text = "the server did not answer the TLS handshake"
		p.check = "tls: does the port speak TLS at all?"
	case isEnd(err):
		p.cause, p.text = refused, "the server closed the connection in the TLS handshake"
		p.check = "tls: does the port speak TLS at all?"
	}
	return p
}

// readProblem explains why reading ended, other than by a stream error.
func readProblem(err error) *problem {
	var (
		notXMPP *wire.NotXMPPError
		syntax  *wire.SyntaxError
	)
	switch {
	case errors.As(err, &notXMPP):
		p := &problem{cause: misconfigured, text: "the server's port does not speak XMPP", err: err}
		p.check = "server: it needs the component port, not that of clients or the web"
		if notXMPP.Got == "tls" {
			p.text = "the server's component port speaks TLS"
			p.check = "tls: turn it on, or use the server's plain port"
		}
		return p
	case errors.As(err, &syntax):
		return &problem{cause: lost, text: "the server sent what is no XMPP", err: err, condition: syntax.Condition}
	case errors.Is(err, wire.ErrStreamClosed):
		return &problem{cause: lost, text: "the server closed the stream"}
	case isTimeout(err):
		return &problem{cause: lost, text: "the server does not answer", err: err}
	case isEnd(err):
		return &problem{cause: lost, text: "the server closed the connection", err: err}
	}
	return &problem{cause: lost, text: "the connection to the server broke", err: err}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
