package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"gatehouse/component/socket"
	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

const dialLimit = 10 * time.Second // of one try

// knock tries the doors of a server in their order, and gives the one that was
// opened. All have the same host, so that what is wrong with it, or with its
// certificate, ends the tries: another port must not be a way around that.
func (n *network) knock(ctx context.Context, s *server, set *linkSettings, told func(door, error)) (net.Conn, door, error) {
	if set.host != s.host && !n.mayConnect(set.host) {
		return nil, door{}, refuse(transport.NotAllowed, "The administrator of this gateway does not allow connections to %s.", set.host)
	}
	// Without a dot it is a host where there may be a private network, else
	// somebody's own name for a server.
	alias := set.host == s.name && n.isAlias(s.name) && !s.configured
	if alias && len(n.allowPrivate) == 0 {
		return nil, door{}, n.noSuchName(s)
	}
	var first error
	for i, d := range set.doors {
		conn, err := n.connectTo(ctx, s, set, d)
		if err == nil {
			return conn, d, nil
		}
		if first == nil {
			first = err
		}
		_, isDNS := errors.AsType[*net.DNSError](err)
		if isDNS && alias {
			return nil, d, n.noSuchName(s)
		}
		if isDNS || isForged(err) || errors.Is(err, guarded.ErrPrivate) || ctx.Err() != nil {
			return nil, d, err
		}
		if i < len(set.doors)-1 {
			told(d, err)
		}
	}
	if first == nil {
		first = refuse(transport.BadRequest, "There is no port to connect to %s on. Set one with the command configure on %s.", s.name, s.name)
	}
	return nil, door{}, first
}

func (n *network) noSuchName(s *server) error {
	return refuse(transport.NotFound, "There is no network %s here. If that is to be your own name for one, "+
		"give its address with the command configure on %s. A person is written like %s.", s.name, s.name, n.example("juliet"))
}

// isForged says that the server has not proved who it is.
func isForged(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok || errors.Is(err, errPin)
}

// connectTo dials a door and does the TLS handshake.
func (n *network) connectTo(ctx context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	dial := n.dial
	if dial == nil {
		dial = n.dialTCP
	}
	conn, err := dial(ctx, s, set, d)
	if err != nil {
		return nil, err
	}
	if d.tls {
		secure := tls.Client(conn, set.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	if set.socket != "" {
		return overSocket(ctx, conn, set, d)
	}
	return conn, nil
}

// hangUp closes a connection at once. Closing the TLS layer would wait for a
// peer that does not read.
func hangUp(conn net.Conn) { socket.Beneath(conn).Close() }

func (n *network) dialTCP(ctx context.Context, s *server, set *linkSettings, to door) (net.Conn, error) {
	d := net.Dialer{}
	if !s.configured || set.chosen {
		d.Control = n.allowPrivate.Control
	}
	return n.dialFrom(ctx, d, s, set.face, net.JoinHostPort(set.host, strconv.Itoa(to.port)))
}

// explain makes of what ended a connection what the user is told, and says
// whether another try is in vain. farewell is the text of the server's ERROR.
func (n *network) explain(s *server, set *linkSettings, farewell string, cause error) (*transport.Error, bool) {
	if e, ok := errors.AsType[*registrationError](cause); ok {
		return e.told, e.permanent
	}
	if e, ok := errors.AsType[*transport.Error](cause); ok {
		return e, false
	}
	e := &transport.Error{Reason: transport.Unreachable, Err: cause}
	name := s.name
	if s.name != set.host {
		name += " (" + set.host + ")"
	}
	dns, isDNS := errors.AsType[*net.DNSError](cause)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](cause)
	_, isTLS := errors.AsType[tls.RecordHeaderError](cause)
	timeout, isNet := errors.AsType[net.Error](cause)
	switch {
	case errors.Is(cause, guarded.ErrPrivate):
		e.Reason = transport.NotAllowed
		e.Text = name + " is not a public server."
	case farewell != "":
		text, v := judge(farewell)
		e.Reason, e.Text = v.reason, name+" closed the connection: "+text
		return e, v.permanent
	case isDNS && dns.IsNotFound:
		e.Reason = transport.NotFound
		e.Text = name + " does not exist: there is no such host."
	case errors.Is(cause, errPin):
		e.Text = name + " has another certificate than the one whose fingerprint you gave. Either it is new, or somebody is in between."
	case isCert:
		e.Text = name + " has no valid certificate."
	case isTLS:
		e.Text = name + " does not speak TLS on that port."
	case errors.Is(cause, syscall.ECONNREFUSED):
		e.Text = name + " refuses connections."
	case errors.Is(cause, io.EOF), errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE),
		errors.Is(cause, net.ErrClosed), errors.Is(cause, io.ErrClosedPipe):
		e.Text = name + " closed the connection."
	case errors.Is(cause, errLongLine):
		e.Text = name + " sent a line that is too long."
	case errors.Is(cause, context.DeadlineExceeded), isNet && timeout.Timeout():
		e.Text = name + " does not answer."
	default:
		e.Text = name + " can't be reached."
	}
	return e, false
}
