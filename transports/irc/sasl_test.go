package irc

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircutils"
	"github.com/xdg-go/scram"

	"gatehouse/gateway/transport"
)

// registers takes the first lines of a client that wants SASL, and offers it.
func (w *world) registers(nick, offer string) *fakeConn {
	w.t.Helper()
	c := w.accepts()
	c.expect("CAP LS 302", "NICK "+nick)
	c.expectPrefix("USER ")
	c.sends(":s CAP * LS :" + offer)
	return c
}

// authenticates takes a mechanism, and gives the response to an empty
// challenge.
func (c *fakeConn) authenticates(mechanism string) string {
	c.t.Helper()
	c.expect("AUTHENTICATE " + mechanism)
	c.sends("AUTHENTICATE +")
	return c.response()
}

func (c *fakeConn) response() string {
	c.t.Helper()
	buffer := ircutils.NewSASLBuffer(0)
	for {
		done, b, err := buffer.Add(strings.TrimPrefix(c.expectPrefix("AUTHENTICATE "), "AUTHENTICATE "))
		if err != nil {
			c.t.Fatal(err)
		}
		if done {
			return string(b)
		}
	}
}

func (c *fakeConn) challenges(text string) {
	for _, piece := range ircutils.EncodeSASLResponse([]byte(text)) {
		c.sends("AUTHENTICATE " + piece)
	}
}

func (c *fakeConn) logsIn(account string) {
	c.sends(":s 900 * *!r@h "+account+" :You are now logged in", ":s 903 * :SASL authentication successful")
}

// isUp waits for the link, and for its room.
func (w *world) isUp(c *fakeConn, nick string) {
	w.t.Helper()
	c.expect("CAP END")
	c.welcome(nick)
	w.sees(transport.LinkUp{Server: "net"})
}

var withPassword = transport.Values{"sasl_password": {"wherefore"}, "sasl_login": {"montague"}}

func with(v transport.Values, more ...string) transport.Values {
	all := transport.Values{}
	for name, values := range v {
		all[name] = values
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = []string{more[i+1]}
	}
	return all
}

func TestSASLPlain(t *testing.T) {
	withSettings(t, withPassword, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registers("romeo", "multi-prefix sasl=EXTERNAL,PLAIN,FOO")
		c.expect("CAP REQ :multi-prefix sasl")
		c.sends(":s CAP * ACK :multi-prefix sasl")
		if got := c.authenticates("PLAIN"); got != "\x00montague\x00wherefore" {
			t.Errorf("got %q", got)
		}
		c.logsIn("montague")
		w.isUp(c, "romeo")
		c.expect("JOIN #garden")
		if lines := strings.Join(w.session.Links()[0].Lines, " "); !strings.Contains(lines, "logged in as montague") {
			t.Errorf("told %q", lines)
		}
	})
}

// IRCv3 sasl-3.1: responses go in pieces of 400 bytes, and one of exactly that
// many is followed by an empty one.
func TestSASLInPieces(t *testing.T) {
	for _, length := range []int{299, 300, 301, 601} {
		password := strings.Repeat("x", length-len("\x00montague\x00"))
		withSettings(t, with(withPassword, "sasl_password", password), func(w *world, _ *fakeSettings) {
			w.joins(garden, "romeo")
			c := w.registers("romeo", "sasl")
			c.expect("CAP REQ sasl")
			c.sends(":s CAP * ACK sasl")
			if got := c.authenticates("SCRAM-SHA-256"); !strings.HasPrefix(got, "n,,") {
				t.Errorf("got %q", got)
			}
			c.sends(":s 908 * PLAIN,FOO :are available", ":s 904 * :no such mechanism")
			if got := c.authenticates("PLAIN"); got != "\x00montague\x00"+password {
				t.Errorf("got %d bytes, want %d", len(got), length)
			}
		})
	}
}

func TestARefusedLoginIsToldAndStopsOrGoesOn(t *testing.T) {
	for _, optional := range []string{"true", "false"} {
		withSettings(t, with(withPassword, "sasl_required", optional), func(w *world, _ *fakeSettings) {
			w.joins(garden, "romeo")
			c := w.registers("romeo", "sasl=PLAIN")
			c.expect("CAP REQ sasl")
			c.sends(":s CAP * ACK sasl")
			c.authenticates("PLAIN")
			c.sends(":s 904 * :SASL authentication failed")
			if optional == "true" {
				w.sees(
					transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.NotAuthorized)},
					transport.LinkDown{Server: "net", Err: because(transport.NotAuthorized)},
				)
				return
			}
			w.isUp(c, "romeo")
			w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "You can't log in to net: it refuses the " +
				"account montague: SASL authentication failed. You are connected without it."}})
			c.expect("JOIN #garden")
		})
	}
}

