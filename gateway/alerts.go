package gateway

import (
	"context"
	"errors"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
)

const (
	maxAlerts  = 16 // that wait to be told
	alertAgain = time.Second
	alertTime  = 10 * time.Minute // for a stream to come back
)

// An alert is what the administrators are to know.
type alert struct {
	text string
	to   []jid.JID
}

// TellAdmins sends a text to all administrators who have an account of their
// own, from a component's address. It never blocks; the text is lost if too many
// wait, or if there is no stream for long.
func (g *Gateway) TellAdmins(domain, text string) {
	h := g.hosts[domain]
	if h == nil || g.Admins == nil {
		return
	}
	select {
	case h.alerts <- alert{text, g.Admins()}:
	default:
		h.log.Warn("an alert was not sent to the administrators: too many wait")
	}
}

// tellAdmins sends alerts until ctx ends.
func (h *host) tellAdmins(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-h.alerts:
			for _, to := range a.to {
				h.sendAlert(ctx, to, a.text)
			}
		}
	}
}

func (h *host) sendAlert(ctx context.Context, to jid.JID, text string) {
	ctx, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	st := stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: h.at(""), To: to, Type: stanza.Chat, ID: component.NewID()},
		Payloads: []payload{stanza.Body(text)},
	}
	for {
		err := h.Stream.Send(ctx, st)
		if !errors.Is(err, component.ErrDown) {
			if err != nil {
				h.gateway.dropped.Add(1)
			}
			return
		}
		select {
		case <-ctx.Done():
			h.gateway.dropped.Add(1)
			return
		case <-time.After(alertAgain):
		}
	}
}
