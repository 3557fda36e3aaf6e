package component

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
)

func TestEachRefusalIsNamedInOneLine(t *testing.T) {
	tests := []struct {
		name        string
		script      Script
		cause       cause
		text, check string
	}{
		{
			name:   "wrong secret on Prosody, or unknown host on ejabberd",
			script: RefuseHandshake("not-authorized", "Given token does not match calculated token"),
			cause:  misconfigured, text: "does not accept the secret", check: "component_secret",
		},
		{
			name:   "unknown domain on Prosody",
			script: RefuseHeader("host-unknown", "irc.example.org does not match any configured external components"),
			cause:  misconfigured, text: "does not know the domain", check: "Component",
		},
		{
			name:   "domain in use on Prosody",
			script: RefuseHandshake("conflict", "Component already connected"),
			cause:  conflict, text: "the domain is in use", check: "kick_old",
		},
		{
			name:   "local host on ejabberd",
			script: RefuseHeader("conflict", "existing local domain"),
			cause:  conflict, text: "the domain is in use", check: "ejabberd: the domain must not be one of its hosts",
		},
		{
			name:   "domain in use on Openfire, said after accepting",
			script: AcceptThenRefuse("conflict", "Another component seems to be using this domain."),
			cause:  conflict, text: "the domain is in use", check: "kick_old",
		},
		{
			name:   "header without id and end on Openfire",
			script: RefuseSilently,
			cause:  refused, text: "does not say why", check: "Openfire",
		},
		{
			name:   "end before the header",
			script: CloseAtOnce,
			cause:  refused, text: "does not say why", check: "Openfire",
		},
		{
			name:   "port for clients",
			script: RefuseHeader("invalid-namespace", ""),
			cause:  misconfigured, text: "not for components", check: "server",
		},
		{
			name:   "web server",
			script: Say("HTTP/1.1 400 Bad Request\r\n\r\n"),
			cause:  misconfigured, text: "does not speak XMPP", check: "component port",
		},
		{
			name:   "TLS port",
			script: Say("\x15\x03\x01\x00\x02\x02\x46"),
			cause:  misconfigured, text: "speaks TLS", check: "turn it on",
		},
		{
			name:   "other host",
			script: RefuseHeader("see-other-host", ""),
			cause:  misconfigured, text: "never followed", check: "server",
		},
		{
			name:   "no header",
			script: SayNothing,
			cause:  lost, text: "does not answer",
		},
		{
			name:   "no answer to the handshake",
			script: SayNothingAfterHeader,
			cause:  lost, text: "does not answer",
		},
		{
			name:   "bad XML",
			script: Say("<stream:stream xmlns='a'><"),
			cause:  lost, text: "no XMPP",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := prepareWorld(t)
				w.Next(tt.script)
				start := time.Now()
				w.start()
				w.Dialled()
				first := w.Dialled().Sub(start)
				synctest.Wait()
				w.logged(1, "no stream to the server")
				w.logged(1, tt.text)
				if !strings.Contains(w.log.String(), tt.check) {
					t.Errorf("log does not say %q:\n%s", tt.check, w.log)
				}
				longest := waits[tt.cause].first + handshakeLimit
				least := time.Duration(float64(waits[tt.cause].first) * waits[tt.cause].least)
				if first < least || first > longest {
					t.Errorf("next attempt after %v, want %v to %v", first, least, longest)
				}
				w.goesUp()
				if p := w.c.Health().Problem; p != "" {
					t.Errorf("problem %q remains", p)
				}
			})
		})
	}
}

func TestClosedPortIsNamedAndTriedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.GoAway()
		w.start()
		var last time.Time
		for i := range 100 {
			at := w.Dialled()
			if i > 0 && at.Sub(last) > time.Minute {
				t.Fatalf("waited %v", at.Sub(last))
			}
			last = at
		}
		w.logged(0, "stream is up")
		if n := w.log.count("nothing listens"); n < 5 || n > 60 {
			t.Errorf("logged %d times in 100 attempts", n)
		}
		if h := w.c.Health(); h.Up || !strings.Contains(h.Problem, "nothing listens") {
			t.Errorf("health %+v", h)
		}
		w.ComeBack()
		w.goesUp()
	})
}

func TestSilentServerIsGivenUpAfterTheLimit(t *testing.T) {
	for name, script := range map[string]Script{"no header": SayNothing, "no handshake": SayNothingAfterHeader} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := prepareWorld(t)
				w.Next(script)
				w.start()
				first := w.Dialled()
				if took := w.Dialled().Sub(first); took > handshakeLimit+time.Second {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

func TestStopWhileConnectingReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.Next(SayNothing)
		w.start()
		w.Dialled()
		synctest.Wait()
		start := time.Now()
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestTLSProblemsAreNamed(t *testing.T) {
	certificate, roots := makeCertificate(t, "xmpp.example.org")
	tests := []struct {
		name        string
		server      *tls.Config // nil: no TLS there
		client      *tls.Config
		text, check string
	}{
		{
			name:   "unknown authority",
			server: &tls.Config{Certificates: []tls.Certificate{certificate}},
			client: &tls.Config{ServerName: "xmpp.example.org"},
			text:   "unknown authority", check: "tls_ca_file",
		},
		{
			name:   "wrong name",
			server: &tls.Config{Certificates: []tls.Certificate{certificate}},
			client: &tls.Config{ServerName: "other.example.org", RootCAs: roots},
			text:   "for another name", check: "tls_server_name",
		},
		{
			name:   "plain port",
			client: &tls.Config{ServerName: "xmpp.example.org"},
			text:   "does not speak TLS", check: "turn it off",
		},
		{
			name:   "no version in common",
			server: &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: tls.VersionTLS12},
			client: &tls.Config{ServerName: "xmpp.example.org", RootCAs: roots, MinVersion: tls.VersionTLS13},
			text:   "refused TLS", check: "TLS versions",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				if tt.server == nil {
					_, _ = conn.Write([]byte("<?xml version='1.0'?>"))
				} else {
					conn = tls.Server(conn, tt.server)
				}
				_, _ = conn.Read(make([]byte, 1000))
			}()
			c := NewGroup(nil).Add(Options{Domain: domain, Address: l.Addr().String(), TLS: tt.client})
			_, p := c.dial(context.Background())
			if p == nil {
				t.Fatal("connected")
			}
			if p.cause != misconfigured || !strings.Contains(p.text, tt.text) || !strings.Contains(p.check, tt.check) {
				t.Errorf("problem %q, check %q", p, p.check)
			}
		})
	}
}

func TestStreamOverTLS(t *testing.T) {
	certificate, roots := makeCertificate(t, "xmpp.example.org")
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.c.options.TLS = &tls.Config{ServerName: "xmpp.example.org", RootCAs: roots, Time: func() time.Time { return certificate.Leaf.NotBefore }}
		w.UseTLS(&tls.Config{Certificates: []tls.Certificate{certificate}})
		w.start()
		w.goesUp()
		w.says("in secret")
		w.Expect(Message(Body("in secret")))
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestUnixSocketAndTCP(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			w := prepareWorld(t)
			w.c.options.Dial = nil
			w.c.options.Network, w.c.options.Address = network, w.Listen(network)
			w.start()
			w.goesUp()
			w.says("hello")
			w.Expect(Message(Body("hello")))
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMissingSocketIsNamed(t *testing.T) {
	c := NewGroup(nil).Add(Options{Domain: domain, Network: "unix", Address: t.TempDir() + "/no.sock"})
	_, p := c.dial(context.Background())
	if p == nil || !strings.Contains(p.text, "socket does not exist") {
		t.Errorf("problem %v", p)
	}
}
