// Package e2e has the scenarios that run on real servers: a real XMPP server,
// real IRC servers, a Twilio emulator, and clients of each that nobody here
// wrote, around the gateway's own program.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/ircclient"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	patience = time.Minute // for one thing to happen
	secret   = "kept between us"
	password = "wherefore"
	ircHost  = "irc.localhost"
	smsHost  = "sms.localhost"
	ownPhone = "+15005550001" // romeo's
	friend   = "+15005550123"
)

// program is the gateway, built once with the race detector.
var program string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	if os.Getenv(carrierVariable) != "" {
		return serveAsCarrier()
	}
	dir, err := os.MkdirTemp("", "gatehouse-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-race", "-o", program, "gatehouse/cmd/gatehouse")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the gateway:", err)
		return 1
	}
	return m.Run()
}

// A world is one XMPP server with the gateway attached. Everything in it ends
// with the test.
type world struct {
	t       *testing.T
	dir     string
	clients string // address for XMPP clients
	gateway *servers.Server
	http    string   // the gateway's listener
	top     string   // of the gateway's config, before all tables
	env     []string // of the gateway's, besides ours

	prosody  *servers.Prosody
	ejabberd *servers.Ejabberd
	emulate  *servers.Emulate
}

var users = map[string]string{"romeo": password, "benvolio": password}

var components = []servers.Component{{Domain: ircHost, Secret: secret}, {Domain: smsHost, Secret: secret}}

// limited gives a context for one step.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld begins a scenario, which goes on side by side with others: it has
// servers of its own, and mostly waits for them.
func newWorld(t *testing.T) *world {
	t.Parallel()
	w := &world{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() && w.gateway != nil {
			t.Log("the gateway's log:\n" + w.gateway.Log())
		}
	})
	return w
}

// onProsody starts a Prosody.
func (w *world) onProsody(o servers.ProsodyOptions) {
	w.t.Helper()
	servers.Need(w.t, "prosody")
	o.Users, o.Components = users, slices.Concat(components, o.Components)
	var err error
	w.prosody, err = servers.StartProsody(limited(w.t), filepath.Join(w.dir, "prosody"), o)
	check(w.t, err)
	w.t.Cleanup(func() { w.prosody.Close() })
	w.clients = w.prosody.ClientAddr
}

// onEjabberd starts an ejabberd.
func (w *world) onEjabberd(o servers.EjabberdOptions) {
	w.t.Helper()
	servers.Need(w.t, "ejabberd")
	o.Users, o.Components = users, slices.Concat(components, o.Components)
	var err error
	w.ejabberd, err = servers.StartEjabberd(limited(w.t), filepath.Join(w.dir, "ejabberd"), o)
	check(w.t, err)
	w.t.Cleanup(func() { w.ejabberd.Close() })
	w.clients = w.ejabberd.ClientAddr
}

// server is where a component connects to.
func (w *world) server(domain string) string {
	if w.ejabberd != nil {
		return w.ejabberd.ComponentAddrs[domain]
	}
	return w.prosody.ComponentAddr
}

// irc is the config of an IRC component with the networks given as TOML.
func (w *world) irc(networks string) string {
	return fmt.Sprintf(`
[[component]]
transport = "irc"
domain = %q
server = %q
secret = %q
[component.irc]
%s`, ircHost, w.server(ircHost), secret, networks)
}

// plain is an IRC network without TLS.
func plain(name, address string) string {
	return fmt.Sprintf("[component.irc.network.%s]\naddress = %q\ntls = false\n", name, address)
}

// sms is the config of an SMS component for romeo's number.
func (w *world) sms(provider string) string {
	return fmt.Sprintf(`
[[component]]
transport = "sms"
domain = %q
server = %q
secret = %q
[component.sms]
%s
[[component.sms.user]]
jid = "romeo@localhost"
number = %q
`, smsHost, w.server(smsHost), secret, provider, ownPhone)
}

// onEmulate starts a Twilio emulator and gives the config of a provider on it.
func (w *world) onEmulate() string {
	w.t.Helper()
	w.needHTTP()
	return w.onEmulateAt("http://" + w.http + "/" + smsHost)
}

// onEmulateAt is onEmulate with another way to the gateway's webhooks.
func (w *world) onEmulateAt(public string) string {
	w.t.Helper()
	servers.Need(w.t, "emulate")
	var err error
	w.emulate, err = servers.StartEmulate(limited(w.t), filepath.Join(w.dir, "emulate"), servers.EmulateOptions{
		SMSURL: public + "/twilio/in", Numbers: []string{ownPhone},
	})
	check(w.t, err)
	w.t.Cleanup(func() { w.emulate.Close() })
	return w.twilio(w.emulate.BaseURL) + fmt.Sprintf("public_url = %q\n", public)
}

// twilio is the config of a provider on the emulator, whose API is at base.
func (w *world) twilio(base string) string {
	return fmt.Sprintf(`provider = "twilio"
flood_limit = 0
[component.sms.twilio]
account_sid = %q
auth_token = %q
api_base = %q
mps = 1000.0
`, w.emulate.AccountSID, w.emulate.Token, base)
}

func (w *world) needHTTP() {
	w.t.Helper()
	if w.http == "" {
		port, err := servers.FreePort()
		check(w.t, err)
		w.http = fmt.Sprintf("127.0.0.1:%d", port)
	}
}

// start starts the gateway and waits until its streams are up.
func (w *world) start(parts ...string) {
	w.t.Helper()
	w.run(w.healthy, parts)
}

// startUnhealthy starts a gateway that can't connect.
func (w *world) startUnhealthy(parts ...string) {
	w.t.Helper()
	w.run(func(ctx context.Context) error {
		return eventually(ctx, func() error {
			_, err := w.health(ctx)
			return err
		})
	}, parts)
}

