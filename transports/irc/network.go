// Package irc is the transport to Internet Relay Chat: one connection per user
// and network, after RFC 1459, RFC 2812, https://modern.ircdocs.horse and the
// capabilities of IRCv3 that register.go names.
//
// Addresses are "#garden%libera" for a channel, "juliet%libera" for a person
// and "libera" for a network's console, where libera is a network of the
// config or a server's host name.
package irc

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"path"
	"strings"
	"sync"

	"golang.org/x/text/encoding"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

// foundLimit bounds how many servers that the config does not name are
// remembered.
const foundLimit = 4096

// network implements transport.Network for all the IRC networks of one
// component.
type network struct {
	name         string
	any          bool
	allow, deny  []string
	allowPrivate guarded.Ranges
	quitMessage  string
	crowd        int
	realName     string
	encoding     encoding.Encoding
	throttle     Throttle
	doors        []door // of servers that the config does not name
	persistent   bool   // what holds for those who set nothing
	record       bool   // the same
	namesFixed   bool
	settings     transport.Settings   // nil without a store
	fixed        *server              // nil unless there is only one
	servers      map[string]*server   // by name in the config
	hosts        map[string][]*server // the same by host
	log          *slog.Logger

	files      transport.Files // nil: none are hosted
	pasteAbove int             // lines, of a text that is not sent as it is; 0: all are

	limits Limits
	gates  gates
	origin origin
	idents idents
	veil   veil

	sts     stsPolicies
	records transport.Records // nil without a store

	// dial connects to a server, in place of a net.Dialer; for tests.
	dial func(ctx context.Context, s *server, set *linkSettings, d door) (net.Conn, error)

	mu     sync.Mutex          // guards what follows
	found  map[string]*server  // by host, with any_network
	linked map[string]int      // how many links each user has
	open   map[string]*session // by user
}

// A door is a port of a server.
type door struct {
	port int
	tls  bool
}

// A server is one IRC network and how to connect to it. All but learnt is
// never changed once it is made.
type server struct {
	name       string // what stands behind % in addresses
	host       string
	doors      []door
	socket     string // the path of its WebSocket; empty: it is none
	configured bool   // named by the admin, so wherever it is is right
	tls        *tls.Config
	password   transport.Secret
	nick       string
	username   string
	realName   string
	encoding   encoding.Encoding
	throttle   Throttle

	connects    Throttle // how fast people may come, all together
	maxChannels int      // of one person
	bind        netip.Addr
	webirc      webirc

	mu     sync.Mutex // guards learnt
	learnt struct {
		chantypes string
		isupport  *isupport // by the link that came last; nil: by none
	}
}

// Info implements transport.Network.
func (n *network) Info() transport.Info {
	info := transport.Info{Name: n.name, Type: "irc", Prompt: n.prompt(), Rooms: true, Lists: true, People: true, Crowd: n.crowd}
	for _, name := range n.names() {
		info.Servers = append(info.Servers, transport.Address(name))
	}
	if n.fixed != nil {
		info.Home = n.address(n.fixed, "")
	}
	return info
}

func (n *network) prompt() string {
	if n.fixed != nil {
		return "Enter a nick such as juliet, or a channel such as #garden."
	}
	return "Enter a nick and its network such as " + string(n.example("juliet")) +
		", or a channel such as " + string(n.example("#garden")) + "."
}

// Open implements transport.Network. Nothing is connected to until a room is
// joined or a message is sent.
func (n *network) Open(account transport.Account, events transport.Sink) (transport.Session, error) {
	s := newSession(n, account, events)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open = map[string]*session{}
	}
	n.open[account.User] = s
	return s, nil
}

// sessionOf gives a user's session, or nil.
func (n *network) sessionOf(user string) *session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[user]
}

// hasClosed is called when a session has ended.
func (n *network) hasClosed(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open[s.account.User] == s {
		delete(n.open, s.account.User)
	}
}

// server gives the server behind a name, or nil. One that the config does not
// name is made on the way if people may do that.
func (n *network) server(name string) *server {
	if s := n.servers[name]; s != nil {
		return s
	}
	if same := n.hosts[name]; len(same) > 0 {
		if len(same) > 1 {
			return nil // on several ports: only the name tells which
		}
		return same[0]
	}
	if !n.any || !n.allowed(name) && !n.isAlias(name) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.found[name]; s != nil {
		return s
	}
	if len(n.found) >= foundLimit {
		for host := range n.found { // any one: it is made again when asked for
			delete(n.found, host)
			break
		}
	}
	s := &server{
		name: name, host: name, doors: n.doors, encoding: n.encoding, throttle: n.throttle, realName: n.realName,
		connects: n.limits.ConnectRate, maxChannels: n.limits.MaxNetworkChannels, bind: n.origin.bind,
		tls: &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12},
	}
	n.found[name] = s
	return s
}

// isAlias says whether a name can be a user's own for a server whose address
// is in their settings. Where only some hosts are allowed, there are none.
func (n *network) isAlias(name string) bool {
	return validServerName(name) && !strings.Contains(name, ".") && len(n.allow) == 0
}

// allowed says whether people may name the host.
func (n *network) allowed(host string) bool {
	if !validServerName(host) || !isHostName(host) {
		return false
	}
	matches := func(patterns []string) bool {
		for _, p := range patterns {
			if ok, _ := path.Match(p, host); ok {
				return true
			}
		}
		return false
	}
	return !matches(n.deny) && (len(n.allow) == 0 || matches(n.allow))
}

// isChannel says whether a name is a channel's there.
func (s *server) isChannel(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	types := s.learnt.chantypes
	if types == "" {
		types = defaultChantypes
	}
	return isOneOf(name, types)
}

// learn keeps what later addresses are read by.
func (s *server) learn(chantypes string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learnt.chantypes = chantypes
}
