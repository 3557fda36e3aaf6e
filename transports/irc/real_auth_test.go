package irc

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/ircclient"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

// An authWorld is a network with accounts, where people may set things.
type authWorld struct {
	t       *testing.T
	ctx     context.Context
	ircd    *servers.InspIRCd
	network transport.Network
	set     *fakeSettings
}

func newAuthWorld(t *testing.T) *authWorld {
	servers.Need(t, "inspircd", "atheme", "ii")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ircd, err := servers.StartInspIRCd(ctx, t.TempDir(), servers.InspIRCdOptions{TLS: true, Services: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ircd.Close() })
	w := &authWorld{t: t, ctx: ctx, ircd: ircd, set: &fakeSettings{}}
	o := Defaults()
	o.AnyNetwork, o.AllowPrivate = true, []string{"127.0.0.0/8"}
	o.Network = map[string]NetworkOptions{"net": {Address: ircd.TLSAddr, TLSCAFile: ircd.CA.File}}
	if w.network, err = o.New(transport.Env{Settings: w.set}); err != nil {
		t.Fatal(err)
	}
	return w
}

// romeo joins the garden with settings, which are checked as a user's are.
func (w *authWorld) romeo(t *testing.T, v transport.Values) (*realWorld, transport.Event) {
	t.Helper()
	checked, _ := w.network.(*network).CheckSettings("", "net", transport.Server, v)
	w.set.set("net", checked)
	r := &realWorld{t: t, ctx: w.ctx, sink: &transporttest.Sink{}}
	opened, err := w.network.Open(transport.Account{User: romeo}, r.sink)
	if err != nil {
		t.Fatal(err)
	}
	r.session = opened.(*session)
	t.Cleanup(func() { r.session.Close(context.Background(), "the test is over") })
	r.must(r.session.Join(w.ctx, garden, "romeo", transport.JoinOptions{}))
	e, err := r.sink.Wait(w.ctx, func(e transport.Event) bool {
		switch e.(type) {
		case transport.RoomJoined, transport.RoomLeft:
			return true
		}
		return false
	})
	if err != nil {
		t.Fatalf("neither in nor refused: %v; %+v", err, r.sink.Events())
	}
	return r, e
}

// account is what the link says that it is logged in as.
func account(r *realWorld) string {
	for _, info := range r.session.Links() {
		for _, line := range info.Lines {
			if name, ok := strings.CutPrefix(line, "You are logged in as "); ok {
				return strings.TrimSuffix(name, ".")
			}
		}
	}
	return ""
}