func (w *world) run(ready func(context.Context) error, parts []string) {
	w.t.Helper()
	w.needHTTP()
	dir := filepath.Join(w.dir, "gatehouse")
	check(w.t, os.MkdirAll(dir, 0o700))
	config := filepath.Join(dir, "config.toml")
	text := w.top + fmt.Sprintf("[log]\nlevel = \"debug\"\n[store]\npath = %q\n[http]\nlisten = %q\n", filepath.Join(dir, "gatehouse.db"), w.http) +
		strings.Join(parts, "")
	check(w.t, os.WriteFile(config, []byte(text), 0o600))
	command := func() *exec.Cmd {
		cmd := exec.Command(program, "-config", config)
		cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), w.env...)
		return cmd
	}
	var err error
	w.gateway, err = servers.Run(limited(w.t), "gatehouse", dir, command, ready)
	check(w.t, err)
	w.t.Cleanup(func() {
		w.gateway.Close()
		if strings.Contains(w.gateway.Log(), "DATA RACE") {
			w.t.Error("the gateway has a data race:\n" + w.gateway.Log())
		}
	})
}

type health struct {
	OK         bool `json:"ok"`
	Components []struct {
		Domain, Canary, Problem string
		Up                      bool
	} `json:"components"`
}

// health asks the gateway how it is.
func (w *world) health(ctx context.Context) (h health, err error) {
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+w.http+"/healthz", nil)
	if err != nil {
		return h, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return h, err
	}
	defer answer.Body.Close()
	return h, json.NewDecoder(answer.Body).Decode(&h)
}

// healthy waits until all streams are up.
func (w *world) healthy(ctx context.Context) error {
	return eventually(ctx, func() error {
		h, err := w.health(ctx)
		if err == nil && !h.OK {
			err = fmt.Errorf("not healthy: %+v", h)
		}
		return err
	})
}

// eventually tries until it works or ctx ends.
func eventually(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logs waits until the gateway's log says something.
func (w *world) logs(text string) {
	w.t.Helper()
	pattern := regexp.MustCompile(text)
	check(w.t, eventually(limited(w.t), func() error {
		if !pattern.MatchString(w.gateway.Log()) {
			return fmt.Errorf("the log does not say %q", text)
		}
		return nil
	}))
}

// person is somebody with an XMPP client.
type person struct {
	*xmppclient.Client
	t *testing.T
}

// logIn connects a client of one of the users.
func (w *world) logIn(user, resource string) *person {
	w.t.Helper()
	c, err := xmppclient.Connect(limited(w.t), w.clients, user+"@localhost", password, resource)
	check(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	return &person{c, w.t}
}

type match = func(xmppclient.Stanza) bool

// gets waits for a stanza that all the matches fit.
func (p *person) gets(matches ...match) xmppclient.Stanza {
	p.t.Helper()
	s, err := p.Wait(limited(p.t), all(matches))
	check(p.t, err)
	return s
}

func all(matches []match) match {
	return func(s xmppclient.Stanza) bool {
		for _, m := range matches {
			if !m(s) {
				return false
			}
		}
		return true
	}
}

func (p *person) says(to, typ, id, text, extra string) {
	p.t.Helper()
	check(p.t, p.SendMessage(to, typ, id, text, extra))
}

// joins enters a room, and waits for its subject, which comes last.
func (p *person) joins(room, nick string) xmppclient.Stanza {
	p.t.Helper()
	self, err := p.JoinRoom(limited(p.t), room, nick, "")
	check(p.t, err)
	if self.Type() == "error" {
		p.t.Fatalf("the join was refused: %s", self)
	}
	p.gets(message, in(room), has("subject"))
	return self
}

func (p *person) asks(to, typ, payload string) xmppclient.Stanza {
	p.t.Helper()
	s, err := p.IQ(limited(p.t), to, typ, payload)
	check(p.t, err)
	return s
}

func message(s xmppclient.Stanza) bool  { return s.Kind() == "message" }
func presence(s xmppclient.Stanza) bool { return s.Kind() == "presence" }

func from(address string) match { return func(s xmppclient.Stanza) bool { return s.From() == address } }
func typed(typ string) match    { return func(s xmppclient.Stanza) bool { return s.Type() == typ } }
func id(id string) match        { return func(s xmppclient.Stanza) bool { return s.ID() == id } }
func body(text string) match    { return func(s xmppclient.Stanza) bool { return s.Body() == text } }

func in(room string) match {
	return func(s xmppclient.Stanza) bool {
		bare, _, _ := strings.Cut(s.From(), "/")
		return bare == room
	}
}

func has(path ...string) match {
	return func(s xmppclient.Stanza) bool { return s.Find(path...) != nil }
}

func status(code string) match {
	return func(s xmppclient.Stanza) bool { return s.HasStatus(code) }
}

func condition(name string) match {
	return func(s xmppclient.Stanza) bool { return s.Condition() == name }
}

// ircUser is somebody with an IRC client, in a channel.
func (w *world) ircUser(address, nick, channel string) *ircclient.Client {
	w.t.Helper()
	return w.ircUserIn(address, nick, "", channel)
}

// ircUserIn is ircUser for somebody who comes a second time.
func (w *world) ircUserIn(address, nick, time, channel string) *ircclient.Client {
	w.t.Helper()
	c, err := ircclient.Start(limited(w.t), filepath.Join(w.dir, "ii-"+nick+time), address, nick)
	check(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	check(w.t, c.Join(limited(w.t), channel))
	return c
}

func (w *world) hears(c *ircclient.Client, channel, from, text string) {
	w.t.Helper()
	check(w.t, c.WaitSaid(limited(w.t), channel, from, text))
}
