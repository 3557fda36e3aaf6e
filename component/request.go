package component

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
)

const (
	maxRequests    = 4096 // without an answer, for each component
	requestTimeout = 30 * time.Second
)

// Why a request has no answer.
var (
	ErrTimeout         = errors.New("no answer in time")
	ErrTooManyRequests = errors.New("too many requests without an answer")
)

// A RequestError is an iq of type error as the answer.
type RequestError struct{ Answer stanza.Error }

func (e *RequestError) Error() string {
	if e.Answer.Text == "" {
		return "answered with " + string(e.Answer.Condition)
	}
	return fmt.Sprintf("answered with %s: %.200q", e.Answer.Condition, e.Answer.Text)
}

// A request is an iq that waits for its answer.
type request struct {
	of       *Component
	from, to jid.JID
	answer   chan stanza.Received // holds one; closed if the stream is lost
}

// Request sends an iq get or set and waits for the answer: until ctx ends, half
// a minute at most. Its ID is replaced. It returns a *RequestError if the answer
// is one, ErrDown if the stream is lost meanwhile.
func (c *Component) Request(ctx context.Context, s stanza.Stanza) (stanza.Received, error) {
	if s.Kind != stanza.IQ || s.Type != stanza.Get && s.Type != stanza.Set {
		return stanza.Received{}, fmt.Errorf("request: %s of type %q is no request", s.Kind, s.Type)
	}
	s.ID, s.From.Domain = NewID(), c.domain
	q := &request{of: c, answer: make(chan stanza.Received, 1)}
	var err error
	if q.from, err = s.From.Prepare(); err != nil {
		return stanza.Received{}, fmt.Errorf("request: sender: %w", err)
	}
	if q.to, err = s.To.Prepare(); err != nil {
		return stanza.Received{}, fmt.Errorf("request: recipient: %w", err)
	}
	if err := c.group.expect(s.ID, q); err != nil {
		return stanza.Received{}, err
	}
	defer c.group.forget(s.ID)

	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, ErrTimeout)
	defer cancel()
	if err := c.Send(ctx, s); err != nil {
		return stanza.Received{}, err
	}
	select {
	case r, ok := <-q.answer:
		switch {
		case !ok:
			return stanza.Received{}, fmt.Errorf("request: %w", ErrDown)
		case r.Type == stanza.ErrorType:
			return r, &RequestError{Answer: r.ReadError()}
		}
		return r, nil
	case <-ctx.Done():
		return stanza.Received{}, fmt.Errorf("request: %w", context.Cause(ctx))
	}
}

func (g *Group) expect(id string, q *request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.of.waiting >= maxRequests {
		return fmt.Errorf("request: %w", ErrTooManyRequests)
	}
	q.of.waiting++
	g.requests[id] = q
	return nil
}

func (g *Group) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(id)
}

// remove is called with mu held.
func (g *Group) remove(id string) {
	if q := g.requests[id]; q != nil {
		q.of.waiting--
		delete(g.requests, id)
	}
}

// answered gives an iq result or error to whoever waits for it. It counts only
// if it is from whom the request went to (RFC 6120 §8.1.3 lets servers of
// clients differ from that; every answer to a component has both addresses).
func (g *Group) answered(r stanza.Received) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.requests[r.ID]
	if q == nil || r.From != q.to || r.To != q.from {
		return false
	}
	g.remove(r.ID)
	q.answer <- r
	return true
}

// abandon ends the requests of a component whose stream is lost.
func (g *Group) abandon(c *Component) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, q := range g.requests {
		if q.of == c {
			g.remove(id)
			close(q.answer)
		}
	}
}