func TestLoggingInToRealServices(t *testing.T) {
	t.Parallel()
	w := newAuthWorld(t)
	services, err := servers.StartAtheme(w.ctx, t.TempDir(), w.ircd, servers.AthemeOptions{
		Accounts: map[string]string{"montague": "wherefore"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { services.Close() })
	login := transport.Values{"sasl_login": {"montague"}, "sasl_password": {"wherefore"}}

	t.Run("PLAIN", func(t *testing.T) {
		r, e := w.romeo(t, login)
		if _, ok := e.(transport.RoomJoined); !ok || account(r) != "montague" {
			t.Errorf("got %+v, logged in as %q", e, account(r))
		}
		r.says("net", "WHOIS romeo")
		real(r, func(m transport.MessageReceived) bool {
			return strings.Contains(m.Text, "romeo montague is logged in as")
		})
	})
	t.Run("a wrong password stops", func(t *testing.T) {
		_, e := w.romeo(t, with(login, "sasl_password", "rose"))
		if left, ok := e.(transport.RoomLeft); !ok || reasonOf(left.Err) != transport.NotAuthorized || !strings.Contains(left.Err.Error(), "montague") {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("a wrong password goes on", func(t *testing.T) {
		r, e := w.romeo(t, with(login, "sasl_password", "rose", "sasl_required", "false"))
		if _, ok := e.(transport.RoomJoined); !ok || account(r) != "" {
			t.Errorf("got %+v, logged in as %q", e, account(r))
		}
		real(r, func(m transport.MessageReceived) bool { return strings.Contains(m.Text, "connected without it") })
	})
	t.Run("EXTERNAL", func(t *testing.T) {
		made, complaints := w.network.(*network).CheckSettings("", "net", transport.Server, transport.Values{certificateSetting: {"new"}})
		cert, err := readCertificate(made.Get(certificateSetting))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.Certificate[0])
		print := hex.EncodeToString(sum[:])
		if !strings.Contains(complaints[0], print) {
			t.Fatalf("the user is told %q", complaints)
		}
		if err := services.AddFingerprint(w.ctx, "montague", "wherefore", print); err != nil {
			t.Fatal(err)
		}
		r, e := w.romeo(t, with(made, "sasl_mechanism", "EXTERNAL"))
		if _, ok := e.(transport.RoomJoined); !ok || account(r) != "montague" {
			t.Errorf("got %+v, logged in as %q", e, account(r))
		}
	})
	t.Run("NickServ", func(t *testing.T) {
		r, e := w.romeo(t, with(login, "sasl_mechanism", "none", "nickserv", "true"))
		if _, ok := e.(transport.RoomJoined); !ok || account(r) != "montague" {
			t.Errorf("got %+v, logged in as %q", e, account(r))
		}
	})
	t.Run("a nick is won back", func(t *testing.T) {
		if err := services.Register(w.ctx, "romeo", "orchard"); err != nil {
			t.Fatal(err)
		}
		thief, err := ircclient.Start(w.ctx, t.TempDir(), w.ircd.Addr, "romeo")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { thief.Close() })
		r, e := w.romeo(t, transport.Values{"sasl_password": {"orchard"}, "nick_recovery": {"GHOST"}})
		if _, ok := e.(transport.RoomJoined); !ok {
			t.Fatalf("got %+v", e)
		}
		real(r, func(e transport.MemberRenamed) bool { return e.Nick == "romeo" && e.Was == "romeo_" })
	})
}

func TestWhomToTrust(t *testing.T) {
	t.Parallel()
	w := newAuthWorld(t)
	host, port, _ := net.SplitHostPort(w.ircd.TLSAddr)
	_, plainPort, _ := net.SplitHostPort(w.ircd.Addr)
	der := leaf(t, w.ircd.TLSAddr)
	right, wrong := sha256.Sum256(der), sha256.Sum256([]byte("another"))
	base := transport.Values{"address": {"localhost"}, "tls_ports": {port}, "ports": nil}
	for _, tt := range []struct {
		name   string
		v      transport.Values
		refuse string // "": in
	}{
		{"the certificate is not known", base, "certificate"},
		{"it need not be", with(base, "verify_cert", "false"), ""},
		{"it has the fingerprint", with(base, "fingerprint", hex.EncodeToString(right[:])), ""},
		{"it has another fingerprint", with(base, "verify_cert", "false", "fingerprint", hex.EncodeToString(wrong[:])), "fingerprint"},
		{"no way around it", with(base, "fingerprint", hex.EncodeToString(wrong[:]), "ports", plainPort), "fingerprint"},
		{"a closed port, then an open one", transport.Values{"address": {host}, "tls_ports": {"6"}, "ports": {plainPort}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.set.set("localhost.example", tt.v)
			r := &realWorld{t: t, ctx: w.ctx, sink: &transporttest.Sink{}}
			opened, err := w.network.Open(transport.Account{User: romeo}, r.sink)
			if err != nil {
				t.Fatal(err)
			}
			r.session = opened.(*session)
			defer r.session.Close(context.Background(), "")
			r.must(r.session.Join(w.ctx, "#garden%localhost.example", "romeo", transport.JoinOptions{}))
			e, err := r.sink.Wait(w.ctx, func(e transport.Event) bool {
				switch e.(type) {
				case transport.RoomJoined, transport.RoomLeft:
					return true
				}
				return false
			})
			if err != nil {
				t.Fatal(err)
			}
			left, refused := e.(transport.RoomLeft)
			if refused != (tt.refuse != "") || refused && !strings.Contains(left.Err.Error(), tt.refuse) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestAServerThatWantsTLSGetsIt(t *testing.T) {
	t.Parallel()
	servers.Need(t, "inspircd")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ircd, err := servers.StartInspIRCd(ctx, t.TempDir(), servers.InspIRCdOptions{TLS: true, STS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ircd.Close() })
	_, plainPort, _ := net.SplitHostPort(ircd.Addr)
	o := Defaults()
	_, securePort, _ := net.SplitHostPort(ircd.TLSAddr)
	o.AllowPrivate = []string{"127.0.0.0/8", "::1/128"}
	o.Network = map[string]NetworkOptions{"net": {Address: "localhost:" + securePort, TLSCAFile: ircd.CA.File}}
	set := &fakeSettings{}
	n, err := o.New(transport.Env{Settings: set})
	if err != nil {
		t.Fatal(err)
	}
	w := &authWorld{t: t, ctx: ctx, network: n, set: set}
	for _, what := range []string{"sent on by the server", "held to it"} {
		r, e := w.romeo(t, transport.Values{"tls_ports": nil, "ports": {plainPort}})
		if _, ok := e.(transport.RoomJoined); !ok {
			t.Fatalf("%s: got %+v", what, e)
		}
		if told := r.session.Links()[0].Lines[0]; !strings.Contains(told, "TLS 1") {
			t.Errorf("%s: %s", what, told)
		}
		r.must(r.session.Close(ctx, ""))
	}
	if policy := n.(*network).sts.of["localhost"]; policy.duration != time.Hour {
		t.Errorf("the policy is %+v", policy)
	}
}

// An oldClient is one that knows only latin-1.
type oldClient struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Scanner
}

func oldClientOn(t *testing.T, addr, password, nick string) *oldClient {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &oldClient{t, conn, bufio.NewScanner(conn)}
	c.sends("PASS :"+password, "NICK "+nick, "USER "+nick+" 0 * :"+nick, "JOIN #garden")
	c.reads(" 366 ")
	return c
}

func (c *oldClient) sends(lines ...string) {
	for _, line := range lines {
		if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *oldClient) reads(want string) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for c.lines.Scan() {
		if token, ok := strings.CutPrefix(c.lines.Text(), "PING "); ok {
			c.sends("PONG " + token)
		}
		if strings.Contains(c.lines.Text(), want) {
			return
		}
	}
	c.t.Fatalf("never read %q: %v", want, c.lines.Err())
}

func TestAServersPasswordAndAnOldClient(t *testing.T) {
	t.Parallel()
	servers.Need(t, "ngircd")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ircd, err := servers.StartNgIRCd(ctx, t.TempDir(), servers.NgIRCdOptions{Password: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ircd.Close() })
	set := &fakeSettings{}
	o := Defaults()
	o.Network = map[string]NetworkOptions{"net": {Address: ircd.Addr, TLS: off()}}
	n, err := o.New(transport.Env{Settings: set})
	if err != nil {
		t.Fatal(err)
	}
	w := &authWorld{t: t, ctx: ctx, network: n, set: set}
	juliet := oldClientOn(t, ircd.Addr, "open sesame", "juliet")

	if _, e := w.romeo(t, transport.Values{"pass": {"open barley"}}); !strings.Contains(fmt.Sprint(e.(transport.RoomLeft).Err), "assword") {
		t.Errorf("with a wrong password: %+v", e)
	}
	r, e := w.romeo(t, transport.Values{"pass": {"open sesame"}, "encoding_in": {"latin-1"}, "encoding_out": {"latin-1"}, "realname": {"Roméo"}})
	if _, ok := e.(transport.RoomJoined); !ok {
		t.Fatalf("got %+v", e)
	}
	juliet.reads("romeo")
	juliet.sends("PRIVMSG #garden :Bonne nuit, Rom\xe9o")
	if m := real[transport.MessageReceived](r, func(m transport.MessageReceived) bool { return m.Chat == garden }); m.Text != "Bonne nuit, Roméo" {
		t.Errorf("read %q", m.Text)
	}
	r.says(garden, "à demain ☾")
	juliet.reads("PRIVMSG #garden :\xe0 demain ?")
	r.must(r.session.SetSubject(ctx, garden, "bientôt", "topic"))
	juliet.reads("TOPIC #garden :bient\xf4t")
	juliet.sends("WHOIS romeo")
	juliet.reads("Rom\xe9o")
}
