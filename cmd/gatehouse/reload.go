package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"gatehouse/component/jid"
	"gatehouse/gateway/config"
	"gatehouse/transports"
)

// A liveConfig is the part of the config that can change while the gateway
// runs: who administers it, whom it serves, and what it logs.
type liveConfig struct {
	path    string
	log     *slog.Logger
	level   *slog.LevelVar
	started *config.Config // what everything else was made from
	current atomic.Pointer[config.Config]
	mu      sync.Mutex // one reload at a time
}

func newLiveConfig(path string, c *config.Config, log *slog.Logger, level *slog.LevelVar) *liveConfig {
	l := &liveConfig{path: path, log: log, level: level, started: c}
	l.current.Store(c)
	return l
}

func (l *liveConfig) isAdmin(j jid.JID) bool { return l.current.Load().IsAdmin(j) }

func (l *liveConfig) admins() []jid.JID { return l.current.Load().Admins.Accounts() }

func (l *liveConfig) serves(domain string) func(jid.JID) bool {
	return func(j jid.JID) bool { return l.current.Load().Serves(domain, j) }
}

// reload reads the file again. The notes tell what of it needs a restart, or
// should not stay so. With an error all stays as it was.
func (l *liveConfig) reload() (notes []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := config.Load(l.path, transports.All)
	if err != nil {
		l.log.Error("the config was not read again", "err", err)
		return nil, err
	}
	l.current.Store(c)
	l.level.Set(c.Log.Level)
	notes = append(l.started.NeedsRestart(c), c.Warnings...)
	l.log.Info("config read again", "notes", notes)
	return notes, nil
}

// onHangup reloads at SIGHUP, until ctx ends. From then on the signal does
// nothing.
func (l *liveConfig) onHangup(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				_, _ = l.reload() // the log tells
			}
		}
	}()
}
