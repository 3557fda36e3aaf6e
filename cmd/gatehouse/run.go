package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"gatehouse/component"
	"gatehouse/component/stanza"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/media"
	"gatehouse/gateway/store"
	"gatehouse/gateway/store/sqlite"
	"gatehouse/gateway/transport"
	"gatehouse/gateway/web"
)

// stopTime is how long a clean stop may take in all.
const stopTime = 5 * time.Second

// run works until SIGINT or SIGTERM. SIGHUP has it read the config again.
func run(c *config.Config, live *liveConfig, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	live.onHangup(ctx)

	db, err := sqlite.Open(c.Store.Path, sqlite.Options{
		Log: log, KeyFile: c.Store.KeyFile, HistoryAge: c.Store.HistoryAge, HistoryLength: c.Store.HistoryLength,
	})
	if err != nil {
		return err
	}
	defer db.Close()
	go adapt(ctx, db.CommitTime)
	files, err := mediaHost(c, db, log)
	if err != nil {
		return err
	}
	d := &daemonOf{log: log, files: files, upload: c.Media.Upload}
	d.gateway = gateway.New(gateway.Options{
		Log: log, Store: db, Version: versionText(), Contacts: contacts(c.Contact),
		Forget: files.Forget, HTTP: files.Client,
		IsAdmin: live.isAdmin, Admins: live.admins, Reload: live.reload,
	})
	d.group = component.NewGroup(d.gateway.Route)
	d.mux = web.NewMux(d.health)
	if files.Keeper != nil {
		d.mux.Mount("media", files.Keeper)
	}
	for _, cc := range c.Components {
		if err := d.add(live, cc, db); err != nil {
			return err
		}
	}
	return d.work(ctx, c.HTTP.Listen)
}

// daemonOf is one running process.
type daemonOf struct {
	log        *slog.Logger
	gateway    *gateway.Gateway
	group      *component.Group
	components []*component.Component
	mux        *web.Mux
	files      *mediaFiles
	upload     bool // to people's own servers
}

func (d *daemonOf) add(live *liveConfig, cc config.Component, db store.Store) error {
	secret, err := db.Secret(context.Background(), "component "+cc.Domain)
	if err != nil {
		return fmt.Errorf("component %s: %w", cc.Domain, err)
	}
	var ask media.Asker
	late := &asker{}
	if d.upload {
		ask = late
	}
	files := d.files.For(cc.Domain, ask)
	network, err := cc.Options.New(transport.Env{
		Log: d.log.With("component", cc.Domain), Outbox: db.Outbox(cc.Domain), Settings: db.Settings().For(cc.Domain),
		Accounts: store.AccountsFor(db.Accounts(), cc.Domain), Records: db.Records(cc.Domain), Secret: secret,
		HTTP: d.files.Client, Files: files,
		TellAdmins: func(text string) { d.gateway.TellAdmins(cc.Domain, text) },
	})
	if err != nil {
		return fmt.Errorf("component %s: %w", cc.Domain, err)
	}
	kind, address := cc.Endpoint()
	stream := d.group.Add(component.Options{
		Domain: cc.Domain, Secret: cc.Secret.Reveal(),
		Network: kind, Address: address, TLS: cc.TLSConfig, Log: d.log,
		Up:   func() { d.gateway.StreamUp(cc.Domain) },
		Down: func() { d.gateway.StreamDown(cc.Domain) },
	})
	d.components = append(d.components, stream)
	late.component = stream
	d.gateway.Add(gateway.Host{
		Domain: cc.Domain, Name: cc.Name, Network: network, Stream: stream,
		Allows: live.serves(cc.Domain), Files: files, AddressBooks: cc.AddressBooks, UsersPlumb: cc.UsersMayPlumb,
	})
	if hooks, ok := network.(transport.Webhooks); ok {
		d.mux.Mount(cc.Domain, hooks.Webhooks())
	}
	return nil
}

// work runs the HTTP listener, the gateway and the streams. They stop in this
// order: the gateway takes leave of everybody before the streams close.
func (d *daemonOf) work(ctx context.Context, listen string) error {
	if listen != "" {
		l, err := web.Listen(listen)
		if err != nil {
			return err
		}
		d.log.Info("HTTP listener open", "address", l.Addr().String())
		serving, stopServing := context.WithCancel(ctx)
		defer stopServing()
		go func() {
			if err := web.Serve(serving, l, d.mux, d.log); err != nil {
				d.log.Error("HTTP ended", "err", err)
			}
		}()
	}
	defer d.files.keepClean(ctx)()
	streaming, closeStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer closeStreams()
	var streams sync.WaitGroup
	for _, c := range d.components {
		streams.Go(func() {
			if err := c.Run(streaming); err != nil && !errors.Is(err, context.Canceled) {
				d.log.Error("stream ended", "component", c.Domain(), "err", err)
			}
		})
	}
	daemon.SdNotify(false, daemon.SdNotifyReady)
	watchdog := d.watch(ctx)
	err := d.gateway.Run(ctx)
	daemon.SdNotify(false, daemon.SdNotifyStopping)
	d.log.Info("stopping")
	closeStreams()
	closed := make(chan struct{})
	go func() {
		streams.Wait()
		<-watchdog
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(stopTime):
		return errors.New("the streams did not close in time")
	}
	return err
}

// watch keeps systemd's watchdog content for as long as the gateway answers
// (sd_watchdog_enabled(3)).
func (d *daemonOf) watch(ctx context.Context) (ended <-chan struct{}) {
	done := make(chan struct{})
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(interval / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.health() // takes every component's lock: a process that hangs misses its turn
				daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}()
	return done
}

func (d *daemonOf) health() []component.Health {
	var all []component.Health
	for _, c := range d.components {
		all = append(all, c.Health())
	}
	return all
}

// contacts are the addresses of XEP-0157 as form fields.
func contacts(c config.Contact) []stanza.Field {
	var fields []stanza.Field
	for _, f := range c.Fields() {
		fields = append(fields, stanza.Field{Var: f.Var, Type: "list-multi", Values: f.Values})
	}
	return fields
}
