package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/component/componenttest"
	"gatehouse/gateway/e2e/servers"
)

// examine runs the doctor over a config and gives its status and what it says.
func examine(t *testing.T, config string) (int, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status := command([]string{"-config", path, "doctor"}, &out, &out)
	return status, out.String()
}

func TestDoctorLeavesTheStreamsOfARunningGatewayAlone(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		status       int
		says         string
	}{
		{"in order", `{"ok":true,"components":[{"domain":"echo.example.org","up":true,"canary":"healthy"}]}`, 0, "ok     echo.example.org: It is connected"},
		{"without a stream", `{"components":[{"domain":"echo.example.org","up":false,"problem":"wrong secret"}]}`, 1, "BAD    echo.example.org: It has no stream to the XMPP server: wrong secret."},
		{"with a twin", `{"components":[{"domain":"echo.example.org","up":true,"canary":"some stanzas go to another connection"}]}`, 1, "stop the other gateway"},
		{"with an older config", `{"components":[{"domain":"irc.example.org","up":true}]}`, 1, "restart it"},
		{"that is something else", `<html>`, 1, "Another program answers"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(tt.answer)) }))
		status, said := examine(t, fmt.Sprintf("[http]\nlisten = %q\n", strings.TrimPrefix(s.URL, "http://"))+good)
		if status != tt.status || !strings.Contains(said, tt.says) {
			t.Errorf("a gateway %s: status %d\n%s", tt.name, status, said)
		}
		s.Close()
	}
}

func TestDoctorConnectsInPlaceOfAGatewayThatIsNotRunning(t *testing.T) {
	port, err := servers.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	nobody := fmt.Sprintf("127.0.0.1:%d", port)
	server := componenttest.NewServer(t)
	for _, tt := range []struct {
		name, server, secret string
		status               int
		says                 string
	}{
		{"the server takes it", server.Listen("tcp"), componenttest.Secret, 0, "ok     echo.example.org: The XMPP server at"},
		{"another secret", server.Listen("tcp"), "guessed", 1, "BAD    echo.example.org: There is no stream"},
		{"nobody is there", nobody, componenttest.Secret, 1, "Check is the server up"},
	} {
		status, said := examine(t, fmt.Sprintf("[http]\nlisten = %q\n[[component]]\ntransport = \"echo\"\ndomain = \"echo.example.org\"\nserver = %q\nsecret = %q\n", nobody, tt.server, tt.secret))
		if status != tt.status || !strings.Contains(said, tt.says) || strings.Contains(said, tt.secret) {
			t.Errorf("%s: status %d\n%s", tt.name, status, said)
		}
	}
}
