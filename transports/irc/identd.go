package irc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

const (
	identLine    = 128              // bytes of a question
	identClients = 256              // connections at once; further ones are closed
	identOfOne   = 64               // of them from one address
	identLimit   = 10 * time.Second // of one
	identWait    = 2 * time.Second  // for a connection of ours that is just being made
	identRetry   = 30 * time.Second // after the listener failed
)

var _ transport.Runner = (*network)(nil)

// Run implements transport.Runner.
func (n *network) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	if n.records != nil {
		all.Go(func() { n.sts.keep(ctx, n.records, n.log) })
	}
	return n.identd(ctx)
}

// identd answers the questions of IRC servers about who has a connection to them
// (RFC 1413).
func (n *network) identd(ctx context.Context) error {
	for n.origin.identd != "" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.origin.identd)
		if err == nil {
			n.log.Info("identd listens", "address", l.Addr().String())
			err = n.serveIdents(ctx, l)
		}
		if ctx.Err() != nil {
			return nil
		}
		n.log.Error("identd can't listen; IRC servers are told nothing", "address", n.origin.identd, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(identRetry):
		}
	}
	<-ctx.Done()
	return nil
}

func (n *network) serveIdents(ctx context.Context, l net.Listener) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	places := identPlaces{}
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			select { // out of file descriptors, most likely
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		leave := places.take(addressOf(conn.RemoteAddr()).Addr())
		if leave == nil {
			conn.Close()
			continue
		}
		serving.Go(func() {
			defer leave()
			n.serveIdent(ctx, conn)
		})
	}
}

// identPlaces count who is being served: a stranger who keeps connections open
// must not keep IRC servers out.
type identPlaces struct {
	mu  sync.Mutex
	all int
	of  map[netip.Addr]int
}

// take gives what is called at the end of a connection; nil if there is no room
// for it.
func (p *identPlaces) take(from netip.Addr) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == identClients || p.of[from] == identOfOne {
		return nil
	}
	if p.of == nil {
		p.of = make(map[netip.Addr]int)
	}
	p.all++
	p.of[from]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.of[from]--; p.of[from] == 0 {
			delete(p.of, from)
		}
	}
}

// serveIdent answers one server.
func (n *network) serveIdent(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, identLimit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	line, err := bufio.NewReader(io.LimitReader(conn, identLine)).ReadString('\n')
	if err != nil {
		return
	}
	here, there, ok := readPorts(line)
	if !ok {
		io.WriteString(conn, "0 , 0 : ERROR : INVALID-PORT\r\n")
		return
	}
	local, remote := addressOf(conn.LocalAddr()), addressOf(conn.RemoteAddr())
	key := identKey{netip.AddrPortFrom(local.Addr(), here), netip.AddrPortFrom(remote.Addr(), there)}
	answer := "ERROR : NO-USER"
	if ident := n.idents.wait(ctx, key); ident != "" {
		answer = "USERID : UNIX : " + ident
	}
	fmt.Fprintf(conn, "%d , %d : %s\r\n", here, there, answer)
}

// readPorts reads a question: the port here, the port on the side that asks
// (RFC 1413 §3).
func readPorts(line string) (here, there uint16, ok bool) {
	first, second, found := strings.Cut(line, ",")
	read := func(text string) uint16 {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil {
			return 0
		}
		return uint16(n)
	}
	here, there = read(first), read(second)
	return here, there, found && here != 0 && there != 0
}

func addressOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
}

// idents are the connections that we would be asked about. The zero value is
// ready.
type idents struct {
	mu      sync.Mutex
	live    map[identKey]string
	setOut  int           // connections that are just being made
	changed chan struct{} // closed when live has more; nil if nobody waits
}

type identKey struct{ local, remote netip.AddrPort }

// dialling is called before a connection is made, and what it returns after
// that: with the connection, or with nil.
func (i *idents) dialling(ident string) func(net.Conn) net.Conn {
	i.mu.Lock()
	i.setOut++
	i.mu.Unlock()
	return func(conn net.Conn) net.Conn {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.setOut--
		if conn != nil {
			key := identKey{addressOf(conn.LocalAddr()), addressOf(conn.RemoteAddr())}
			if i.live == nil {
				i.live = make(map[identKey]string)
			}
			i.live[key] = ident
			conn = &identConn{Conn: conn, forget: func() { i.forget(key) }}
		}
		if i.changed != nil {
			close(i.changed)
			i.changed = nil
		}
		return conn
	}
}

func (i *idents) forget(key identKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.live, key)
}

// wait gives who has a connection. A server may ask before we know that we are
// connected to it.
func (i *idents) wait(ctx context.Context, key identKey) string {
	ctx, cancel := context.WithTimeout(ctx, identWait)
	defer cancel()
	for {
		i.mu.Lock()
		ident, ok := i.live[key]
		if ok || i.setOut == 0 {
			i.mu.Unlock()
			return ident
		}
		if i.changed == nil {
			i.changed = make(chan struct{})
		}
		changed := i.changed
		i.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ""
		}
	}
}

// An identConn is no longer known once it is closed.
type identConn struct {
	net.Conn
	forget func()
}

func (c *identConn) Close() error {
	c.forget()
	return c.Conn.Close()
}