// What keeps SASL from being tried at all must not leave the registration
// hanging.
func TestSASLThatIsNotThere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines func(c *fakeConn)
	}{
		{"not offered", func(c *fakeConn) { c.sends(":s CAP * LS :unheard-of") }},
		{"refused", func(c *fakeConn) {
			c.sends(":s CAP * LS :sasl")
			c.expect("CAP REQ sasl")
			c.sends(":s CAP * NAK sasl")
		}},
		{"refused together with others", func(c *fakeConn) {
			c.sends(":s CAP * LS :batch sasl")
			c.expect("CAP REQ :batch sasl")
			c.sends(":s CAP * NAK :batch sasl")
			c.expect("CAP REQ batch", "CAP REQ sasl")
			c.sends(":s CAP * NAK sasl", ":s CAP * ACK batch")
		}},
		{"without a mechanism of ours", func(c *fakeConn) {
			c.sends(":s CAP * LS :sasl=DIGEST-MD5")
			c.expect("CAP REQ sasl")
			c.sends(":s CAP * ACK sasl")
		}},
		{"a server without capabilities", func(c *fakeConn) { c.sends(":s 421 * CAP :Unknown command", ":s 001 romeo :Welcome") }},
		{"no answer", func(c *fakeConn) {
			c.sends(":s CAP * LS :sasl=PLAIN")
			c.expect("CAP REQ sasl")
			c.sends(":s CAP * ACK sasl")
			c.expect("AUTHENTICATE PLAIN")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSettings(t, withPassword, func(w *world, _ *fakeSettings) {
				w.joins(garden, "romeo")
				c := w.accepts()
				c.expect("CAP LS 302", "NICK romeo")
				c.expectPrefix("USER ")
				tt.lines(c)
				for {
					switch e := w.next().(type) {
					case transport.LinkDown:
						return
					case transport.RoomLeft:
						if reasonOf(e.Err) != transport.NotAuthorized || !strings.Contains(e.Err.Error(), "log in") {
							t.Errorf("told %v", e.Err)
						}
					default:
						t.Fatalf("got %#v", e)
					}
				}
			})
		})
	}
}

// scramServer plays the server's part of RFC 5802 for an account.
func scramServer(t *testing.T, login, password string) *scram.ServerConversation {
	t.Helper()
	client, err := scram.SHA256.NewClient(login, password, "")
	if err != nil {
		t.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		if name != login {
			return scram.StoredCredentials{}, errors.New("no such account")
		}
		return client.GetStoredCredentials(scram.KeyFactors{Salt: "verona", Iters: 4096}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.NewConversation()
}

func TestSASLScram(t *testing.T) {
	withSettings(t, withPassword, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registers("romeo", "sasl=PLAIN,SCRAM-SHA-256")
		c.expect("CAP REQ sasl")
		c.sends(":s CAP * ACK sasl")
		server := scramServer(t, "montague", "wherefore")
		challenge, err := server.Step(c.authenticates("SCRAM-SHA-256"))
		if err != nil {
			t.Fatal(err)
		}
		c.challenges(challenge)
		final := c.response()
		if challenge, err = server.Step(final); err != nil || !server.Valid() {
			t.Fatalf("%q: %v", final, err)
		}
		c.challenges(challenge)
		if got := c.response(); got != "" {
			t.Errorf("got %q at the end", got)
		}
		c.logsIn("montague")
		w.isUp(c, "romeo")
	})
}

func TestSASLScramProvesTheServer(t *testing.T) {
	for name, lines := range map[string]func(c *fakeConn, first string){
		"success without a proof": func(c *fakeConn, first string) { c.logsIn("montague") },
		"a wrong proof": func(c *fakeConn, first string) {
			nonce := first[strings.Index(first, ",r=")+3:]
			c.challenges("r=" + nonce + "x,s=dmVyb25h,i=4096")
			c.response()
			c.challenges("v=" + base64.StdEncoding.EncodeToString(make([]byte, 32)))
			c.expect("AUTHENTICATE *")
			c.sends(":s 906 * :SASL authentication aborted")
		},
		"too much work": func(c *fakeConn, first string) {
			c.challenges("r=" + first[strings.Index(first, ",r=")+3:] + "x,s=dmVyb25h,i=2000000000")
			c.expect("AUTHENTICATE *")
			c.sends(":s 906 * :SASL authentication aborted")
		},
		"too little work": func(c *fakeConn, first string) {
			c.challenges("r=" + first[strings.Index(first, ",r=")+3:] + "x,s=dmVyb25h,i=1")
			c.expect("AUTHENTICATE *")
			c.sends(":s 906 * :SASL authentication aborted")
		},
		"another nonce": func(c *fakeConn, _ string) {
			c.challenges("r=mine,s=dmVyb25h,i=4096")
			c.expect("AUTHENTICATE *")
			c.sends(":s 906 * :SASL authentication aborted")
		},
		"too long a challenge": func(c *fakeConn, _ string) {
			c.challenges(strings.Repeat("x", 5000))
			c.expect("AUTHENTICATE *")
			c.sends(":s 906 * :SASL authentication aborted")
		},
	} {
		t.Run(name, func(t *testing.T) {
			withSettings(t, with(withPassword, "sasl_mechanism", "SCRAM-SHA-256"), func(w *world, _ *fakeSettings) {
				w.joins(garden, "romeo")
				c := w.registers("romeo", "sasl=SCRAM-SHA-256")
				c.expect("CAP REQ sasl")
				c.sends(":s CAP * ACK sasl")
				lines(c, c.authenticates("SCRAM-SHA-256"))
				w.sees(
					transport.RoomLeft{Room: garden, Why: transport.Refused, Err: because(transport.NotAuthorized)},
					transport.LinkDown{Server: "net", Err: because(transport.NotAuthorized)},
				)
			})
		})
	}
}

func TestLoggingInAgainWhenServicesAreBack(t *testing.T) {
	withSettings(t, with(withPassword, "sasl_required", "false"), func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registers("romeo", "cap-notify")
		c.expect("CAP REQ cap-notify")
		c.sends(":s CAP * ACK cap-notify")
		w.isUp(c, "romeo")
		if m, ok := w.next().(transport.MessageReceived); !ok || !strings.Contains(m.Text, "does not offer SASL") {
			t.Errorf("got %+v", m)
		}
		c.expect("JOIN #garden")
		c.sends(":s CAP romeo NEW :sasl=PLAIN")
		c.expect("CAP REQ sasl")
		c.sends(":s CAP romeo ACK sasl")
		if got := c.authenticates("PLAIN"); got != "\x00montague\x00wherefore" {
			t.Errorf("got %q", got)
		}
		c.sends(":s 900 romeo romeo!r@h montague :You are now logged in as montague", ":s 903 romeo :SASL authentication successful")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "You are now logged in as montague"}})
		c.sends(":s CAP romeo DEL sasl", ":s CAP romeo NEW :sasl=PLAIN") // services came and went: we are still logged in
		c.expect("CAP REQ sasl")
		c.sends(":s CAP romeo ACK sasl")
		c.expectNothing(time.Second)
	})
}

