package android

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	registerEvery = 10 * time.Minute
	registerFirst = 2 * time.Second // until another try, which doubles
	callTime      = 20 * time.Second
)

// A webhook is one registration: one event and where the app posts it.
type webhook struct {
	ID       string `json:"id"`
	DeviceID string `json:"deviceId,omitempty"`
	URL      string `json:"url"`
	Event    string `json:"event"`
}

// Run implements provider.Provider: it keeps the webhooks registered. They
// stay at the end, so that the app keeps what happens meanwhile.
func (p *Provider) Run(ctx context.Context) error {
	defer p.http.CloseIdleConnections()
	if p.polls() {
		<-ctx.Done()
		return nil
	}
	wait, known := registerFirst, false
	for ctx.Err() == nil {
		err := p.register(ctx)
		switch {
		case err == nil && !known:
			p.log.Info("the phone calls us", "url", p.public+pathEvent)
			wait, known = registerEvery, true
		case err == nil:
			wait = registerEvery
		case ctx.Err() == nil:
			if known {
				wait, known = registerFirst, false
			}
			p.log.Warn("register webhooks with the phone", "error", err, "again", wait)
		}
		if !pause(ctx, wait/2+rand.N(wait/2)) {
			break
		}
		if !known {
			wait = min(2*wait, registerEvery)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// register makes the app's list of webhooks right: each event that is wanted
// once, and nothing else that leads here.
func (p *Provider) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	a, err := p.call(ctx, http.MethodGet, "/webhooks", nil)
	if err != nil {
		return err
	}
	var list []webhook
	if a.status/100 != 2 || a.decode(&list) != nil {
		return fmt.Errorf("the app's list of webhooks: status %d", a.status)
	}
	ours := map[string]bool{}
	add := func(event string) (bool, error) {
		w := p.wants(event)
		ours[w.ID] = true
		for _, there := range list {
			if there.ID == w.ID && there.URL == w.URL && there.Event == w.Event {
				return true, nil
			}
		}
		a, err := p.call(ctx, http.MethodPost, "/webhooks", w)
		if err != nil {
			return false, err
		}
		if a.status == http.StatusBadRequest {
			return false, nil
		}
		if a.status/100 != 2 {
			return false, fmt.Errorf("register %s: status %d", event, a.status)
		}
		return true, nil
	}
	for _, event := range []string{smsReceived, smsDelivered, smsFailed} {
		switch ok, err := add(event); {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("register %s: the app refuses the address; it must be https, but on the phone itself", event)
		}
	}
	whole, err := add(mmsDownloaded)
	if err == nil && !whole { // an app before 1.56
		delete(ours, p.wants(mmsDownloaded).ID)
		_, err = add(mmsReceived)
	}
	if err != nil {
		return err
	}
	for _, there := range list {
		if there.URL != p.public+pathEvent || ours[there.ID] {
			continue
		}
		if _, err := p.call(ctx, http.MethodDelete, "/webhooks/"+url.PathEscape(there.ID), nil); err != nil {
			return err
		}
	}
	return nil
}

// wants gives the registration of an event. Its id is the same each time, so
// that registering again replaces it.
func (p *Provider) wants(event string) webhook {
	h := sha256.Sum256([]byte(p.public + pathEvent + " " + event + " " + p.options.DeviceID))
	return webhook{"gatehouse-" + hex.EncodeToString(h[:10]), p.options.DeviceID, p.public + pathEvent, event}
}
