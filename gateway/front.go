package gateway

import (
	"context"

	"gatehouse/component/stanza"
)

// toFront queues a stanza of somebody who may not use the gateway. It never
// waits: what finds no place is dropped, which costs nobody who may.
func (h *host) toFront(st *stanza.Received) {
	select {
	case h.front <- st:
	default:
		h.gateway.dropped.Add(1)
	}
}

// serveFront answers strangers: they may look, and are told why no more.
func (h *host) serveFront(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case st := <-h.front:
			if !h.guard("front", func() { h.answerStranger(st) }) {
				h.refuse(st, internalError())
			}
		}
	}
}

func (h *host) answerStranger(st *stanza.Received) {
	if st.Kind == stanza.IQ && st.Type == stanza.Get {
		h.TrySend(h.answerIQ(nil, st))
		return
	}
	h.refuse(st, forbidden("this gateway does not serve you; its administrator decides whom it serves"))
}

// refusal makes the error that answers a stanza. False means that none is due:
// of presence, only what asks for a room or a subscription gets an answer.
func refusal(st *stanza.Received, e stanza.Error) (answer stanza.Stanza, due bool) {
	if st.Kind != stanza.Presence {
		return st.Refuse(e)
	}
	switch {
	case st.Type == stanza.Available && (st.Child(stanza.MUCNamespace, "x") != nil || st.To.Resource != ""):
		return refusedRoom(st, e), true
	case st.Type == stanza.Subscribe && e.Class == stanza.Wait:
		return st.Refuse(e)
	case st.Type == stanza.Subscribe:
		return denial(st, e.Text), true
	}
	return stanza.Stanza{}, false
}

// refusedRoom answers what a presence asked of a room (XEP-0045 §7.2, §7.6).
func refusedRoom(st *stanza.Received, e stanza.Error) stanza.Stanza {
	return st.Answer(stanza.ErrorType, mucMarker, ofRoom(e, st.To.Bare()))
}

// denial answers a subscription that will not come about (RFC 6121 §3.1.5): an
// error would leave the request open in the user's roster.
func denial(st *stanza.Received, why string) stanza.Stanza {
	answer := stanza.Stanza{
		Kind:   stanza.Presence,
		Header: stanza.Header{From: st.To.Bare(), To: st.From.Bare(), Type: stanza.Unsubscribed, ID: st.ID},
	}
	if why != "" {
		answer.Payloads = []payload{stanza.Status(why)}
	}
	return answer
}
