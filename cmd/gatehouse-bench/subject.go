package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// A subject is a gateway that can be measured. Its IRC addresses are biboumi's:
// #channel%server@domain.
type subject struct {
	name    string
	network string // the IRC server's name within addresses
	prepare func(setup) (*exec.Cmd, error)
}

// A setup is what a subject is to be started with.
type setup struct {
	dir     string // for its files
	port    string // where the XMPP server listens, on loopback
	irc     string // address of the IRC server
	ca      string // file with its certificate's authority; empty: no TLS
	history bool
	users   int    // how many there may be
	texts   string // a provider of texts: the component is then one for SMS
	http    string // where the gateway's HTTP is to listen, with texts
}

// startLimit is how long a gateway may take to connect.
const startLimit = 30 * time.Second

// A trial is one run of a subject, from its start to its end.
type trial struct {
	setup
	subject *subject
	cmd     *exec.Cmd
	server  *xmppServer
	took    time.Duration // from the start of the process to the end of the handshake
}

// start starts a subject and waits for its handshake.
func (s *subject) start(ctx context.Context, o setup) (*trial, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("%s did not connect within %v", s.name, startLimit))
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	o.port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	t, err := s.launch(o)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if t.server, err = accept(ctx, l); err != nil {
		t.stop()
		return nil, t.explained(err)
	}
	t.took = time.Since(began)
	return t, nil
}

// launch starts a subject and waits for nothing.
func (s *subject) launch(o setup) (*trial, error) {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return nil, err
	}
	cmd, err := s.prepare(o)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", s.name, err)
	}
	log, err := os.Create(filepath.Join(o.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return &trial{setup: o, subject: s, cmd: cmd}, nil
}

// kill ends the gateway at once, and its stream with it.
func (t *trial) kill() { t.cmd.Process.Kill() }

func (t *trial) stop() {
	t.kill()
	_ = t.cmd.Wait()
	if t.server != nil {
		t.server.close()
	}
}

func (t *trial) cpu() time.Duration { return cpuTime(t.cmd.Process.Pid) }
func (t *trial) memory() float64    { return resident(t.cmd.Process.Pid) }

// room is the address of a channel.
func (t *trial) room(channel string) string {
	return channel + "%" + t.subject.network + "@" + domain
}

// explained adds what the gateway said, once it was stopped. A crash is told at
// the beginning, whatever comes behind it.
func (t *trial) explained(err error) error {
	log, _ := os.ReadFile(filepath.Join(t.dir, "log"))
	if gap := len(log) - 2000; gap > 0 {
		log = slices.Replace(log, 1500, 1500+gap, []byte("\n...\n")...)
	}
	return fmt.Errorf("%w; its log: %s", err, log)
}

// gatehouse is this project's program; an empty path means the one beside this.
func gatehouse(program string) (*subject, error) {
	if program == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		program = filepath.Join(filepath.Dir(own), "gatehouse")
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("there is no program %s: run make bench, which builds it", program)
	}
	return &subject{name: "gatehouse", network: "bench", prepare: func(o setup) (*exec.Cmd, error) {
		config := filepath.Join(o.dir, "config.toml")
		text := o.gatehouseConfig()
		if o.texts != "" {
			text = o.smsConfig(o.texts)
		}
		return exec.Command(program, "-config", config), os.WriteFile(config, []byte(text), 0o600)
	}}, nil
}

func (o setup) gatehouseConfig() string {
	security := "tls = false"
	if o.ca != "" {
		security = fmt.Sprintf("tls_ca_file = %q", o.ca)
	}
	return fmt.Sprintf(`[log]
level = "warn"
[store]
path = %q
[http]
listen = ""
[[component]]
transport = "irc"
domain = %q
server = "127.0.0.1:%s"
secret = %q
[component.irc]
record_history_by_default = %t
throttle = { burst = 0 }
connect_rate = { burst = 0 }
allow_private = ["127.0.0.0/8"]
[component.irc.network.bench]
address = %q
%s
`, filepath.Join(o.dir, "gatehouse.db"), domain, o.port, secret, o.history, o.irc, security)
}

// biboumi is Debian's. It keeps its users' options in SQLite: no throttle, and
// no ports tried first that nobody listens on.
func biboumi() (*subject, error) {
	if _, err := servers.Program("biboumi"); err != nil {
		return nil, err
	}
	sqlite, err := servers.Program("sqlite")
	if err != nil {
		return nil, err
	}
	return &subject{name: "biboumi", network: "127.0.0.1", prepare: func(o setup) (*exec.Cmd, error) {
		fill := exec.Command(sqlite, servers.BiboumiDatabase(o.dir))
		fill.Stdin = bytes.NewBufferString(o.biboumiOptions())
		if out, err := fill.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("fill its database: %w: %s", err, out)
		}
		return servers.PrepareBiboumi(o.dir, servers.BiboumiOptions{
			Domain: domain, Secret: secret, Server: net.JoinHostPort("127.0.0.1", o.port),
		})
	}}, nil
}

func (o setup) biboumiOptions() string {
	_, port, _ := net.SplitHostPort(o.irc)
	plain, tls := port, ""
	if o.ca != "" {
		plain, tls = "", port
	}
	history := 0
	if o.history {
		history = 1
	}
	users := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<%d)", o.users)
	return fmt.Sprintf(`
CREATE TABLE globaloptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,owner_ TEXT,maxhistorylength_ INTEGER,recordhistory_ INTEGER,persistent_ INTEGER);
CREATE TABLE ircserveroptions_ (id_ INTEGER PRIMARY KEY AUTOINCREMENT,owner_ TEXT,server_ TEXT,pass_ TEXT,tlsports_ TEXT,ports_ TEXT,username_ TEXT,realname_ TEXT,verifycert_ INTEGER,trustedfingerprint_ TEXT,encodingout_ TEXT,encodingin_ TEXT,maxhistorylength_ INTEGER,address_ TEXT,nick_ TEXT,saslpassword_ TEXT,throttlelimit_ INTEGER);
%[1]s INSERT INTO ircserveroptions_ SELECT NULL,'u'||i||'@bench.local','127.0.0.1','','%[2]s','%[3]s','','',0,'','','',20,'','','',-1 FROM n;
%[1]s INSERT INTO globaloptions_ SELECT NULL,'u'||i||'@bench.local',20,%[4]d,0 FROM n;
`, users, tls, plain, history)
}
