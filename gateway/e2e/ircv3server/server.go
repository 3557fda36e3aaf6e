// Package ircv3server is a small IRC server for scenarios about extensions that
// no server in Debian has. It follows the examples of the specifications at
// ircv3.net; a scenario adds the commands that it is about.
package ircv3server

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// Name is what the server calls itself.
const Name = "irc.test"

// patience is how long a client may take to read a line.
const patience = 10 * time.Second

// A Handler answers a command. Everything of the server is locked meanwhile.
type Handler func(c *Client, m ircmsg.Message)

// Options are what a server can do.
type Options struct {
	// Caps are its capabilities, with their values, as in CAP LS 302.
	Caps []string
	// ISupport are tokens of numeric 005.
	ISupport []string
	// Commands come before the built-in ones, which are at Client.Default.
	// Upper case.
	Commands map[string]Handler
}

// Common are the capabilities that the built-in commands know.
func Common(more ...string) []string {
	return append([]string{
		"account-tag", "batch", "echo-message", "extended-join", "labeled-response", "message-tags",
		"server-time", "cap-notify",
	}, more...)
}

// A Server is one IRC server.
type Server struct {
	o        Options
	listener net.Listener
	wait     sync.WaitGroup

	mu       sync.Mutex
	clients  []*Client
	channels map[string]*Channel // by lower-case name
	lastID   int
}

// A Channel has its members in the order in which they came; the first is its
// operator.
type Channel struct {
	Name    string
	Topic   string
	Members []*Client
}

// Start opens a server on a port of its own.
func Start(o Options) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, listener: l, channels: map[string]*Channel{}}
	s.wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.Serve(conn) })
		}
	})
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server and its clients.
func (s *Server) Close() {
	s.listener.Close()
	s.Do(func() {
		for _, c := range s.clients {
			c.conn.Close()
		}
	})
	s.wait.Wait()
}

// Do runs a function of a scenario with the server locked.
func (s *Server) Do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Serve talks to one client until its connection ends.
func (s *Server) Serve(conn net.Conn) {
	c := &Client{Server: s, conn: conn, Caps: map[string]bool{}}
	s.Do(func() { s.clients = append(s.clients, c) })
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		m, err := ircmsg.ParseLine(lines.Text())
		if err != nil {
			continue
		}
		s.Do(func() { c.take(m) })
	}
	conn.Close()
	s.Do(func() { s.drop(c, "Connection closed") })
}

func (s *Server) drop(c *Client, reason string) {
	i := slices.Index(s.clients, c)
	if i < 0 {
		return
	}
	s.clients = slices.Delete(s.clients, i, i+1)
	quit := c.Message("QUIT", reason)
	for _, peer := range s.peers(c) {
		peer.Send(quit)
	}
	for _, ch := range s.channels {
		ch.drop(c)
	}
}

func (ch *Channel) drop(c *Client) {
	ch.Members = slices.DeleteFunc(ch.Members, func(m *Client) bool { return m == c })
}

// peers are the others who share a channel with a client.
func (s *Server) peers(c *Client) (peers []*Client) {
	for _, ch := range s.channels {
		if !slices.Contains(ch.Members, c) {
			continue
		}
		for _, m := range ch.Members {
			if m != c && !slices.Contains(peers, m) {
				peers = append(peers, m)
			}
		}
	}
	return peers
}

// Client finds somebody by nick, or nil.
func (s *Server) Client(nick string) *Client {
	for _, c := range s.clients {
		if c.registered && strings.EqualFold(c.Nick, nick) {
			return c
		}
	}
	return nil
}

// Channel finds a channel, or nil.
func (s *Server) Channel(name string) *Channel { return s.channels[strings.ToLower(name)] }

// NextID makes a msgid.
func (s *Server) NextID() string {
	s.lastID++
	return fmt.Sprintf("m%03d", s.lastID)
}

// Send sends a message to all members.
func (ch *Channel) Send(m ircmsg.Message) {
	for _, c := range ch.Members {
		c.Send(m)
	}
}

// Rename gives a channel another name, and tells nobody.
func (s *Server) Rename(ch *Channel, name string) {
	delete(s.channels, strings.ToLower(ch.Name))
	ch.Name = name
	s.channels[strings.ToLower(name)] = ch
}
