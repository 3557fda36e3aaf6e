package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

type plumbStanza = stanza.Received

// A plumbedStream is a component's stream, from which plumbs take what sessions
// say to them.
type plumbedStream struct {
	Stream
	h *host
}

func (s plumbedStream) Send(ctx context.Context, st stanza.Stanza) error {
	if s.h.isPlumber(st.To) {
		s.h.toPlumb(st)
		return nil
	}
	return s.Stream.Send(ctx, st)
}

func (s plumbedStream) TrySend(st stanza.Stanza) bool {
	if s.h.isPlumber(st.To) {
		s.h.toPlumb(st)
		return true
	}
	return s.Stream.TrySend(st)
}

var errNobody = errors.New("nobody is there who could answer")

func (s plumbedStream) Request(ctx context.Context, st stanza.Stanza) (stanza.Received, error) {
	if s.h.isPlumber(st.To) {
		return stanza.Received{}, errNobody
	}
	return s.Stream.Request(ctx, st)
}

// toPlumb hands a stanza over. What is for nobody in particular has nobody who
// would read it: plumbs are in rooms and nowhere else.
func (h *host) toPlumb(st stanza.Stanza) {
	if st.Confirmed != nil {
		st.Confirmed()
	}
	all := &h.gateway.plumbing
	all.mu.RLock()
	e := all.ends[st.To]
	all.mu.RUnlock()
	if e == nil {
		return
	}
	got, err := asReceived(st)
	if err != nil {
		h.log.Warn("a stanza to a linked room can't be read", "err", err)
		return
	}
	e.deliver(&got)
}

// takePlumbed takes what a foreign room says to a plumb. It never waits.
func (g *Gateway) takePlumbed(st *stanza.Received) (taken bool) {
	all := &g.plumbing
	if st.To.Resource == "" || !all.any.Load() {
		return false
	}
	all.mu.RLock()
	to := st.To
	to.Resource, _, _ = strings.Cut(to.Resource, "/") // behind which is a puppet
	e := all.ends[to]
	all.mu.RUnlock()
	switch {
	case e == nil || e.inner != nil:
		return false
	case st.Kind == stanza.IQ:
		e.answer(st)
	case st.To != to && isForAll(st): // the plumb hears it itself: its queue is not for a hundred copies
	case st.From.Bare() == e.room:
		e.deliver(st)
	default:
		g.dropped.Add(1)
	}
	return true
}

// isForAll says that everybody in a MUC is told something, and not one occupant
// of themselves.
func isForAll(st *stanza.Received) bool {
	switch st.Kind {
	case stanza.Message:
		return st.Type == stanza.Groupchat
	case stanza.Presence:
		return st.Type != stanza.ErrorType && !hasStatus(st.Child(stanza.MUCUserNamespace, "x"), "110")
	}
	return false
}

// asReceived reads a stanza as its receiver would.
func asReceived(st stanza.Stanza) (stanza.Received, error) {
	const header = `<stream:stream xmlns='` + stanza.Namespace + `' xmlns:stream='http://etherx.jabber.org/streams'>`
	var w wire.Writer
	st.WriteXML(&w)
	if err := w.Err(); err != nil {
		return stanza.Received{}, err
	}
	r := wire.NewReader(io.MultiReader(strings.NewReader(header), bytes.NewReader(w.Bytes())), wire.Limits{})
	if _, err := r.Open(); err != nil {
		return stanza.Received{}, err
	}
	e, err := r.Next()
	if err != nil {
		return stanza.Received{}, err
	}
	return stanza.Parse(e.Clone())
}
