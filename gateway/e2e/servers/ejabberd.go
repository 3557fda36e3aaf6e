package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// EjabberdOptions configure an ejabberd. The zero value is a server for
// localhost without users and components.
type EjabberdOptions struct {
	Domain     string            // localhost if empty
	Users      map[string]string // local part → password
	Components []Component       // Name is not used
	// SharedListener serves all components on one port, instead of a port each.
	SharedListener bool
	// GlobalRoutes is the listeners' global_routes. ejabberd's own default is
	// true: then every connection gets stanzas for all domains of its listener.
	GlobalRoutes bool
	// TLS makes components connect with TLS from the first byte, Sockets over
	// unix sockets.
	TLS, Sockets bool
	Upload       bool   // it takes files (XEP-0363), components' too
	Extra        string // more top-level YAML
}

// An Ejabberd is a running ejabberd, without its wrapper and without
// distribution. Clients log in with SASL PLAIN or SCRAM, without TLS.
type Ejabberd struct {
	*Server
	Domain         string
	ClientAddr     string            // 127.0.0.1:port, RFC 6120
	ComponentAddrs map[string]string // component's domain → 127.0.0.1:port or unix:path, XEP-0114
	HTTPPort       int               // on 127.0.0.1
	CA             *CA               // signed the certificate for components; nil without TLS
	api            string            // base of mod_http_api
}

type ejabberdListener struct {
	Port       string // a number, or unix:path
	Components []Component
}

// listen gives the next component listener's port, and its address.
func (o EjabberdOptions) listen(dir string, n int) (port, addr string, err error) {
	if o.Sockets {
		path := "unix:" + filepath.Join(dir, fmt.Sprintf("%d.sock", n))
		return path, path, nil
	}
	addr, number, err := loopback()
	return fmt.Sprint(number), addr, err
}

// StartEjabberd starts an ejabberd with its configuration and data in dir.
func StartEjabberd(ctx context.Context, dir string, o EjabberdOptions) (*Ejabberd, error) {
	if _, err := program("ejabberd"); err != nil {
		return nil, err
	}
	path, err := exec.LookPath("erl")
	if err != nil {
		return nil, fmt.Errorf("erl is not installed: run scripts/install ejabberd (or apt-get install ejabberd)")
	}
	libraries, err := ejabberdLibraries()
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	if o.Domain == "" {
		o.Domain = "localhost"
	}
	e := &Ejabberd{Domain: o.Domain, ComponentAddrs: make(map[string]string)}
	var clients, http int
	if e.ClientAddr, clients, err = loopback(); err != nil {
		return nil, err
	}
	api, http, err := loopback()
	if err != nil {
		return nil, err
	}
	e.api, e.HTTPPort = "http://"+api+"/api/", http
	addrs := []string{e.ClientAddr, api}
	var listeners []ejabberdListener
	for i, c := range o.Components {
		if i > 0 && o.SharedListener {
			listeners[0].Components = append(listeners[0].Components, c)
			e.ComponentAddrs[c.Domain] = e.ComponentAddrs[o.Components[0].Domain]
			continue
		}
		port, addr, err := o.listen(dir, i)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, ejabberdListener{port, []Component{c}})
		e.ComponentAddrs[c.Domain] = addr
		if !o.Sockets {
			addrs = append(addrs, addr)
		}
	}
	certificate, err := e.certificate(dir, o.TLS)
	if err != nil {
		return nil, err
	}

	config := filepath.Join(dir, "ejabberd.yml")
	err = configure(config, "ejabberd.yml.tmpl", map[string]any{
		"Options": o, "Privileged": anyPrivileged(o.Components), "ClientPort": clients, "HTTPPort": http, "Files": filepath.Join(dir, "files"), "Listeners": listeners, "Certificate": certificate,
	})
	if err != nil {
		return nil, fmt.Errorf("configure ejabberd: %w", err)
	}
	e.Server = &Server{
		Name:       "ejabberd",
		Dir:        dir,
		startLimit: time.Minute,
		command: func() *exec.Cmd {
			// No -name or -sname: no distribution, and so no epmd.
			cmd := exec.Command(path, "-noinput", "+K", "true", "+sbwt", "none",
				"-mnesia", "dir", erlangString(filepath.Join(dir, "mnesia")),
				"-s", "ejabberd")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(),
				"HOME="+dir, // for .erlang.cookie and .ejabberd-modules
				"EJABBERD_CONFIG_PATH="+config,
				"EJABBERD_LOG_PATH="+filepath.Join(dir, "log", "ejabberd.log"),
				"ERL_LIBS="+libraries,
				"ERL_CRASH_DUMP_BYTES=0")
			return cmd
		},
		// It binds its ports long before it serves them, and does not survive
		// a SIGTERM in between. An answer shows that it is up.
		ready: func(ctx context.Context) error {
			if err := accepts(ctx, addrs...); err != nil {
				return err
			}
			return retry(ctx, func() error { return e.Command(ctx, "status", struct{}{}) })
		},
	}
	if err := e.Start(ctx); err != nil {
		return nil, err
	}
	for user, password := range o.Users {
		if err := e.AddUser(ctx, user, password); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, closed(e.Server))
		}
	}
	return e, nil
}

// certificate makes one file of a certificate for loopback and its key, as
// ejabberd wants it, or none.
func (e *Ejabberd) certificate(dir string, wanted bool) (file string, err error) {
	if !wanted {
		return "", nil
	}
	if e.CA, err = NewCA(dir); err != nil {
		return "", err
	}
	cert, key, err := e.CA.Issue("ejabberd", "localhost", "127.0.0.1")
	if err != nil {
		return "", err
	}
	both, err := os.ReadFile(cert)
	if err != nil {
		return "", err
	}
	keyText, err := os.ReadFile(key)
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "ejabberd.pem")
	return file, os.WriteFile(file, append(both, keyText...), 0o600)
}

// closed ends a server that cannot be used and returns its log.
func closed(s *Server) string {
	log := s.Log()
	s.Kill()
	return log
}

// AddUser makes an account, or gives it another password; the server must be
// running.
func (e *Ejabberd) AddUser(ctx context.Context, user, password string) error {
	account := map[string]string{"user": user, "host": e.Domain, "password": password}
	err := e.Command(ctx, "register", account)
	if err != nil && strings.Contains(err.Error(), "already registered") {
		err = e.Command(ctx, "change_password",
			map[string]string{"user": user, "host": e.Domain, "newpass": password})
	}
	if err != nil {
		return fmt.Errorf("add user %s: %w", user, err)
	}
	return nil
}

// Command runs one of ejabberd's administration commands.
func (e *Ejabberd) Command(ctx context.Context, name string, arguments any) error {
	body, err := json.Marshal(arguments)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.api+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := oneRequest.Do(req)
	if err != nil {
		return fmt.Errorf("command %s: %w", name, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("command %s: %w", name, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("command %s: %s: %s", name, res.Status, bytes.TrimSpace(answer))
	}
	return nil
}

// ejabberdLibraries finds the folder that holds ejabberd's compiled modules:
// Debian puts it outside of Erlang's own, under the machine's triplet.
func ejabberdLibraries() (string, error) {
	for _, pattern := range []string{"/usr/lib/*/ejabberd-*/ebin/ejabberd.beam", "/usr/lib/ejabberd*/ebin/ejabberd.beam"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return filepath.Dir(filepath.Dir(filepath.Dir(found[len(found)-1]))), nil
		}
	}
	return "", fmt.Errorf("ejabberd's modules are not where Debian puts them (/usr/lib/*/ejabberd-*)")
}

// erlangString is a string literal of Erlang.
func erlangString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