func TestNickServWhereThereIsNoSASL(t *testing.T) {
	for _, answers := range []bool{true, false} {
		withSettings(t, with(withPassword, "nickserv", "true"), func(w *world, _ *fakeSettings) {
			w.joins(garden, "romeo")
			c := w.registers("romeo", "")
			w.isUp(c, "romeo")
			start := time.Now()
			c.expect("PRIVMSG NickServ :IDENTIFY montague wherefore")
			if answers {
				c.sends(":NickServ!s@services NOTICE romeo :You are now identified")
				w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "NickServ: You are now identified"}})
			}
			c.expect("JOIN #garden")
			if took := time.Since(start); answers != (took < time.Second) || took > identifyLimit {
				t.Errorf("joined after %v", took)
			}
		})
	}
}

func TestSASLWithoutAnAnswerIsAborted(t *testing.T) {
	withSettings(t, with(withPassword, "sasl_required", "false"), func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registers("romeo", "sasl=PLAIN")
		c.expect("CAP REQ sasl")
		c.sends(":s CAP * ACK sasl")
		c.expect("AUTHENTICATE PLAIN")
		start := time.Now()
		c.expect("AUTHENTICATE *")
		if took := time.Since(start); took != saslLimit {
			t.Errorf("waited %v", took)
		}
		c.sends(":s 906 * :SASL authentication aborted")
		w.isUp(c, "romeo")
	})
}

// Whoever blocks the ports with TLS must not get to read passwords.
func TestPasswordsAreNotSentWhereTLSFailed(t *testing.T) {
	v := with(withPassword, "pass", "open sesame", "ports", "6667", "tls_ports", "6697", "nickserv", "true", "nick_recovery", "GHOST")
	withSettings(t, v, func(w *world, _ *fakeSettings) {
		w.network.dial = func(ctx context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
			if d.tls {
				return nil, syscall.ECONNREFUSED
			}
			return w.dial(ctx, s, set, d)
		}
		w.joins(garden, "romeo")
		c := w.registers("romeo", "sasl=PLAIN") // no PASS comes first
		c.expect("CAP REQ sasl")
		c.sends(":s CAP * ACK sasl")
		for {
			if e, ok := w.next().(transport.RoomLeft); ok {
				if reasonOf(e.Err) != transport.NotAuthorized || !strings.Contains(e.Err.Error(), "ports with TLS") {
					t.Errorf("refused with %v", e.Err)
				}
				break
			}
		}
	})
	withSettings(t, with(v, "sasl_mechanism", "none"), func(w *world, _ *fakeSettings) {
		w.network.dial = func(ctx context.Context, s *server, set *linkSettings, d door) (net.Conn, error) {
			if d.tls {
				return nil, syscall.ECONNREFUSED
			}
			return w.dial(ctx, s, set, d)
		}
		w.joins(garden, "romeo")
		c := w.registers("romeo", "")
		c.expect("CAP END")
		c.welcome("romeo")
		c.expect("JOIN #garden") // and nothing to NickServ
	})
}
