package xmppclient

import (
	"context"
	"fmt"
	"net"

	"mellium.im/xmpp/component"
	"mellium.im/xmpp/jid"
)

// DialComponent connects as an external component (XEP-0114). What it sends
// bears its own from.
func DialComponent(ctx context.Context, addr, domain, secret string) (*Client, error) {
	own, err := jid.Parse(domain)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", domain, err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", domain, err)
	}
	session, err := component.NewSession(ctx, own, []byte(secret), conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect as %s: %w", domain, err)
	}
	c := &Client{
		jid: domain, options: Options{Mute: true}, conn: conn, session: session,
		done: make(chan struct{}), arrived: make(chan struct{}),
	}
	go c.read()
	return c, nil
}
