// Package smpp carries texts over SMPP 3.4, which operators and aggregators
// speak (https://smpp.org/SMPP_v3_4_Issue1_2.pdf). It binds as a transceiver
// and stays bound.
//
// An SMSC can't be asked for a text whose id is not known. A text whose
// submit_sm got no answer is settled by an answer that comes late, and given
// up otherwise; it is never repeated.
package smpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	bindTime    = 15 * time.Second
	rebindFirst = time.Second
	rebindMost  = time.Minute
	partAgain   = 500 * time.Millisecond // until a throttled part is tried again
	maxAnswered = 1024
)

// A Provider is one account at an SMSC.
type Provider struct {
	options  Options
	receiver provider.Receiver
	log      *slog.Logger
	refs     atomic.Uint32 // of texts in parts
	parts    *parts
	doubles  *doubles

	mu       sync.Mutex
	link     *link // nil while not bound
	answered map[string]transport.MessageID
	order    []string // of answered, the oldest first
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider from options that were checked. It connects to
// nothing yet.
func New(o Options, receiver provider.Receiver, log *slog.Logger) *Provider {
	notes, _ := receiver.(provider.Notebook)
	p := &Provider{
		options: o, receiver: receiver, log: log,
		parts:    newParts(),
		doubles:  &doubles{notes: notes},
		answered: make(map[string]transport.MessageID),
	}
	p.refs.Store(rand.Uint32()) // those of the last process may wait at phones still
	return p
}

// Capabilities implements provider.Provider.
func (p *Provider) Capabilities() provider.Capabilities { return provider.Capabilities{} }

// Webhooks implements provider.Provider: an SMSC has its one connection.
func (p *Provider) Webhooks() http.Handler { return nil }

// Run implements provider.Provider: it stays bound until ctx ends.
func (p *Provider) Run(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		l, err := p.bind(ctx)
		if err == nil {
			failures = 0
			p.log.Info("bound to the SMSC", "address", p.options.Address)
			p.setLink(l)
			err = l.serve(ctx)
			p.setLink(nil)
		}
		if ctx.Err() != nil {
			break
		}
		failures++
		wait := backoff(failures)
		level := slog.LevelWarn
		if refused, ok := errors.AsType[*bindError](err); ok && refused.credentials() {
			level, wait = slog.LevelError, max(wait, rebindMost/2)
		}
		p.log.Log(ctx, level, "not bound to the SMSC", "error", err, "again_in", wait.Round(time.Millisecond))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// backoff doubles the wait and gives between half of it and all of it, so that
// many do not come at once.
func backoff(failures int) time.Duration {
	d := min(rebindFirst<<min(failures-1, 10), rebindMost)
	return d/2 + rand.N(d/2)
}

func (p *Provider) setLink(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link = l
}

var errNotBound = errors.New("there is no connection to the SMSC")

// Send implements provider.Provider. The parts of a text go one after another,
// and the last one's receipt stands for all.
func (p *Provider) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	p.mu.Lock()
	l := p.link
	p.mu.Unlock()
	if l == nil {
		return provider.Sent{}, &provider.Retry{Everyone: true, Err: errNotBound}
	}
	pdus, err := submissions(o, byte(p.refs.Add(1)))
	if err != nil {
		return provider.Sent{}, &transport.Error{Reason: transport.BadRequest, Text: "The message can't be written as a text.", Err: err}
	}
	var id string
	for i, submission := range pdus {
		ref := ""
		if i == len(pdus)-1 {
			ref = o.Ref
		}
		for {
			id, err = l.submit(ctx, submission, ref)
			retry, ok := errors.AsType[*provider.Retry](err)
			if i == 0 || !ok {
				break
			}
			// The first parts are taken: the text can't be put back.
			timer := time.NewTimer(max(retry.After, partAgain))
			select {
			case <-ctx.Done():
			case <-l.closed:
			case <-timer.C:
			}
			timer.Stop()
			if ctx.Err() != nil || l.isClosed() {
				return provider.Sent{}, fmt.Errorf("only %d of %d parts were taken: %w", i, len(pdus), retry.Err)
			}
		}
		if err != nil {
			return provider.Sent{}, err
		}
	}
	return provider.Sent{ID: p.messageID(id), Segments: len(pdus)}, nil
}

// outcome tells from the status of an answer what became of the text.
func outcome(status data.CommandStatusType) error {
	if status == data.ESME_ROK {
		return nil
	}
	err := fmt.Errorf("the SMSC answered with status 0x%08x", uint32(status))
	if code := provider.CommandStatus(uint32(status)); code.Retry {
		return &provider.Retry{Everyone: code.Reason == transport.RateLimited, Err: err}
	}
	return provider.CommandError(uint32(status), err)
}

// note keeps the id of a text, for when nobody waits for it any more.
func (p *Provider) note(ref, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.answered[ref]; !ok {
		p.order = append(p.order, ref)
	}
	p.answered[ref] = p.messageID(id)
	if len(p.order) > maxAnswered {
		delete(p.answered, p.order[0])
		p.order = p.order[1:]
	}
}

// Find implements provider.Provider: an answer may have come late.
func (p *Provider) Find(_ context.Context, o provider.Outgoing, _ time.Time) ([]provider.Sent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, ok := p.answered[o.Ref]; ok {
		return []provider.Sent{{ID: id}}, nil
	}
	return nil, provider.ErrCannotAsk
}

// Status implements provider.Provider. query_sm is refused by most SMSCs, and
// receipts come by themselves.
func (p *Provider) Status(context.Context, transport.MessageID) (provider.Report, error) {
	return provider.Report{}, provider.ErrCannotAsk
}
