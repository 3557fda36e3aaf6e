// Package xmppclient is a person with an XMPP client in end-to-end tests. The
// client is mellium.im/xmpp, which this project did not write: it negotiates
// the stream (RFC 6120), and encoding/xml reads it.
package xmppclient

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
)

const (
	nsClient       = "jabber:client"
	nsMUC          = "http://jabber.org/protocol/muc"
	nsMUCUser      = "http://jabber.org/protocol/muc#user"
	nsPing         = "urn:xmpp:ping"
	nsStanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"

	writeLimit = 10 * time.Second
	closeLimit = 5 * time.Second
)

// Options say who connects and how the client behaves.
type Options struct {
	JID      string // bare
	Password string
	Resource string // the server chooses one if empty
	// Quiet sends no initial presence: the server holds messages back.
	Quiet bool
	// Answer answers an iq get or set that the client receives, with the
	// payload of a result; false leaves it to the client, which answers pings
	// (XEP-0199) and refuses all else with service-unavailable.
	Answer func(Stanza) (payload string, answered bool)
	// Mute leaves all iqs unanswered, as a client that hangs.
	Mute bool
}

// A Client is one connected client. Its methods may be called from any
// goroutine.
type Client struct {
	jid     string
	options Options
	conn    net.Conn
	session *xmpp.Session
	done    chan struct{} // closed once nothing more is read

	writing sync.Mutex

	mu      sync.Mutex
	log     []entry       // every stanza, in order
	arrived chan struct{} // closed and made anew with every stanza
	err     error         // why reading ended
}

type entry struct {
	stanza   Stanza
	consumed bool
}

// Connect logs in without TLS and sends initial presence.
func Connect(ctx context.Context, addr, bareJID, password, resource string) (*Client, error) {
	return Dial(ctx, addr, Options{JID: bareJID, Password: password, Resource: resource})
}

// Dial logs in without TLS, with SASL SCRAM or PLAIN, at addr (host:port).
func Dial(ctx context.Context, addr string, o Options) (*Client, error) {
	own, err := jid.Parse(o.JID)
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", o.JID, err)
	}
	if o.Resource != "" {
		if own, err = own.WithResource(o.Resource); err != nil {
			return nil, fmt.Errorf("log in as %s: %w", o.JID, err)
		}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", o.JID, err)
	}
	// Secure is a lie that makes mellium do SASL without TLS.
	session, err := xmpp.NewSession(ctx, own.Domain(), own, conn, xmpp.Secure,
		xmpp.NewNegotiator(func(*xmpp.Session, *xmpp.StreamConfig) xmpp.StreamConfig {
			return xmpp.StreamConfig{Features: []xmpp.StreamFeature{
				xmpp.SASL("", o.Password, sasl.ScramSha256, sasl.ScramSha1, sasl.Plain),
				bindResource(o.Resource),
			}}
		}))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("log in as %s: %w", o.JID, err)
	}
	c := &Client{
		jid: session.LocalAddr().String(), options: o, conn: conn, session: session,
		done: make(chan struct{}), arrived: make(chan struct{}),
	}
	go c.read()
	if !o.Quiet {
		if err := c.Send("<presence/>"); err != nil {
			c.Drop()
			return nil, err
		}
	}
	return c, nil
}

// JID returns the full JID.
func (c *Client) JID() string { return c.jid }

// Bare returns the bare JID.
func (c *Client) Bare() string {
	bare, _, _ := strings.Cut(c.jid, "/")
	return bare
}

// read records stanzas until the stream ends. It reads tokens and not with the
// session's Serve, which ends the stream over addresses it does not like.
func (c *Client) read() {
	defer close(c.done)
	tokens := c.session.TokenReader()
	defer tokens.Close()
	for {
		token, err := tokens.Token()
		if start, ok := token.(xml.StartElement); ok {
			element, err := readElement(tokens, start)
			if err != nil {
				c.ended(err)
				return
			}
			c.record(Stanza{element})
			continue
		}
		if err != nil {
			c.ended(err)
			return
		}
	}
}

func (c *Client) record(s Stanza) {
	answer := ""
	asks := s.Kind() == "iq" && (s.Type() == "get" || s.Type() == "set")
	if asks && !c.options.Mute {
		answer = c.answer(s)
	}
	c.mu.Lock()
	c.log = append(c.log, entry{stanza: s})
	close(c.arrived)
	c.arrived = make(chan struct{})
	c.mu.Unlock()
	if answer != "" {
		// A failed write shows in what the test waits for next.
		_ = c.Send(answer)
	}
}

func (c *Client) answer(s Stanza) string {
	head := fmt.Sprintf(`<iq to="%s" id="%s" type=`, Escape(s.From()), Escape(s.ID()))
	if c.options.Answer != nil {
		if payload, ok := c.options.Answer(s); ok {
			return head + `"result">` + payload + "</iq>"
		}
	}
	if s.FindNS(nsPing, "ping") != nil {
		return head + `"result"/>`
	}
	return head + `"error"><error type="cancel"><service-unavailable xmlns="` + nsStanzaErrors + `"/></error></iq>`
}

func (c *Client) ended(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// Done is closed once the stream has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the stream ended: io.EOF after a clean end, nil while it is
// open.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Send writes XML to the stream as it is: a stanza, or whatever a test wants
// the server to see.
func (c *Client) Send(text string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return fmt.Errorf("send as %s: %w", c.jid, err)
	}
	if _, err := io.WriteString(c.conn, text); err != nil {
		return fmt.Errorf("send as %s: %w", c.jid, err)
	}
	return nil
}

// SendElement marshals v with encoding/xml and sends it.
func (c *Client) SendElement(v any) error {
	text, err := xml.Marshal(v)
	if err != nil {
		return fmt.Errorf("send as %s: %w", c.jid, err)
	}
	return c.Send(string(text))
}

// Close ends the stream cleanly and waits for the server to do so too.
func (c *Client) Close() error {
	c.writing.Lock()
	err := errors.Join(c.conn.SetWriteDeadline(time.Now().Add(closeLimit)), c.session.Close())
	c.writing.Unlock()
	if err == nil {
		select {
		case <-c.done:
		case <-time.After(closeLimit):
			err = fmt.Errorf("close %s: the server did not end the stream", c.jid)
		}
	}
	c.conn.Close()
	<-c.done
	return err
}

// Drop breaks the connection without ending the stream, and waits.
func (c *Client) Drop() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.conn.Close()
	<-c.done
}

// NewID returns an id that nobody has used.
func NewID() string { return strings.ToLower(rand.Text()) }
