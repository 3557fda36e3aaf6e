package irc

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
)

func TestExaminationKnocksAtEachNetwork(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	closed, err := servers.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	defer stranger.Close()

	o := Defaults()
	off := false
	o.Network = map[string]NetworkOptions{
		"verona":   {Address: plain.Addr().String(), TLS: &off},
		"mantua":   {Address: fmt.Sprintf("127.0.0.1:%d", closed), TLS: &off},
		"stranger": {Address: stranger.Listener.Addr().String()},
	}
	var got []transport.Finding
	o.Examine(t.Context(), transport.Examination{Say: func(f transport.Finding) { got = append(got, f) }})
	for _, want := range []transport.Finding{
		{Grade: transport.Good, Text: "verona answers on port"},
		{Grade: transport.Bad, Text: "mantua (127.0.0.1) refuses connections."},
		{Grade: transport.Bad, Text: "stranger (127.0.0.1) has no valid certificate."},
	} {
		if !slices.ContainsFunc(got, func(f transport.Finding) bool { return f.Grade == want.Grade && strings.HasPrefix(f.Text, want.Text) }) {
			t.Errorf("nothing like %v among %v", want, got)
		}
	}
	if len(got) != 3 {
		t.Errorf("found %v", got)
	}
	conn, err := plain.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("it said something")
	}
	conn.Close()
}
