package irc

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

func TestTLSIsVerified(t *testing.T) {
	servers.Need(t, "inspircd")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := servers.StartInspIRCd(ctx, t.TempDir(), servers.InspIRCdOptions{
		TLS: true, CertNames: []string{"irc.verona.example"}, Password: "open sesame",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, tt := range []struct {
		name     string
		options  NetworkOptions
		complain string // empty: the link comes up
	}{
		{"the right authority, name and password", NetworkOptions{
			TLSCAFile: s.CA.File, TLSServerName: "irc.verona.example", Password: transport.NewSecret("open sesame"),
		}, ""},
		{"an unknown authority", NetworkOptions{TLSServerName: "irc.verona.example"}, "certificate"},
		{"another name", NetworkOptions{TLSCAFile: s.CA.File}, "certificate"},
		{"a wrong password", NetworkOptions{
			TLSCAFile: s.CA.File, TLSServerName: "irc.verona.example", Password: transport.NewSecret("open barley"),
		}, "denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Defaults()
			tt.options.Address = s.TLSAddr
			o.Network = map[string]NetworkOptions{"net": tt.options}
			n, err := o.New(transport.Env{})
			if err != nil {
				t.Fatal(err)
			}
			sink := &transporttest.Sink{}
			opened, err := n.Open(transport.Account{User: romeo}, sink)
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close(ctx, "")
			if err := opened.(transport.Rooms).Join(ctx, garden, "romeo", transport.JoinOptions{}); err != nil {
				t.Fatal(err)
			}
			e, err := sink.Wait(ctx, func(e transport.Event) bool {
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
			if refused != (tt.complain != "") || refused && !strings.Contains(left.Err.Error(), tt.complain) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// leaf fetches a server's certificate.
func leaf(t *testing.T, addr string) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}
