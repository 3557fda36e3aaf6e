package e2e

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/component"
	"gatehouse/component/wire"
	"gatehouse/gateway/e2e/servers"
)

// Through ejabberd: the handshake, a room and a text.
func TestTheSameThroughEjabberd(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)), w.sms(w.onEmulate()))
	juliet := w.ircUser(address, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")

	romeo.joins(room, "romeo")
	romeo.says(room, "groupchat", "m1", "But, soft!", "")
	romeo.gets(message, from(room+"/romeo"), id("m1"))
	w.hears(juliet, channel, "romeo", "But, soft!")
	check(t, juliet.Say(channel, "Ay me!"))
	romeo.gets(message, from(room+"/juliet"), body("Ay me!"))

	romeo.says(phone, "chat", "t1", "Good morrow", wantsReceipt)
	w.report(w.texted(friend, "Good morrow").SID, "delivered")
	romeo.gets(message, from(phone), has("received"))
	_, err := w.emulate.InboundMessage(limited(t), friend, ownPhone, "Is the day so young?")
	check(t, err)
	romeo.gets(message, from(phone), body("Is the day so young?"))
}

func TestTheStreamRunsOverTLS(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{TLS: true})
	trusted := fmt.Sprintf("tls = true\ntls_ca_file = %q\n", w.ejabberd.CA.File)
	w.start(strings.Replace(w.sms(""), "[component.sms]", trusted+"[component.sms]", 1))
	romeo := w.logIn("romeo", "orchard")
	romeo.asks(smsHost, "get", `<ping xmlns="urn:xmpp:ping"/>`)
}

func TestACertificateOfNobodyIsNotTrusted(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{TLS: true})
	w.startUnhealthy(strings.Replace(w.sms(""), "[component.sms]", "tls = true\n[component.sms]", 1))
	w.logs(`certificate.*tls_ca_file`)
}

func TestTheStreamRunsOverAUnixSocket(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{Sockets: true})
	w.start(w.sms(""))
	romeo := w.logIn("romeo", "orchard")
	romeo.asks(smsHost, "get", `<ping xmlns="urn:xmpp:ping"/>`)
}

// What an administrator gets wrong, and the line in the log that says so.
func TestEachRefusalNamesItsCauseAndTheSettingToLookAt(t *testing.T) {
	servers.Need(t, "prosody")
	nobody, err := servers.FreePort()
	check(t, err)
	web := listen(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	for name, c := range map[string]struct {
		change func(w *world, config string) string
		says   string
	}{
		"wrong secret": {
			func(_ *world, config string) string { return strings.Replace(config, secret, "a guess", 1) },
			`(?i)not-authorized.*component_secret|component_secret.*not-authorized`,
		},
		"unknown domain": {
			func(_ *world, config string) string { return strings.Replace(config, smsHost, "mms.localhost", 1) },
			`(?i)host-unknown.*Component`,
		},
		"domain in use": {
			func(w *world, config string) string {
				w.staleTwin(smsHost)
				return config
			},
			`the domain is in use.*component_conflict_resolve`,
		},
		"closed port": {
			func(w *world, config string) string {
				return strings.Replace(config, w.server(smsHost), fmt.Sprintf("127.0.0.1:%d", nobody), 1)
			},
			`(?i)refused`,
		},
		"no XMPP server": {
			func(w *world, config string) string { return strings.Replace(config, w.server(smsHost), web, 1) },
			`(?i)not an XMPP|HTTP`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.onProsody(servers.ProsodyOptions{})
			w.startUnhealthy(c.change(w, w.sms("")))
			w.logs(c.says)
		})
	}
}

// listen accepts connections until the test ends, and gives its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return l.Addr().String()
}

