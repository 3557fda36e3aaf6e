// Package web serves HTTP: the webhooks of networks, each below the domain of
// its component, and /healthz for monitors.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"gatehouse/component"
)

const (
	headerTime  = 10 * time.Second
	requestTime = 30 * time.Second
	idleTime    = 2 * time.Minute
	stopTime    = 2 * time.Second
	maxHeader   = 16 << 10
)

// A Mux sends requests to the networks.
type Mux struct {
	mux    *http.ServeMux
	health func() []component.Health
}

// NewMux makes a mux that answers /healthz from what health gives.
func NewMux(health func() []component.Health) *Mux {
	m := &Mux{mux: http.NewServeMux(), health: health}
	m.mux.HandleFunc("GET /healthz", m.serveHealth)
	return m
}

// Mount gives a network the requests below /DOMAIN/; it sees paths without
// that prefix.
func (m *Mux) Mount(domain string, h http.Handler) {
	m.mux.Handle("/"+domain+"/", http.StripPrefix("/"+domain, h))
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

type healthAnswer struct {
	OK         bool              `json:"ok"`
	Components []componentHealth `json:"components"`
}

type componentHealth struct {
	Domain  string    `json:"domain"`
	Up      bool      `json:"up"`
	Since   time.Time `json:"since,omitzero"`
	Canary  string    `json:"canary,omitempty"`
	Problem string    `json:"problem,omitempty"`
}

// serveHealth answers 200 if every component's stream is in order, else 503.
func (m *Mux) serveHealth(w http.ResponseWriter, _ *http.Request) {
	answer := healthAnswer{OK: true}
	for _, h := range m.health() {
		answer.OK = answer.OK && h.OK()
		answer.Components = append(answer.Components, componentHealth{
			Domain: h.Domain, Up: h.Up, Since: h.Since, Canary: string(h.Canary), Problem: h.Problem,
		})
	}
	w.Header().Set("Content-Type", "application/json")
	if !answer.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(answer)
}

// Listen opens the address, so that a port that is taken shows at start.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the HTTP listener: %w; choose another address with the key http.listen", err)
	}
	return l, nil
}

// Serve answers requests until ctx ends, then lets those under way finish for a
// moment. Streams of events, which never finish, are cut then.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
