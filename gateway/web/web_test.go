package web

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/component"
)

func TestHealthIsThatOfEveryStream(t *testing.T) {
	healthy := component.Health{Domain: "irc.example.org", Up: true, Canary: component.CanaryHealthy}
	shared := component.Health{Domain: "sms.example.org", Up: true, Canary: component.CanaryShared}
	down := component.Health{Domain: "sms.example.org", Problem: "nothing listens"}
	twin := component.Health{Domain: "sms.example.org", Up: true, Canary: component.CanaryTwin}
	for _, tt := range []struct {
		name   string
		of     []component.Health
		status int
	}{
		{"all in order", []component.Health{healthy, shared}, http.StatusOK},
		{"one is down", []component.Health{healthy, down}, http.StatusServiceUnavailable},
		{"one loses stanzas", []component.Health{twin, healthy}, http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMux(func() []component.Health { return tt.of })
			w := httptest.NewRecorder()
			m.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
			var answer healthAnswer
			if err := json.NewDecoder(w.Body).Decode(&answer); err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status || answer.OK != (tt.status == http.StatusOK) || len(answer.Components) != len(tt.of) {
				t.Fatalf("status %d, %+v", w.Code, answer)
			}
			for i, c := range answer.Components {
				if h := tt.of[i]; c.Domain != h.Domain || c.Up != h.Up || c.Canary != string(h.Canary) || c.Problem != h.Problem {
					t.Errorf("%+v is shown as %+v", h, c)
				}
			}
		})
	}
}

func TestRequestsGoToTheNetworkWhoseDomainTheyName(t *testing.T) {
	m := NewMux(func() []component.Health { return nil })
	for _, domain := range []string{"sms.example.org", "sms.example.com"} {
		m.Mount(domain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, domain+" "+r.URL.Path) }))
	}
	for path, want := range map[string]string{
		"/sms.example.org/twilio/in": "sms.example.org /twilio/in",
		"/sms.example.com/":          "sms.example.com /",
	} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/", "/twilio/in", "/sms.example.net/", "/sms.example.org"} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code == http.StatusOK {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

func TestAPortThatIsTakenNamesTheKey(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := Listen(taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("got %v", err)
	}
}

// A page that listens for events never finishes: it is cut.
func TestServingEndsWithItsContextWhateverIsStillAsked(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		close(asked)
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, l, h, slog.New(slog.DiscardHandler)) }()
	answer, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	<-asked
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * stopTime):
		t.Error("it goes on")
	}
}
