package echo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

const delay = 2 * time.Second

// newNetwork makes a network as the gateway does.
func newNetwork(t testing.TB, table string) transport.Network {
	t.Helper()
	options := Driver.Options()
	if err := toml.Unmarshal([]byte(table), options); err != nil {
		t.Fatal(err)
	}
	if err := options.Check(); err != nil {
		t.Fatal(err)
	}
	n, err := options.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// overheard keeps the session that was opened last: only what is sent makes
// the echo speak.
type overheard struct {
	transport.Network
	session transport.Session
}

func (o *overheard) Open(a transport.Account, events transport.Sink) (transport.Session, error) {
	s, err := o.Network.Open(a, events)
	o.session = s
	return s, err
}

func TestEchoKeepsTheContract(t *testing.T) {
	for _, table := range []string{``, `delay = "2s"`} {
		t.Run("with the options "+table, func(t *testing.T) {
			transporttest.RunInBubble(t, func(t *testing.T) transporttest.Subject {
				n := &overheard{Network: newNetwork(t, table)}
				return transporttest.Subject{
					Network: n,
					Account: transport.Account{User: "romeo@example.org"},
					Person:  "juliet",
					Inbound: func(text string) error {
						_, err := n.session.Send(context.Background(), transport.Message{Chat: "juliet", Text: text})
						return err
					},
				}
			})
		})
	}
}

func FuzzAddress(f *testing.F) { transporttest.FuzzResolve(f, newNetwork(f, "")) }

func TestJulietAnswersAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &transporttest.Sink{}
		session, err := newNetwork(t, `delay = "2s"`).Open(transport.Account{User: "romeo@example.org"}, sink)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(t.Context(), "")
		start := time.Now()
		if _, err := session.Send(t.Context(), transport.Message{Chat: "juliet", Text: "hello", Request: "1", Origin: "2"}); err != nil {
			t.Fatal(err)
		}
		got := transporttest.Await[transport.MessageReceived](t, sink, nil)
		want := transport.Message{Chat: "juliet", Text: "hello", Sent: start.Add(delay)}
		if diff := cmp.Diff(want, got.Message); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFullEchoRefusesMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &transporttest.Sink{}
		sink.Block()
		session, err := newNetwork(t, "").Open(transport.Account{User: "romeo@example.org"}, sink)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(t.Context(), "")
		for err == nil {
			_, err = session.Send(t.Context(), transport.Message{Chat: "juliet", Text: "hello"})
		}
		if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.RateLimited {
			t.Errorf("Send = %v, want the reason RateLimited", err)
		}
	})
}

func TestDelayOutOfRangeIsBlamed(t *testing.T) {
	for _, d := range []time.Duration{-1, time.Minute + 1} {
		err := (&Options{Delay: d}).Check()
		if e, ok := errors.AsType[*transport.OptionError](err); !ok || e.Key != "delay" {
			t.Errorf("Check of %v = %v, want an error about the delay", d, err)
		}
	}
}

func TestANameHasAnEnd(t *testing.T) {
	n := newNetwork(t, "")
	for length, fits := range map[int]bool{0: false, 1: true, 200: true, 201: false} {
		if _, _, err := n.Resolve(strings.Repeat("é", length)); (err == nil) != fits {
			t.Errorf("%d characters: %v", length, err)
		}
	}
}
