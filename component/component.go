package component

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// maxStanza is the longest stanza sent, in bytes. Servers close the stream for
// less than a megabyte (Prosody: component_stanza_size_limit).
const maxStanza = 256 << 10

// Options say where a component connects and as what. Domain and Secret, and
// Address or Dial, are required.
type Options struct {
	Domain string // as the server spells it
	Secret string

	Network string // "tcp", the default, or "unix"
	Address string // host:port, or the path of a socket
	TLS     *tls.Config
	// Dial, if set, replaces Network and Address.
	Dial func(ctx context.Context) (net.Conn, error)

	Log *slog.Logger // nil logs nothing

	// Up is called when stanzas flow: after the handshake, once the first of
	// our pings to ourselves has come back. Down is called when that stream is
	// lost or closed. They alternate, and must not wait.
	Up, Down func()
}

// A Component is one domain and its stream. All methods may be called from any
// goroutine.
type Component struct {
	group   *Group
	domain  string
	options Options
	log     *slog.Logger

	out   outbox
	count counters

	mu    sync.Mutex
	state state
	said  map[string]time.Time // when a complaint was last logged

	waiting int // requests without an answer yet, guarded by group.mu
}

// Why a stanza was not taken.
var (
	// ErrDown says that there is no stream and the stanza does not outlive one.
	ErrDown = errors.New("no stream to the XMPP server")
	// ErrClosed says that Run has ended, or is about to.
	ErrClosed = errors.New("component is closed")
	// ErrTooLarge says that servers would close the stream for the stanza.
	ErrTooLarge = errors.New("stanza is larger than 256 KiB")
	// ErrNoAddress says that the stanza has nowhere to go.
	ErrNoAddress = errors.New("stanza has no recipient")
)

// Domain is the component's domain as it stands in From.
func (c *Component) Domain() string { return c.domain }

// Send queues a stanza and waits while the queue is full. From gets the
// component's domain. What Matters or has Confirmed set is kept until the
// server surely has it, through lost streams too; anything else is refused with
// ErrDown while there is no stream. Stanzas of one caller arrive in order.
func (c *Component) Send(ctx context.Context, s stanza.Stanza) error {
	e, err := c.entry(s)
	if err != nil {
		return err
	}
	for {
		room, err := c.out.put(e, true)
		if room == nil {
			return c.taken(e, err)
		}
		select {
		case <-room:
			c.out.stopWaiting()
		case <-ctx.Done():
			c.out.stopWaiting()
			return c.taken(e, fmt.Errorf("wait for the send queue: %w", context.Cause(ctx)))
		}
	}
}

// TrySend is Send that never waits. False means that the stanza was not taken:
// the queue is full, there is no stream, or no server would take it.
func (c *Component) TrySend(s stanza.Stanza) bool {
	e, err := c.entry(s)
	if err != nil {
		return false
	}
	room, err := c.out.put(e, false)
	if room != nil {
		err = errFull
	}
	return c.taken(e, err) == nil
}

// taken ends a put: an entry that was not taken goes back to the pool.
func (c *Component) taken(e *entry, err error) error {
	if err != nil {
		e.free()
		c.count.dropped.Add(1)
	}
	return err
}

var writers = sync.Pool{New: func() any { return new(wire.Writer) }}

// entry serialises a stanza. From gets exactly our domain, or Prosody would
// close the stream.
func (c *Component) entry(s stanza.Stanza) (*entry, error) { return c.entryFrom(c.domain, s) }

// entryFrom is the one place where stanzas become XML.
func (c *Component) entryFrom(domain string, s stanza.Stanza) (*entry, error) {
	s.From.Domain = domain
	w := writers.Get().(*wire.Writer)
	defer writers.Put(w)
	w.Reset()
	if s.To.Domain == "" {
		return nil, c.refuse(s, ErrNoAddress)
	}
	s.WriteXML(w)
	if err := w.Err(); err != nil {
		return nil, c.refuse(s, err)
	}
	if w.Len() > maxStanza {
		return nil, c.refuse(s, ErrTooLarge)
	}
	e := newEntry(w.Bytes())
	e.keep = s.Confirmed != nil || s.Matters()
	e.confirmed, e.durable = s.Confirmed, s.Confirmed != nil
	if e.keep {
		e.at = time.Now()
	}
	return e, nil
}

func (c *Component) refuse(s stanza.Stanza, err error) error {
	c.count.refused.Add(1)
	c.complain(err.Error(), slog.LevelWarn, "stanza not sent", "kind", s.Kind.String(), "type", s.Type, "error", err)
	return fmt.Errorf("send %s: %w", s.Kind, err)
}

// complain logs, but the same complaint once a minute at most.
func (c *Component) complain(key string, level slog.Level, text string, args ...any) {
	now := time.Now()
	c.mu.Lock()
	last, again := c.said[key]
	quiet := again && now.Sub(last) < time.Minute
	if !quiet {
		if c.said == nil || len(c.said) >= maxComplaints {
			c.said = make(map[string]time.Time)
		}
		c.said[key] = now
	}
	c.mu.Unlock()
	if !quiet {
		c.log.Log(context.Background(), level, text, args...)
	}
}

const maxComplaints = 64
