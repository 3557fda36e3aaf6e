package servers

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

var twoComponents = []Component{
	{Domain: "irc.localhost", Secret: `sec"ret\1`, Name: "IRC gateway"},
	{Domain: "sms.localhost", Secret: "other"},
}

func TestProsodyTakesClientsAndComponents(t *testing.T) {
	Need(t, "prosody")
	ctx := t.Context()
	s := started(t, func() (*Prosody, error) {
		return StartProsody(ctx, t.TempDir(), ProsodyOptions{
			Users:           map[string]string{"romeo": `pass"word\Grüße`},
			Components:      twoComponents,
			ConflictResolve: "kick_old",
			WebSocket:       true,
		})
	})
	defer s.Close()
	logIn(t, s.ClientAddr, s.Domain, "romeo", `pass"word\Grüße`)
	if err := s.AddUser(ctx, "juliet.capulet", "sesame"); err != nil {
		t.Fatal(err)
	}
	logIn(t, s.ClientAddr, s.Domain, "juliet.capulet", "sesame")
	for _, c := range twoComponents {
		attach(t, s.ComponentAddr, c)
	}
	_, web, _ := strings.Cut(s.WebSocketURL, "://")
	web, _, _ = strings.Cut(web, "/")
	runs(t, s.Server, s.ClientAddr, s.ComponentAddr, web)
}

func TestEjabberdTakesClientsAndComponents(t *testing.T) {
	Need(t, "ejabberd")
	ctx := t.Context()
	s := started(t, func() (*Ejabberd, error) {
		return StartEjabberd(ctx, t.TempDir(), EjabberdOptions{
			Users:      map[string]string{"romeo": `pass"word\Grüße`},
			Components: twoComponents,
		})
	})
	defer s.Close()
	logIn(t, s.ClientAddr, s.Domain, "romeo", `pass"word\Grüße`)
	if err := s.AddUser(ctx, "juliet", "sesame"); err != nil {
		t.Fatal(err)
	}
	logIn(t, s.ClientAddr, s.Domain, "juliet", "sesame")
	if s.ComponentAddrs["irc.localhost"] == s.ComponentAddrs["sms.localhost"] {
		t.Error("both components have the same listener")
	}
	addrs := []string{s.ClientAddr}
	for _, c := range twoComponents {
		attach(t, s.ComponentAddrs[c.Domain], c)
		addrs = append(addrs, s.ComponentAddrs[c.Domain])
	}
	runs(t, s.Server, addrs...)

	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	logIn(t, s.ClientAddr, s.Domain, "romeo", `pass"word\Grüße`)
	if err := s.AddUser(ctx, "romeo", "changed"); err != nil {
		t.Fatal(err)
	}
	logIn(t, s.ClientAddr, s.Domain, "romeo", "changed")
}

func TestEjabberdSharesAListenerWhenAsked(t *testing.T) {
	Need(t, "ejabberd")
	s := started(t, func() (*Ejabberd, error) {
		return StartEjabberd(t.Context(), t.TempDir(), EjabberdOptions{
			Components: twoComponents, SharedListener: true, GlobalRoutes: true,
		})
	})
	defer s.Close()
	if s.ComponentAddrs["irc.localhost"] != s.ComponentAddrs["sms.localhost"] {
		t.Error("the components have a listener each")
	}
	for _, c := range twoComponents {
		attach(t, s.ComponentAddrs[c.Domain], c)
	}
}

// logIn logs in with SASL PLAIN (RFC 4616) and fails the test if it cannot.
func logIn(t *testing.T, addr, domain, user, password string) {
	t.Helper()
	conn := dial(t, addr, nil)
	fmt.Fprintf(conn, "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", domain)
	readUntil(t, conn, "</stream:features>")
	initial := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	fmt.Fprintf(conn, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", initial)
	readUntil(t, conn, "<success")
}

// attach connects as a component (XEP-0114 §3) and fails the test if it cannot.
func attach(t *testing.T, addr string, c Component) {
	t.Helper()
	conn := dial(t, addr, nil)
	fmt.Fprintf(conn, "<?xml version='1.0'?><stream:stream to=\"%s\" xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>", c.Domain)
	header := strings.ReplaceAll(readUntil(t, conn, "id=", ">"), `"`, "'")
	_, id, _ := strings.Cut(header, "id='")
	id, _, _ = strings.Cut(id, "'")
	digest := sha1.Sum([]byte(id + c.Secret))
	fmt.Fprintf(conn, "<handshake>%s</handshake>", hex.EncodeToString(digest[:]))
	readUntil(t, conn, "<handshake")
}

// readUntil reads until the texts have come, in this order.
func readUntil(t *testing.T, conn net.Conn, texts ...string) string {
	t.Helper()
	var got bytes.Buffer
	rest := 0
	for one := make([]byte, 1); len(texts) > 0; {
		if _, err := io.ReadFull(conn, one); err != nil {
			t.Fatalf("waited for %q, got %q: %v", texts[0], got.String(), err)
		}
		got.Write(one)
		if bytes.Contains(got.Bytes()[rest:], []byte(texts[0])) {
			texts, rest = texts[1:], got.Len()
		}
	}
	return got.String()
}
