// Package gammu carries texts over a modem or a phone of one's own, by the
// folders of gammu-smsd (https://docs.gammu.org/smsd/files.html): it writes
// files to the outbox, and takes those that come to the inbox.
//
// Files are named after the texts, and a text whose handing over was cut off
// is found again by its name, in the outbox or among what was sent or failed.
//
// The folders are looked at every second. Gammu-smsd does the same, so being
// told of changes would gain nothing, and this works on any file system.
package gammu

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	lookEvery   = time.Second
	forgetEvery = time.Hour
	keepFiles   = 3 * 24 * time.Hour // longer than anybody asks for a text
)

// A Provider is one modem.
type Provider struct {
	options  Options
	spool    spool
	receiver provider.Receiver
	log      *slog.Logger
	troubles *rate.Limiter // log lines about the spool

	mu   sync.Mutex
	last time.Time // in the name of the last file

	seen map[string]seen // of the inbox; owned by Run
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider from options that were checked. It looks at no file
// yet.
func New(o Options, receiver provider.Receiver, log *slog.Logger) *Provider {
	return &Provider{
		options: o, spool: spool(o.Spool), receiver: receiver, log: log,
		troubles: rate.NewLimiter(rate.Every(time.Minute), 3),
		seen:     make(map[string]seen),
	}
}

// Capabilities implements provider.Provider.
func (p *Provider) Capabilities() provider.Capabilities { return provider.Capabilities{} }

// Webhooks implements provider.Provider: nobody calls.
func (p *Provider) Webhooks() http.Handler { return nil }

var dialable = regexp.MustCompile(`^\+?[0-9]{1,20}$`)

// Send implements provider.Provider. A text is taken once its file has its
// name in the outbox.
func (p *Provider) Send(_ context.Context, o provider.Outgoing) (provider.Sent, error) {
	if o.From != p.options.Number {
		return provider.Sent{}, provider.Error(21659, nil)
	}
	if !dialable.MatchString(o.To) {
		return provider.Sent{}, provider.Error(21211, nil)
	}
	id := nameOf(o)
	content, parts, err := writeSections(o.To, o.Text, id[0])
	if err != nil {
		return provider.Sent{}, &transport.Error{Reason: transport.BadRequest, Text: "The message can't be written as a text.", Err: err}
	}
	if parts > maxParts {
		return provider.Sent{}, provider.Error(21617, fmt.Errorf("it has %d parts", parts))
	}
	name := fmt.Sprintf("OUTC%s_%s_%x%s", p.now(), o.To, id, waiting)
	if err := p.spool.put(name, content); err != nil {
		return provider.Sent{}, &provider.Retry{Everyone: true, Err: fmt.Errorf("write to the outbox: %w", withoutPath(err))}
	}
	return provider.Sent{ID: messageID(id), Segments: parts}, nil
}

// now is the part of a file's name that gives texts their order.
func (p *Provider) now() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !now.After(p.last) {
		now = p.last.Add(time.Microsecond)
	}
	p.last = now
	return fmt.Sprintf("%s_%06d", now.Format("20060102_150405"), now.Nanosecond()/1000)
}

// nameOf makes a text's id. It is the same for the same text after a restart.
func nameOf(o provider.Outgoing) (id [12]byte) {
	h := sha256.New()
	for _, part := range []string{o.Ref, o.From, o.To, o.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	copy(id[:], h.Sum(nil))
	return id
}

func messageID(id [12]byte) transport.MessageID {
	return transport.MessageID(hex.EncodeToString(id[:]))
}

// Find implements provider.Provider. A text that is in no folder was not
// written: gammu-smsd only moves files, if it has a folder for what it sent.
func (p *Provider) Find(_ context.Context, o provider.Outgoing, _ time.Time) ([]provider.Sent, error) {
	f, ok, err := p.spool.find(messageID(nameOf(o)))
	if err != nil {
		return nil, fmt.Errorf("look for a text: %w", withoutPath(err))
	}
	if !ok {
		return nil, nil
	}
	return []provider.Sent{{ID: f.id, Status: p.fate(f).Status}}, nil
}

// Status implements provider.Provider.
func (p *Provider) Status(_ context.Context, id transport.MessageID) (provider.Report, error) {
	f, ok, err := p.spool.find(id)
	if err != nil {
		return provider.Report{}, fmt.Errorf("look for a text: %w", withoutPath(err))
	}
	if !ok {
		return provider.Report{}, provider.ErrUnknownMessage
	}
	return p.fate(f), nil
}

// fate tells what became of a text, by its folder and its name.
func (p *Provider) fate(f outgoing) provider.Report {
	r := provider.Report{ID: f.id, Status: transport.Accepted}
	switch {
	case f.folder == failed:
		r.Status = transport.Failed
		r.Err = &transport.Error{Reason: transport.Unreachable, Text: "The modem could not send the text."}
	case f.state == delivered:
		r.Status = transport.Delivered
	case f.state == undone:
		r.Status, r.Err = transport.Failed, provider.ReceiptError("UNDELIV", "")
	}
	return r
}

// withoutPath takes the path out of an error: its name holds a phone number.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

// Run implements provider.Provider: it looks at the folders until ctx ends.
func (p *Provider) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var forgot time.Time
	for {
		for _, look := range []func(context.Context) error{p.lookAtInbox, p.lookAtErrors, p.lookAtOutbox} {
			if err := look(ctx); err != nil && ctx.Err() == nil && p.troubles.Allow() {
				p.log.Error("look at gammu-smsd's folders", "spool", p.options.Spool, "error", err)
			}
		}
		if time.Since(forgot) > forgetEvery {
			forgot = time.Now()
			if err := p.spool.forget(keepFiles); err != nil && p.troubles.Allow() {
				p.log.Error("remove old texts", "spool", p.options.Spool, "error", withoutPath(err))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// lookAtErrors reports what gammu-smsd could not send.
func (p *Provider) lookAtErrors(ctx context.Context) error {
	files, err := p.spool.files(failed)
	if err != nil {
		return withoutPath(err)
	}
	for _, f := range files {
		if f.state != waiting {
			continue
		}
		if err := p.tell(ctx, f, p.fate(f)); err != nil {
			return err
		}
	}
	return nil
}

// tell reports what became of a text and notes that it did.
func (p *Provider) tell(ctx context.Context, f outgoing, r provider.Report) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := p.receiver.Report(ctx, r); err != nil {
		return fmt.Errorf("report a text: %w", err)
	}
	state := undone
	if r.Status == transport.Delivered {
		state = delivered
	}
	return withoutPath(p.spool.mark(f, state))
}

// lookAtOutbox takes texts back that gammu-smsd could not send in time: it
// tries the first without end, and the others wait behind it.
func (p *Provider) lookAtOutbox(context.Context) error {
	files, err := p.spool.files(outbox)
	if err != nil {
		return withoutPath(err)
	}
	for _, f := range files {
		age, err := p.spool.age(outbox, f.name)
		if err != nil || age < p.options.GiveUp {
			continue // gone: it was sent
		}
		p.log.Warn("gammu-smsd did not send a text in time; look at its log", "to", provider.LastDigits(f.to))
		if err := p.spool.move(f, failed); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return withoutPath(err)
		}
	}
	return nil
}
