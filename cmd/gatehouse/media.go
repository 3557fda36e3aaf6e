package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"gatehouse/component"
	"gatehouse/component/stanza"
	"gatehouse/gateway/config"
	"gatehouse/gateway/guarded"
	"gatehouse/gateway/media"
	"gatehouse/gateway/store"
)

const megabyte = 1 << 20

// mediaHost makes what hosts files. Without a place for them it only fetches.
func mediaHost(c *config.Config, db store.Store, log *slog.Logger) (*mediaFiles, error) {
	h := &mediaFiles{media.Host{PublicURL: c.Media.PublicURL, Client: guarded.Client(c.Fetch.Ranges()), Log: log}}
	if c.Media.PublicURL == "" && !c.Media.Upload {
		return h, nil
	}
	secret, err := db.Secret(context.Background(), "media")
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	h.Keeper, err = media.Open(media.Options{
		Dir: c.MediaDir(), Secret: secret, Keep: c.Media.Keep,
		MaxFile: c.Media.MaxFile * megabyte, MaxUser: c.Media.MaxUser * megabyte, MaxTotal: c.Media.MaxTotal * megabyte,
		Log: log,
	})
	return h, err
}

// mediaFiles is a media.Host at work.
type mediaFiles struct{ media.Host }

// keepClean removes old files until ctx ends, or the function that it gives is
// called.
func (m *mediaFiles) keepClean(ctx context.Context) (end func()) {
	if m.Keeper == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { m.Keeper.Run(ctx) })
	return func() {
		stop()
		running.Wait()
	}
}

// asker asks through a component that is made later than its network.
type asker struct{ component *component.Component }

// Request implements media.Asker.
func (a *asker) Request(ctx context.Context, s stanza.Stanza) (stanza.Received, error) {
	if a.component == nil {
		return stanza.Received{}, errors.New("the component is not there yet")
	}
	return a.component.Request(ctx, s)
}
