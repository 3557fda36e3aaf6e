package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"gatehouse/component/socket"
)

// An ircClient is somebody on the far side of the gateway.
type ircClient struct {
	conn  net.Conn
	heard func(c *ircClient, line string) // of every PRIVMSG, on the reader's goroutine
	ended chan struct{}

	mu  sync.Mutex
	out *bufio.Writer
}

const ircPatience = 60 * time.Second

// dialIRC connects and joins the channels. heard may be nil.
func dialIRC(address, nick string, heard func(*ircClient, string), channels ...string) (*ircClient, error) {
	conn, err := net.DialTimeout("tcp", address, ircPatience)
	if err != nil {
		return nil, err
	}
	conn = socket.Direct(conn)
	c := &ircClient{conn: conn, heard: heard, ended: make(chan struct{}), out: bufio.NewWriterSize(conn, 1<<16)}
	ready := make(chan error, 1)
	go c.read(nick, channels, ready)
	c.say("NICK %s", nick)
	c.say("USER %s 0 * :%s", nick, nick)
	select {
	case err = <-ready:
	case <-time.After(ircPatience):
		err = fmt.Errorf("the IRC server did not let %s in", nick)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *ircClient) read(nick string, channels []string, ready chan<- error) {
	defer close(c.ended)
	settle := func(err error) {
		select {
		case ready <- err:
		default:
		}
	}
	lines := bufio.NewReaderSize(c.conn, 1<<16)
	joined := 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			settle(fmt.Errorf("%s on IRC: %w", nick, err))
			return
		}
		line = strings.TrimRight(line, "\r\n")
		first, rest, _ := strings.Cut(line, " ")
		command, _, _ := strings.Cut(rest, " ")
		switch {
		case command == "PRIVMSG":
			if c.heard != nil {
				c.heard(c, line)
			}
		case first == "PING":
			c.say("PONG %s", rest)
		case command == "376" || command == "422": // the end of the message of the day
			if len(channels) == 0 {
				settle(nil)
			}
			for _, ch := range channels {
				c.say("JOIN %s", ch)
			}
		case command == "366": // the end of the names
			if joined++; joined == len(channels) {
				settle(nil)
			}
		case command == "433" || first == "ERROR":
			settle(fmt.Errorf("%s on IRC: %s", nick, line))
		}
	}
}

// say sends a line at once, add sends it with the next flush.
func (c *ircClient) say(format string, a ...any) {
	c.add(format, a...)
	c.flush()
}

func (c *ircClient) add(format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, format+"\r\n", a...)
}

func (c *ircClient) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Flush()
}

func (c *ircClient) close() {
	c.conn.Close()
	<-c.ended
}
