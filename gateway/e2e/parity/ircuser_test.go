package parity

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// An ircUser is somebody on IRC without XMPP, with nothing between the test and
// the lines.
type ircUser struct {
	t     *testing.T
	nick  string
	conn  net.Conn
	lines *bufio.Scanner
}

// onIRC connects somebody to verona.
func (s *scene) onIRC(name string) *ircUser { return s.onIRCAt(s.stage.verona, name) }

func (s *scene) onIRCAt(address, name string) *ircUser {
	s.t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	u := &ircUser{t: s.t, nick: fmt.Sprintf("%s%d", name, s.number), conn: conn, lines: bufio.NewScanner(conn)}
	u.sends("NICK " + u.nick)
	u.sends("USER " + name + " 0 * :" + name)
	u.hears(" 001 ")
	return u
}

func (u *ircUser) sends(line string) {
	u.t.Helper()
	if _, err := fmt.Fprintf(u.conn, "%s\r\n", line); err != nil {
		u.t.Fatal(err)
	}
}

// hears waits for a line that has all the parts.
func (u *ircUser) hears(parts ...string) string {
	u.t.Helper()
	if err := u.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		u.t.Fatal(err)
	}
	var heard []string
	for u.lines.Scan() {
		line := u.lines.Text()
		if token, ok := strings.CutPrefix(line, "PING "); ok {
			u.sends("PONG " + token)
			continue
		}
		if hasAll(line, parts) {
			return line
		}
		heard = append(heard, line)
	}
	u.t.Fatalf("%s did not hear %q, but:\n%s", u.nick, parts, strings.Join(heard, "\n"))
	return ""
}

func hasAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

func (u *ircUser) joins(r room) {
	u.t.Helper()
	u.sends("JOIN " + r.channel)
	u.hears(" 366 ")
}

func (u *ircUser) says(target, text string) {
	u.t.Helper()
	u.sends("PRIVMSG " + target + " :" + text)
}
