package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// A demo is the three servers.
type demo struct {
	dir       string
	prosody   *servers.Prosody
	inspircd  *servers.InspIRCd
	gatehouse *servers.Server
	http      string
}

func (d *demo) close() {
	if d.gatehouse != nil {
		d.gatehouse.Close()
	}
	if d.inspircd != nil {
		d.inspircd.Close()
	}
	if d.prosody != nil {
		d.prosody.Close()
	}
}

func (d *demo) start(ctx context.Context) (err error) {
	d.prosody, err = servers.StartProsody(ctx, filepath.Join(d.dir, "prosody"), servers.ProsodyOptions{
		Users: map[string]string{"romeo": password},
		Components: []servers.Component{
			{Domain: ircDomain, Secret: secret, Name: "IRC"}, {Domain: smsDomain, Secret: secret, Name: "SMS"},
		},
		ConflictResolve: "kick_old",
		WebSocket:       true, // and HTTP with it
		Modules:         []string{"http_file_share"},
	})
	if err != nil {
		return err
	}
	fmt.Printf("  Prosody    for XMPP clients on %s\n", d.prosody.ClientAddr)
	d.inspircd, err = servers.StartInspIRCd(ctx, filepath.Join(d.dir, "inspircd"), servers.InspIRCdOptions{Name: "verona.localhost", Network: "Verona"})
	if err != nil {
		return err
	}
	fmt.Printf("  InspIRCd   for IRC clients on %s\n", d.inspircd.Addr)
	if err := d.startGatehouse(ctx); err != nil {
		return err
	}
	fmt.Printf("  Gatehouse  attached as %s and %s\n", ircDomain, smsDomain)
	return nil
}

// config is all that the gateway needs to know.
func (d *demo) config() string {
	return fmt.Sprintf(`[store]
path = %q
[http]
listen = %q
[media]
public_url = "http://%s/media"
[fetch]
allow_private = ["127.0.0.0/8", "::1"]

[[component]]
transport = "irc"
domain = %q
server = %q
secret = %q
[component.irc.network.verona]
address = %q
tls = false

[[component]]
transport = "sms"
domain = %q
server = %q
secret = %q
[[component.sms.user]]
jid = %q
number = %q
`, filepath.Join(d.dir, "gatehouse.db"), d.http, d.http,
		ircDomain, d.prosody.ComponentAddr, secret, d.inspircd.Addr,
		smsDomain, d.prosody.ComponentAddr, secret, user, ownNumber)
}

func (d *demo) startGatehouse(ctx context.Context) error {
	port, err := servers.FreePort()
	if err != nil {
		return err
	}
	d.http = fmt.Sprintf("127.0.0.1:%d", port)
	path := filepath.Join(d.dir, "config.toml")
	if err := os.WriteFile(path, []byte(d.config()), 0o600); err != nil {
		return fmt.Errorf("write the gateway's config: %w", err)
	}
	program, err := besides("gatehouse")
	if err != nil {
		return err
	}
	command := func() *exec.Cmd { return exec.Command(program, "-config", path) }
	d.gatehouse, err = servers.Run(ctx, "gatehouse", d.dir, command, d.healthy)
	return err
}

// besides finds a program in the folder of this one.
func besides(name string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(own), name)
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("the program gatehouse is not beside this one: run make demo, which builds both")
	}
	return path, nil
}

// healthy waits until both of the gateway's streams are up.
func (d *demo) healthy(ctx context.Context) error {
	for {
		var health struct{ OK bool }
		answer, err := http.Get("http://" + d.http + "/healthz")
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&health)
			answer.Body.Close()
		}
		if err == nil && health.OK {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
