package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	servicesName     = "services.test"
	servicesPassword = "linked"
)

// AthemeOptions configure an Atheme. The zero value has no accounts.
type AthemeOptions struct {
	Accounts map[string]string // account, which is also a nick → password
}

// An Atheme is running IRC services: NickServ, ChanServ, and SASL with PLAIN
// and EXTERNAL.
type Atheme struct {
	*Server
	ircd string // 127.0.0.1:port, for clients
}

// StartAtheme starts an Atheme with its configuration and data in dir, and
// links it to an InspIRCd that was started with the Services option.
func StartAtheme(ctx context.Context, dir string, ircd *InspIRCd, o AthemeOptions) (*Atheme, error) {
	path, err := program("atheme")
	if err != nil {
		return nil, err
	}
	if ircd.servicesAddr == "" {
		return nil, errors.New("start atheme: that inspircd was started without the Services option")
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(ircd.servicesAddr)
	if err != nil {
		return nil, fmt.Errorf("configure atheme: %w", err)
	}
	config := filepath.Join(dir, "atheme.conf")
	err = configure(config, "atheme.conf.tmpl", map[string]any{
		"Name": servicesName, "Password": servicesPassword, "Dir": dir,
		"Uplink": ircd.name, "Network": ircd.Network, "Port": port, "CaseMapping": ircd.caseMapping,
	})
	if err != nil {
		return nil, fmt.Errorf("configure atheme: %w", err)
	}
	a := &Atheme{ircd: ircd.Addr}
	a.Server = &Server{
		Name:       "atheme",
		Dir:        dir,
		startLimit: time.Minute,
		command: func() *exec.Cmd {
			return exec.Command(path, "-n", "-c", config, "-D", dir,
				"-l", filepath.Join(dir, "start.log"), "-p", filepath.Join(dir, "atheme.pid"))
		},
		ready: a.linked,
	}
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	for account, password := range o.Accounts {
		if err := a.Register(ctx, account, password); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

// linked waits until SASL is on offer and the services' clients are there: an
// InspIRCd that had services before offers it too early.
func (a *Atheme) linked(ctx context.Context) error {
	return retry(ctx, func() error {
		c, err := dialIRC(ctx, a.ircd)
		if err != nil {
			return err
		}
		defer c.close()
		list, err := c.ask("CAP LS 302", func(command, _ string) bool { return command == "CAP" })
		if err != nil {
			return err
		}
		if !strings.Contains(list, "sasl=") {
			return fmt.Errorf("no SASL among the capabilities: %s", list)
		}
		return a.asUser(ctx, "linktest", func(c *ircConn) error {
			present, err := c.ask("ISON NickServ SaslServ", func(command, _ string) bool { return command == "303" })
			if err == nil && !strings.Contains(present, "NickServ SaslServ") {
				err = fmt.Errorf("not all services are there: %s", present)
			}
			return err
		})
	})
}

// Register makes a NickServ account whose name is also its nick.
func (a *Atheme) Register(ctx context.Context, account, password string) error {
	return a.asUser(ctx, account, func(c *ircConn) error {
		return c.tell("REGISTER "+password+" "+account+"@localhost.test", "is now registered")
	})
}

// AddFingerprint lets a TLS client certificate with this fingerprint, in the
// hash that the IRC server was told to use and in hex, log in to an account.
func (a *Atheme) AddFingerprint(ctx context.Context, account, password, fingerprint string) error {
	return a.asUser(ctx, account, func(c *ircConn) error {
		if err := c.tell("IDENTIFY "+password, "You are now identified"); err != nil {
			return err
		}
		return c.tell("CERT ADD "+fingerprint, "Added fingerprint")
	})
}

// asUser talks to NickServ with a nick.
func (a *Atheme) asUser(ctx context.Context, nick string, talk func(*ircConn) error) error {
	c, err := dialIRC(ctx, a.ircd)
	if err != nil {
		return fmt.Errorf("ask NickServ as %s: %w", nick, err)
	}
	defer c.close()
	_, err = c.ask("NICK "+nick+"\r\nUSER "+nick+" 0 * :"+nick, func(command, _ string) bool { return command == "001" })
	if err == nil {
		err = talk(c)
	}
	if err != nil {
		return fmt.Errorf("ask NickServ as %s: %w", nick, err)
	}
	return nil
}

// An ircConn is a connection to an IRC server, just enough to ask services.
type ircConn struct {
	conn  net.Conn
	lines *bufio.Scanner
	stop  func() bool
}

// dialIRC connects. The connection ends with ctx, or after ten seconds.
func dialIRC(ctx context.Context, addr string) (*ircConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		conn.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return &ircConn{conn: conn, lines: bufio.NewScanner(conn), stop: stop}, nil
}

func (c *ircConn) close() {
	c.stop()
	c.conn.Close()
}

// tell tells NickServ something, and waits for a notice that has a text.
func (c *ircConn) tell(text, want string) error {
	var last string
	_, err := c.ask("PRIVMSG NickServ :"+text, func(command, text string) bool {
		if command == "NOTICE" {
			last = text
		}
		return strings.Contains(strings.ReplaceAll(text, "\x02", ""), want)
	})
	if err != nil {
		return fmt.Errorf("no %q, last was %q: %w", want, last, err)
	}
	return nil
}

// ask sends a line and returns the parameters of the first line that fits.
func (c *ircConn) ask(line string, fits func(command, text string) bool) (string, error) {
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		return "", err
	}
	for c.lines.Scan() {
		_, rest, _ := strings.Cut(c.lines.Text(), " ")
		if token, isPing := strings.CutPrefix(c.lines.Text(), "PING "); isPing {
			fmt.Fprintf(c.conn, "PONG %s\r\n", token)
			continue
		}
		command, text, _ := strings.Cut(rest, " ")
		if fits(command, text) {
			return text, nil
		}
		if len(command) == 3 && command[0] == '4' || strings.HasPrefix(c.lines.Text(), "ERROR") {
			return "", errors.New(c.lines.Text())
		}
	}
	if err := c.lines.Err(); err != nil {
		return "", err
	}
	return "", errors.New("the connection was closed")
}
