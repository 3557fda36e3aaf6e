package e2e

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// manager stands in for systemd: it hears what the gateway tells it
// (sd_notify(3)).
type manager struct {
	socket string

	mu   sync.Mutex
	said []string
}

func newManager(t *testing.T) *manager {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	check(t, err)
	t.Cleanup(func() { socket.Close() })
	m := &manager{socket: path}
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.said = append(m.said, string(buffer[:n]))
			m.mu.Unlock()
		}
	}()
	return m
}

// hears waits until the gateway has said it so many times.
func (m *manager) hears(t *testing.T, text string, times int) {
	t.Helper()
	check(t, eventually(limited(t), func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := strings.Count(strings.Join(m.said, "\n"), text); n < times {
			return fmt.Errorf("%s was said %d times; all: %q", text, n, m.said)
		}
		return nil
	}))
}

func TestSystemdIsToldOfStartLifeAndStop(t *testing.T) {
	w := newWorld(t)
	m := newManager(t)
	w.env = []string{"NOTIFY_SOCKET=" + m.socket, "WATCHDOG_USEC=200000"}
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(""))
	m.hears(t, "READY=1", 1)
	m.hears(t, "WATCHDOG=1", 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, w.gateway.Stop(ctx))
	m.hears(t, "STOPPING=1", 1)
}
