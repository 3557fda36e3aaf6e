package component

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"time"

	"gatehouse/component/socket"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const (
	dialLimit      = 10 * time.Second // TLS included
	headerLimit    = 10 * time.Second
	handshakeLimit = 20 * time.Second

	streamEnd = "</stream:stream>"
)

// dial connects. TLS begins at once: components have no STARTTLS.
func (c *Component) dial(ctx context.Context) (net.Conn, *problem) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := c.dialPlain(ctx)
	if err != nil {
		return nil, dialProblem(err)
	}
	if c.options.TLS == nil {
		return conn, nil
	}
	config := c.options.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName = c.domain
		if host, _, err := net.SplitHostPort(c.options.Address); err == nil {
			config.ServerName = host
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, tlsProblem(err)
	}
	return secured, nil
}

func (c *Component) dialPlain(ctx context.Context) (net.Conn, error) {
	if c.options.Dial != nil {
		return c.options.Dial(ctx)
	}
	// TCP_NODELAY is Go's default.
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3,
	}}
	network := c.options.Network
	if network == "" {
		network = "tcp"
	}
	conn, err := d.DialContext(ctx, network, c.options.Address)
	if err != nil {
		return nil, err
	}
	return socket.Direct(conn), nil
}

// shake opens the stream and proves that we know the secret (XEP-0114 §3).
func (c *Component) shake(ctx context.Context, conn net.Conn) (*wire.Reader, *problem) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	// No version, and the prefix that Openfire's framer wants.
	_ = conn.SetDeadline(time.Now().Add(headerLimit))
	header := `<?xml version="1.0"?><stream:stream xmlns="` + stanza.Namespace +
		`" xmlns:stream="` + streamsNamespace + `" to="` + escaped(c.domain) + `">`
	if _, err := io.WriteString(conn, header); err != nil {
		return nil, readProblem(err)
	}
	in := wire.NewReader(conn, wire.DefaultLimits)
	opened, err := in.Open()
	if err != nil {
		return nil, silentRefusal(err)
	}
	id := opened.Attr("id")
	if id == "" {
		// Prosody refuses a domain that it doesn't know in this way, and
		// Openfire anything, often without the error.
		p := c.answer(in)
		if p == nil {
			p = &problem{cause: refused, text: "the server's stream header has no id"}
		}
		return nil, p
	}
	sum := sha1.Sum([]byte(id + c.options.Secret))
	_ = conn.SetDeadline(time.Now().Add(handshakeLimit))
	if _, err := io.WriteString(conn, "<handshake>"+hex.EncodeToString(sum[:])+"</handshake>"); err != nil {
		return nil, readProblem(err)
	}
	if p := c.answer(in); p != nil {
		return nil, p
	}
	_ = conn.SetDeadline(time.Time{})
	return in, nil
}

// answer reads up to the server's <handshake/>: nil means accepted. Anything
// that is neither that nor an error is of no concern, such as stream features.
func (c *Component) answer(in *wire.Reader) *problem {
	for range 16 {
		e, err := in.Next()
		var large *wire.TooLargeError
		switch {
		case errors.As(err, &large):
		case err != nil:
			return silentRefusal(err)
		case isStreamError(e):
			return readStreamError(e).problem(opening)
		case e.Space == stanza.Namespace && e.Name == "handshake":
			return nil
		}
	}
	return &problem{cause: refused, text: "the server does not answer the handshake"}
}

// silentRefusal explains an end before the handshake was accepted.
func silentRefusal(err error) *problem {
	p := readProblem(err)
	if isEnd(err) || errors.Is(err, wire.ErrStreamClosed) {
		p.cause, p.text = refused, "the server refused the stream and does not say why"
		p.check = "Openfire does so if the domain is unknown, blocked or in use, or has no secret: " +
			"see External Components there, and the server's log"
	}
	return p
}

// escaped gives text as it may stand within the quotes of an attribute.
func escaped(text string) string {
	var w wire.Writer
	w.Start("", "a")
	w.Attr("b", text)
	w.End()
	const before, after = `<a b="`, `"/>`
	xml := string(w.Bytes())
	return xml[len(before) : len(xml)-len(after)]
}
