package irc

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// A plainServer answers by itself: all joins succeed. One goroutine writes,
// as the lock of a pipe would stop virtual time.
type plainServer struct {
	mu      sync.Mutex
	conn    *plainConn // the last one
	welcome chan struct{}
	stalled chan struct{}
}

type plainConn struct {
	conn  net.Conn
	lines chan plainLine
	gone  chan struct{}
}

type plainLine struct {
	text    string
	written chan<- error // may be nil
}

func newPlainServer(t *testing.T) *plainServer {
	s := &plainServer{stalled: make(chan struct{}), welcome: make(chan struct{})}
	t.Cleanup(func() {
		if c := s.last(); c != nil {
			c.conn.Close()
		}
	})
	return s
}

func (s *plainServer) last() *plainConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

func (s *plainServer) stall() { close(s.stalled) }

func (s *plainServer) dial(context.Context, *server, *linkSettings, door) (net.Conn, error) {
	ours, theirs := net.Pipe()
	c := &plainConn{conn: theirs, lines: make(chan plainLine, 1000), gone: make(chan struct{})}
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
	go s.serve(c)
	go s.write(c)
	return ours, nil
}

// julietSays returns once the client has read the message, or is gone.
func (s *plainServer) julietSays(text string) error {
	<-s.welcome
	c, written := s.last(), make(chan error, 1)
	select {
	case c.lines <- plainLine{":juliet!j@capulet.example PRIVMSG romeo :" + text, written}:
	case <-c.gone:
		return net.ErrClosed
	}
	select {
	case err := <-written:
		return err
	case <-c.gone:
		return net.ErrClosed
	}
}

func (s *plainServer) write(c *plainConn) {
	in := false
	for {
		select {
		case l := <-c.lines:
			_, err := fmt.Fprintf(c.conn, "%s\r\n", l.text)
			if l.written != nil {
				l.written <- err
			}
			if !in && strings.Contains(l.text, " 376 ") {
				in = true
				s.welcomed()
			}
		case <-c.gone:
			return
		}
	}
}

func (s *plainServer) welcomed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.welcome:
	default:
		close(s.welcome)
	}
}

func (s *plainServer) serve(c *plainConn) {
	defer close(c.gone)
	defer c.conn.Close()
	reply := func(format string, args ...any) { c.lines <- plainLine{text: fmt.Sprintf(format, args...)} }
	nick := "*"
	for lines := bufio.NewScanner(c.conn); lines.Scan(); {
		select {
		case <-s.stalled:
			continue
		default:
		}
		command, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		rest, _, _ = strings.Cut(rest, " ")
		switch command {
		case "NICK":
			if nick != "*" {
				reply(":%s!r@h NICK %s", nick, rest)
			}
			nick = rest
		case "USER":
			reply(":s 001 %s :Welcome", nick)
			reply(":s 376 %s :End of MOTD", nick)
		case "PING":
			reply(":s PONG s :%s", rest)
		case "JOIN":
			for name := range strings.SplitSeq(rest, ",") {
				reply(":%s!r@h JOIN %s", nick, name)
				reply(":s 353 %s = %s :@juliet %s", nick, name, nick)
				reply(":s 366 %s %s :End", nick, name)
			}
		case "PART":
			reply(":%s!r@h PART %s", nick, rest)
		case "TOPIC":
			_, topic, _ := strings.Cut(lines.Text(), " :")
			reply(":%s!r@h TOPIC %s :%s", nick, rest, topic)
		case "QUIT":
			return
		}
	}
}