// listenHTTP serves HTTP until the test ends, and gives its address.
func listenHTTP(t *testing.T, serve http.HandlerFunc) string {
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// staleTwin attaches another connection for the same domain (XEP-0114 §3) that
// takes what it is sent and never says a word, as one that hangs or is half
// open does. leave ends it.
func (w *world) staleTwin(domain string) (leave func()) {
	w.t.Helper()
	conn, err := net.DialTimeout("tcp", w.server(domain), patience)
	check(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	check(w.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(conn, `<?xml version="1.0"?><stream:stream xmlns="jabber:component:accept" xmlns:stream="http://etherx.jabber.org/streams" to="%s">`, domain)
	check(w.t, err)
	in := wire.NewReader(conn, wire.DefaultLimits)
	header, err := in.Open()
	check(w.t, err)
	_, err = fmt.Fprintf(conn, "<handshake>%x</handshake>", sha1.Sum([]byte(header.Attr("id")+secret)))
	check(w.t, err)
	answer, err := in.Next()
	check(w.t, err)
	if answer.Name != "handshake" {
		w.t.Fatalf("the twin's handshake was answered with %s", answer.Name)
	}
	check(w.t, conn.SetDeadline(time.Time{}))
	go io.Copy(io.Discard, conn)
	return func() { conn.Close() }
}

// noticesTwin waits until the gateway says so, and tells how long that took.
func (w *world) noticesTwin() time.Duration {
	w.t.Helper()
	return w.within(time.Minute, func(ctx context.Context) error {
		h, err := w.health(ctx)
		if err != nil {
			return err
		}
		for _, c := range h.Components {
			if c.Canary == string(component.CanaryTwin) {
				return nil
			}
		}
		return fmt.Errorf("no twin was noticed: %+v", h)
	})
}

// recovers waits until all streams are up, and tells how long that took.
func (w *world) recovers() time.Duration {
	w.t.Helper()
	return w.within(time.Minute, w.healthy)
}

func (w *world) within(limit time.Duration, try func(context.Context) error) time.Duration {
	w.t.Helper()
	started := time.Now()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	check(w.t, eventually(ctx, func() error { return try(ctx) }))
	return time.Since(started)
}

func TestAStaleTwinIsNoticedAndItsEndToo(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{})
	leave := w.staleTwin(smsHost)
	w.startUnhealthy(w.sms(""))
	w.noticesTwin()
	w.logs("some stanzas for us go to another connection.*ss -tnp")
	leave()
	w.recovers()
}

// ejabberd can be told to spread a domain over so many connections: one more
// has a good handshake, and then never gets a stanza.
func TestAPlaceThatGetsNothingIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{
		Extra: "domain_balancing:\n  " + smsHost + ":\n    type: bare_source\n    component_number: 2\n",
	})
	first, second := w.staleTwin(smsHost), w.staleTwin(smsHost)
	w.startUnhealthy(w.sms(""))
	w.within(time.Minute, func(context.Context) error {
		if log := w.gateway.Log(); !strings.Contains(log, "no stanza reaches us") || !strings.Contains(log, "domain_balancing") {
			return fmt.Errorf("the log does not say so")
		}
		return nil
	})
	first()
	second()
	w.recovers()
}

func TestAListenerSharedByOurComponentsLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{SharedListener: true, GlobalRoutes: true})
	address := ircServers["ngIRCd"](w)
	w.start(w.irc(plain("verona", address)), w.sms(""))
	w.logs("global_routes: false")
	romeo := w.logIn("romeo", "orchard")
	for i := range 20 {
		domain := []string{ircHost, smsHost}[i%2]
		if r := romeo.asks(domain, "get", `<query xmlns="jabber:iq:version"/>`); r.Type() != "result" {
			t.Fatalf("%s answered %s", domain, r)
		}
	}
}

func TestAStoppingGatewayTakesItsLeave(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := ircServers["InspIRCd"](w)
	w.start(w.irc(plain("verona", address)))
	juliet := w.ircUser(address, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")
	check(t, romeo.SendPresence(ircHost, "subscribe", ""))
	romeo.gets(presence, from(ircHost), typed(""))
	romeo.joins(room, "romeo")

	// Logs go to stderr, so there are none to open anew.
	check(t, syscall.Kill(w.gateway.PID(), syscall.SIGHUP))
	romeo.asks(ircHost, "get", `<ping xmlns="urn:xmpp:ping"/>`)

	started := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, w.gateway.Stop(ctx))
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"), status("332"))
	romeo.gets(presence, from(ircHost), typed("unavailable"))
	check(t, juliet.WaitGone(limited(t), channel, "romeo"))
	if log := w.gateway.Log(); strings.Contains(log, "level=ERROR") {
		t.Errorf("the gateway did not stop cleanly:\n%s", log)
	}
}

func TestIRCRunsOverTLS(t *testing.T) {
	servers.Need(t, "inspircd", "ii")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	ircd, err := servers.StartInspIRCd(limited(t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{TLS: true})
	check(t, err)
	t.Cleanup(func() { ircd.Close() })
	w.start(w.irc(fmt.Sprintf(`
[component.irc.network.verona]
address = %q
tls_ca_file = %q
[component.irc.network.mantua]
address = %q
`, ircd.TLSAddr, ircd.CA.File, ircd.TLSAddr)))
	juliet := w.ircUser(ircd.Addr, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	romeo.says(room, "groupchat", "m1", "sealed", "")
	w.hears(juliet, channel, "romeo", "sealed")

	refusal, err := romeo.JoinRoom(limited(t), "#garden%mantua@"+ircHost, "romeo", "")
	check(t, err)
	if refusal.Type() != "error" || refusal.Find("error", "text") == nil || !strings.Contains(refusal.Find("error", "text").Text, "certificate") {
		t.Errorf("a server with an unknown certificate was joined: %s", refusal)
	}
}
