package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Component is an external component (XEP-0114) that a server knows.
type Component struct {
	Domain string
	Secret string
	Name   string // shown in service discovery; Prosody answers with it while the component is away

	Privileged bool // it gets its users' rosters (XEP-0356)
}

// ProsodyOptions configure a Prosody. The zero value is a server for localhost
// without users and components.
type ProsodyOptions struct {
	Domain          string            // localhost if empty
	Users           map[string]string // local part → password
	Components      []Component
	ConflictResolve string   // component_conflict_resolve: kick_new (Prosody's default) or kick_old
	WebSocket       bool     // serves XMPP over WebSocket (RFC 7395) too
	Modules         []string // more modules of Prosody
	Global          string   // more of the global section, in Lua
	Host            string   // more of the VirtualHost section, in Lua
}

// A Prosody is a running Prosody. Clients log in with SASL PLAIN or SCRAM,
// without TLS.
type Prosody struct {
	*Server
	Domain        string
	ClientAddr    string // 127.0.0.1:port, RFC 6120
	ComponentAddr string // 127.0.0.1:port, XEP-0114
	WebSocketURL  string // empty without the WebSocket option
}

// StartProsody starts a Prosody with its configuration and data in dir.
func StartProsody(ctx context.Context, dir string, o ProsodyOptions) (*Prosody, error) {
	path, err := program("prosody")
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	if o.Domain == "" {
		o.Domain = "localhost"
	}
	p := &Prosody{Domain: o.Domain}
	var clients, components, http int
	if p.ClientAddr, clients, err = loopback(); err != nil {
		return nil, err
	}
	if p.ComponentAddr, components, err = loopback(); err != nil {
		return nil, err
	}
	addrs := []string{p.ClientAddr}
	if len(o.Components) > 0 {
		addrs = append(addrs, p.ComponentAddr)
	}
	if o.WebSocket {
		var addr string
		if addr, http, err = loopback(); err != nil {
			return nil, err
		}
		p.WebSocketURL = "ws://" + addr + "/xmpp-websocket"
		addrs = append(addrs, addr)
	}

	// Prosody loads what lies in the folder of the configuration file.
	config := filepath.Join(dir, "prosody.cfg.lua")
	err = configure(config, "prosody.cfg.lua.tmpl", map[string]any{
		"Options": o, "Privileged": anyPrivileged(o.Components), "Dir": dir, "Root": os.Geteuid() == 0,
		"ClientPort": clients, "ComponentPort": components, "HTTPPort": http,
	})
	if err != nil {
		return nil, fmt.Errorf("configure prosody: %w", err)
	}
	p.Server = &Server{
		Name:       "prosody",
		Dir:        dir,
		startLimit: time.Minute,
		// Without -F the configuration decides, and a tty matters.
		command: func() *exec.Cmd { return exec.Command(path, "-F", "--config", config) },
		ready:   func(ctx context.Context) error { return accepts(ctx, addrs...) },
	}
	for user, password := range o.Users {
		if err := p.AddUser(ctx, user, password); err != nil {
			return nil, err
		}
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// anyPrivileged says that some component is.
func anyPrivileged(components []Component) bool {
	return slices.ContainsFunc(components, func(c Component) bool { return c.Privileged })
}

// AddUser makes an account or gives it another password; the server may be
// running. The local part is expected to be in its prepared form: lower case.
func (p *Prosody) AddUser(_ context.Context, user, password string) error {
	accounts := filepath.Join(p.Dir, "data", storeName(p.Domain), "accounts")
	if err := os.MkdirAll(accounts, 0o700); err != nil {
		return fmt.Errorf("add user %s: %w", user, err)
	}
	text := fmt.Sprintf("return {\n\t[\"password\"] = %s;\n};\n", luaString(password))
	file := filepath.Join(accounts, storeName(user)+".dat")
	part := file + "~"
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		return fmt.Errorf("add user %s: %w", user, err)
	}
	if err := os.Rename(part, file); err != nil {
		return fmt.Errorf("add user %s: %w", user, err)
	}
	return nil
}

// storeName is a name as Prosody's internal storage spells it in file names:
// all but ASCII letters and digits as %hh (util/datamanager.lua, encode).
func storeName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if slices.Contains([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
