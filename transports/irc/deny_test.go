package irc

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// A waiting sink keeps events for a test.
type waitingSink chan transport.Event

func (s waitingSink) Deliver(ctx context.Context, e transport.Event) error {
	select {
	case s <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestNobodyIsTakenToAPrivateAddress: a user's own address is a name, which is
// resolved when it is dialled; what it then is counts.
func TestNobodyIsTakenToAPrivateAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan struct{}, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			came <- struct{}{} // before the other side can know
			conn.Close()
		}
	}()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	set := transport.Values{"address": {"localhost"}, "tls_ports": {}, "ports": {port}}
	for _, tt := range []struct {
		name    string
		change  func(*Options)
		network string
		reason  transport.Reason
		comes   bool
	}{
		{"a server that the user names", func(*Options) {}, "irc.other.example.org", transport.NotAllowed, false},
		{"a network of the config under another address", func(*Options) {}, "net", transport.NotAllowed, false},
		{"a range that is not the one", func(o *Options) { o.AllowPrivate = []string{"10.0.0.0/8"} }, "irc.other.example.org", transport.NotAllowed, false},
		{"hosts are listed", func(o *Options) { o.Allow = []string{"*.example.org"} }, "irc.other.example.org", transport.NotAllowed, false},
		{"hosts are denied", func(o *Options) {
			o.Deny = []string{"*.example.net"}
			o.AllowPrivate = []string{"127.0.0.0/8", "::1/128"}
		}, "irc.other.example.org", transport.NotAllowed, false},
		{"the range is allowed", func(o *Options) { o.AllowPrivate = []string{"127.0.0.0/8", "::1/128"} }, "irc.other.example.org", transport.Unreachable, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions()
			o.AnyNetwork = true
			tt.change(o)
			n, err := o.New(transport.Env{Settings: settingsOf{transport.Address(tt.network): set}})
			if err != nil {
				t.Fatal(err)
			}
			events := make(waitingSink, 100)
			s, err := n.Open(transport.Account{User: romeo}, events)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(context.Background(), "")
			room := transport.Address("#garden%" + tt.network)
			if err := s.(*session).Join(context.Background(), room, "romeo", transport.JoinOptions{}); err != nil {
				t.Fatal(err)
			}
			deadline := time.After(20 * time.Second)
			for left := false; !left; {
				select {
				case e := <-events:
					if e, ok := e.(transport.RoomLeft); ok {
						left = true
						if err, ok := e.Err.(*transport.Error); !ok || err.Reason != tt.reason {
							t.Errorf("the join ended with %v", e.Err)
						}
					}
				case <-deadline:
					t.Fatal("the join has no end")
				}
			}
			select {
			case <-came:
				if !tt.comes {
					t.Error("a connection was made")
				}
			default:
				if tt.comes {
					t.Error("no connection was made")
				}
			}
		})
	}
}
