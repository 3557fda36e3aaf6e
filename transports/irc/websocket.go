package irc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/coder/websocket"

	"gatehouse/component/socket"
	"gatehouse/gateway/transport"
)

// IRC over WebSocket (IRCv3 websocket): one message holds one line, without its
// CR LF.
const (
	socketBinary = "binary.ircv3.net"
	socketText   = "text.ircv3.net"

	socketHead = 16 << 10 // bytes of the answer to the handshake
	socketPath = 1024     // bytes
)

// A socketConn has the lines of a WebSocket as a stream. One goroutine brings
// them each way, as long as it is open.
type socketConn struct {
	net.Conn // the end of a pipe: deadlines end a read, not the connection
	far      net.Conn
	raw      net.Conn // below TLS
	ws       *websocket.Conn
	text     bool // messages are UTF-8
	cancel   context.CancelFunc
	pumps    sync.WaitGroup
}

// overSocket makes a WebSocket of a connection, TLS included if there is any.
func overSocket(ctx context.Context, conn net.Conn, set *linkSettings, to door) (net.Conn, error) {
	scheme, origin := "wss", "https"
	if !to.tls {
		scheme, origin = "ws", "http"
	}
	host := net.JoinHostPort(set.host, strconv.Itoa(to.port))
	var used atomic.Bool
	only := func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("there is one connection")
		}
		return conn, nil
	}
	ws, answer, err := websocket.Dial(ctx, scheme+"://"+host+set.socket, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     &http.Transport{DialContext: only, DialTLSContext: only, MaxResponseHeaderBytes: socketHead},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:   http.Header{"Origin": {origin + "://" + host}, "User-Agent": {"gatehouse"}},
		Subprotocols: []string{socketBinary, socketText},
	})
	if err != nil {
		conn.Close()
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			return nil, &transport.Error{
				Reason: transport.Unreachable, Err: err,
				Text: set.host + " does not speak IRC at that address: it answers with the HTTP status " + strconv.Itoa(answer.StatusCode) + ".",
			}
		}
		return nil, err
	}
	ws.SetReadLimit(maxLine)
	c := &socketConn{raw: socket.Beneath(conn), ws: ws, text: ws.Subprotocol() != socketBinary}
	c.Conn, c.far = net.Pipe()
	pumping, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.pumps.Go(func() { c.bring(pumping) })
	c.pumps.Go(func() { c.take(pumping) })
	return c, nil
}

// bring passes on what the server sends.
func (c *socketConn) bring(ctx context.Context) {
	defer c.far.Close()
	for {
		_, line, err := c.ws.Read(ctx)
		if err != nil {
			return
		}
		line = bytes.Trim(line, "\r\n") // which should not be there
		if bytes.ContainsAny(line, "\r\n") {
			continue
		}
		if _, err := c.far.Write(append(line, '\r', '\n')); err != nil {
			return
		}
	}
}

// take passes on what is written.
func (c *socketConn) take(ctx context.Context) {
	defer c.raw.Close() // the other one ends, too
	lines := bufio.NewReader(c.far)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		line = bytes.TrimRight(line, "\r\n")
		kind := websocket.MessageBinary
		if c.text {
			kind = websocket.MessageText
			if !utf8.Valid(line) {
				line = bytes.ToValidUTF8(line, []byte("?"))
			}
		}
		writing, cancel := context.WithTimeout(ctx, writeLimit)
		err = c.ws.Write(writing, kind, line)
		cancel()
		if err != nil {
			return
		}
	}
}

// Close implements net.Conn. It does not wait for the server.
func (c *socketConn) Close() error {
	c.cancel()
	c.raw.Close()
	err := c.Conn.Close()
	c.far.Close()
	c.pumps.Wait()
	c.ws.CloseNow()
	return err
}

func (c *socketConn) LocalAddr() net.Addr  { return c.raw.LocalAddr() }
func (c *socketConn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// takesUTF8 says that a connection can't carry anything else.
func takesUTF8(conn net.Conn) bool {
	c, ok := conn.(*socketConn)
	return ok && c.text
}

// A socketAddress is where a server's WebSocket is: wss://host:port/path.
type socketAddress struct {
	host, path string
	port       int
	tls        bool
}

func (a socketAddress) String() string {
	scheme := "wss"
	if !a.tls {
		scheme = "ws"
	}
	return scheme + "://" + net.JoinHostPort(a.host, strconv.Itoa(a.port)) + a.path
}

func isIP(host string) bool { _, err := netip.ParseAddr(host); return err == nil }

// readSocket takes such an address apart. Not ok: it is none.
func readSocket(text string) (a socketAddress, ok bool, problem string) {
	u, err := url.Parse(text)
	if !strings.Contains(text, "://") {
		return a, false, ""
	}
	if err != nil || u.Scheme != "wss" && u.Scheme != "ws" || u.Host == "" || u.User != nil || u.Fragment != "" || len(text) > socketPath {
		return a, true, "is not an address such as wss://irc.example.org/socket"
	}
	a.tls, a.port = u.Scheme == "wss", 443
	if !a.tls {
		a.port = 80
	}
	if a.path = u.EscapedPath(); a.path == "" {
		a.path = "/"
	}
	if u.RawQuery != "" {
		a.path += "?" + u.RawQuery
	}
	a.host = strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" {
		if a.port, err = strconv.Atoi(port); err != nil || a.port < 1 || a.port > 65535 {
			return a, true, "has no port that is one"
		}
	}
	return a, true, ""
}
