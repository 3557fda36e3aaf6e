// Package parity has a scenario for each thing that people who come from
// biboumi are used to, and for each that they had to put up with there. The
// table in transports/irc/README.md lists them. The gateway is the real program
// and the IRC servers are real ones; the test plays the XMPP server, so that it
// sees every stanza in its order.
package parity

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/component/componenttest"
	"gatehouse/gateway/e2e/servers"
)

const (
	patience = time.Minute // for one stanza or one line of IRC

	irc     = "irc.example.org"     // the networks verona, mantua and padua
	fixed   = "verona.example.org"  // verona alone: addresses without %verona
	lasting = "lasting.example.org" // where rooms are kept unless somebody says otherwise
	escalus = "escalus@example.org" // the admin
)

// A stage is what all scenarios share: one gateway on one XMPP server, which the
// tests play, and the IRC servers.
type stage struct {
	xmpp           *componenttest.Server
	dir            string
	gateway        *servers.Server
	verona, mantua string // addresses of an InspIRCd and of an ngIRCd
	padua          string // of another InspIRCd, where only one scene plays
	veronaTLS      string
	ends           []func()
	scenes         atomic.Int64 // gives each its number
	admin          sync.Mutex   // held by the scene that the admin plays in
}

var (
	program  string // the gateway, built once
	ownStage *stage
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-parity-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "program")
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // scenes mostly wait: a login to InspIRCd takes a second
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ownStage = &stage{dir: dir}
	defer func() { ownStage.end() }()
	return m.Run()
}

// build builds the gateway with the race detector.
var build = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-race", "-o", program, "gatehouse/cmd/gatehouse")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the gateway: %w", err)
	}
	return nil
})

// setUp starts everything, for the first scenario that asks.
var setUp = sync.OnceValue(func() error { return ownStage.start() })

// onStage gives what all scenarios share.
func onStage(t *testing.T) *stage {
	t.Helper()
	servers.Need(t, "inspircd", "ngircd")
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	return ownStage
}

// always is a test that outlives the one that began it.
type always struct {
	testing.TB
	stage *stage
}

func (always) Helper()                   {}
func (a always) Cleanup(f func())        { a.stage.ends = append(a.stage.ends, f) }
func (always) Fatal(v ...any)            { panic(fmt.Sprint(v...)) }
func (always) Fatalf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }

func (st *stage) end() {
	for i := len(st.ends) - 1; i >= 0; i-- {
		st.ends[i]()
	}
}

func (st *stage) start() error {
	if err := build(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	inspircd, err := servers.StartInspIRCd(ctx, filepath.Join(st.dir, "inspircd"), servers.InspIRCdOptions{TLS: true})
	if err != nil {
		return err
	}
	st.ends = append(st.ends, func() { inspircd.Close() })
	ngircd, err := servers.StartNgIRCd(ctx, filepath.Join(st.dir, "ngircd"), servers.NgIRCdOptions{})
	if err != nil {
		return err
	}
	st.ends = append(st.ends, func() { ngircd.Close() })
	empty, err := servers.StartInspIRCd(ctx, filepath.Join(st.dir, "padua"), servers.InspIRCdOptions{})
	if err != nil {
		return err
	}
	st.ends = append(st.ends, func() { empty.Close() })
	st.verona, st.veronaTLS, st.mantua, st.padua = inspircd.Addr, inspircd.TLSAddr, ngircd.Addr, empty.Addr
	st.xmpp = componenttest.NewServer(always{stage: st})
	if st.gateway, err = st.run(ctx, "gatehouse", st.config(), st.xmpp, 3); err != nil {
		return err
	}
	st.ends = append(st.ends, func() { st.gateway.Close() })
	return nil
}

// config is that of the gateway that all scenarios share.
func (st *stage) config() string {
	networks := func(domain, options string) string {
		return fmt.Sprintf(`
[[component]]
transport = "irc"
domain = %q
server = "SERVER"
secret = %q
[component.irc]
throttle = { burst = 0 }
connect_rate = { burst = 0 }
allow_private = ["127.0.0.0/8"]
%s
[component.irc.network.verona]
address = %q
tls = false
[component.irc.network.mantua]
address = %q
tls = false
[component.irc.network.padua]
address = %q
tls = false
`, domain, componenttest.Secret, options, st.verona, st.mantua, st.padua)
	}
	return fmt.Sprintf("admins = [%q]\n", escalus) +
		"[log]\nlevel = \"debug\"\n" +
		networks(irc, "") +
		networks(fixed, `fixed_network = "verona"`) +
		networks(lasting, "persistent_by_default = true\nany_network = true\nports = ["+port(st.verona)+"]")
}

// run starts a gateway with a config in which SERVER is the XMPP server, and
// waits for its streams.
func (st *stage) run(ctx context.Context, name, config string, xmpp *componenttest.Server, streams int) (*servers.Server, error) {
	listener := xmpp.Listen("tcp")
	http, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(st.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.toml")
	config = strings.ReplaceAll(config, "SERVER", listener) +
		fmt.Sprintf("\n[store]\npath = %q\n[http]\nlisten = %q\n", filepath.Join(dir, "gatehouse.db"), http)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	command := func() *exec.Cmd {
		cmd := exec.Command(program, "-config", path)
		cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
		return cmd
	}
	return servers.Run(ctx, name, dir, command, func(ctx context.Context) error {
		for range streams {
			xmpp.Connected()
		}
		return isHealthy(ctx, "http://"+http+"/healthz")
	})
}

func freeAddress() (string, error) {
	port, err := servers.FreePort()
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), err
}

// isHealthy waits until all streams of a gateway have proved themselves.
func isHealthy(ctx context.Context, url string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not healthy: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
