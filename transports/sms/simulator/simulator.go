// Package simulator is a provider without a network behind it: texts go to
// phones that exist only in memory, and a web page is one of these phones.
// It makes the gateway work out of the box, for demonstrations and tests.
package simulator

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	textsKept   = 1000 // of one phone number
	numbersKept = 1000 // the number that was quiet longest is forgotten
	followers   = 100  // pages that are told of changes at a time
	reportTries = 5
)

// A Text is one that was sent, in either direction.
type Text struct {
	ID     transport.MessageID `json:"id"`
	From   string              `json:"from"`
	To     string              `json:"to"`
	Text   string              `json:"text"`
	Media  []Attachment        `json:"media,omitempty"`
	At     time.Time           `json:"at"`
	Status string              `json:"status"` // "sent", "delivered" or "failed"
	Code   int                 `json:"code,omitempty"`
}

// A Provider holds the phones. What it holds is gone when it ends, and then
// Find finds nothing: that is true, because no phone has it any more.
type Provider struct {
	options  Options
	own      []string // the users' numbers
	isOwn    map[string]bool
	receiver provider.Receiver
	log      *slog.Logger

	mu         sync.Mutex // guards what follows, never held during I/O
	phones     map[string]*phone
	quiet      *list.List // their numbers, the one that was quiet longest first
	deliveries deliveries
	followers  map[chan string]bool

	due   chan struct{} // wakes Run
	ended chan struct{} // closed when Run ends: open pages are let go
	end   func()        // closes it, once
}

// A phone is a number that is not a user's, and its texts, the oldest first.
type phone struct {
	texts []*Text
	last  time.Time
	quiet *list.Element
}

var _ provider.Provider = (*Provider)(nil)

// New makes a provider whose users have these numbers.
func New(o Options, own []string, receiver provider.Receiver, log *slog.Logger) *Provider {
	ended := make(chan struct{})
	isOwn := make(map[string]bool, len(own))
	for _, number := range own {
		isOwn[number] = true
	}
	return &Provider{
		options: o, own: own, isOwn: isOwn, receiver: receiver, log: log,
		phones: make(map[string]*phone), quiet: list.New(), followers: make(map[chan string]bool),
		deliveries: deliveries{behind: make(map[string][]delivery)},
		due:        make(chan struct{}, 1), ended: ended, end: sync.OnceFunc(func() { close(ended) }),
	}
}

// Capabilities implements provider.Provider.
func (p *Provider) Capabilities() provider.Capabilities {
	return provider.Capabilities{Parallel: 256, Media: limits}
}

// Twilio's test numbers (https://www.twilio.com/docs/iam/test-credentials).
// +15005550001 is no bad sender here: the example configuration gives it to a
// user.
var (
	failFrom = map[string]int{"+15005550007": 21606, "+15005550008": 21611}
	failTo   = map[string]int{
		"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408,
		"+15005550004": 21610, "+15005550009": 21614,
	}
)

// failure gives the code with which a text fails; 0: it does not.
func (p *Provider) failure(o provider.Outgoing) int {
	if code := p.options.Fail[o.To]; code != 0 {
		return code
	}
	if code := failFrom[o.From]; code != 0 {
		return code
	}
	if p.isOwn[o.To] {
		return 0 // somebody has it, test number or not
	}
	return failTo[o.To]
}

// Send implements provider.Provider.
func (p *Provider) Send(_ context.Context, o provider.Outgoing) (provider.Sent, error) {
	code := p.failure(o)
	if c := provider.Lookup(code); code != 0 && code < 30000 {
		if c.Retry {
			return provider.Sent{}, &provider.Retry{Err: provider.Error(code, nil)}
		}
		return provider.Sent{}, provider.Error(code, nil)
	}
	t := &Text{ID: newID(), From: o.From, To: o.To, Text: o.Text, Media: linked(o.Media), At: time.Now(), Status: "sent"}
	p.mu.Lock()
	p.keep(o.To, t)
	p.deliveries.add(delivery{text: t, code: code, at: t.At.Add(p.options.DeliveryDelay)})
	p.mu.Unlock()
	p.tell(o.To)
	p.wake()
	return provider.Sent{ID: t.ID}, nil
}

// keep adds a text to a number's. The caller has the lock.
func (p *Provider) keep(number string, t *Text) {
	ph := p.phones[number]
	if ph == nil {
		if len(p.phones) >= numbersKept {
			p.forgetOne()
		}
		ph = &phone{quiet: p.quiet.PushBack(number)}
		p.phones[number] = ph
	}
	p.quiet.MoveToBack(ph.quiet)
	if len(ph.texts) >= textsKept {
		ph.texts = slices.Delete(ph.texts, 0, len(ph.texts)-textsKept+1)
	}
	ph.texts = append(ph.texts, t)
	ph.last = t.At
}

func (p *Provider) forgetOne() {
	oldest := p.quiet.Remove(p.quiet.Front()).(string)
	delete(p.phones, oldest)
}

// Find implements provider.Provider.
func (p *Provider) Find(_ context.Context, o provider.Outgoing, since time.Time) ([]provider.Sent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []provider.Sent
	for _, t := range p.texts(o.To) {
		if t.From == o.From && t.To == o.To && t.Text == o.Text && slices.Equal(t.Media, linked(o.Media)) && t.Status != "failed" && !t.At.Before(since) {
			found = append(found, provider.Sent{ID: t.ID, Status: p.statusOf(t)})
		}
	}
	return found, nil
}

// Status implements provider.Provider.
func (p *Provider) Status(_ context.Context, id transport.MessageID) (provider.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ph := range p.phones {
		for _, t := range ph.texts {
			if t.ID == id {
				return p.reportOf(t), nil
			}
		}
	}
	return provider.Report{}, provider.ErrUnknownMessage
}

func (p *Provider) texts(number string) []*Text {
	if ph := p.phones[number]; ph != nil {
		return ph.texts
	}
	return nil
}

func (p *Provider) statusOf(t *Text) transport.Status {
	switch t.Status {
	case "delivered":
		return transport.Delivered
	case "failed":
		return transport.Failed
	}
	return transport.Accepted
}

func (p *Provider) reportOf(t *Text) provider.Report {
	r := provider.Report{ID: t.ID, Status: p.statusOf(t)}
	if r.Status == transport.Failed {
		r.Err, r.Retry = provider.Error(t.Code, nil), provider.Lookup(t.Code).Retry
	}
	return r
}

// text sends one from a phone to a user, and to the others of a group.
func (p *Provider) text(ctx context.Context, from, to, text string, files []upload, group ...string) (Text, error) {
	t := &Text{ID: newID(), From: from, To: to, Text: text, At: time.Now(), Status: "delivered"}
	in := provider.Inbound{ID: t.ID, From: from, To: to, Group: group, Text: text, At: t.At}
	for _, f := range files {
		t.Media = append(t.Media, Attachment{Name: f.Name})
		in.Media = append(in.Media, provider.Media{Name: f.Name, Type: f.Type, Data: f.Data})
	}
	err := p.receiver.Receive(ctx, in)
	if err != nil {
		return Text{}, err
	}
	p.mu.Lock()
	p.keep(from, t)
	p.mu.Unlock()
	p.tell(from)
	return *t, nil
}

var errTooManyFollowers = errors.New("too many pages are open")

// follow gives a channel that brings the numbers whose texts changed. One that
// is read too slowly misses changes.
func (p *Provider) follow() (<-chan string, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.followers) >= followers {
		return nil, nil, errTooManyFollowers
	}
	c := make(chan string, 16)
	p.followers[c] = true
	return c, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.followers, c)
	}, nil
}

func (p *Provider) tell(number string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.followers {
		select {
		case c <- number:
		default:
		}
	}
}

// newID makes an id in the form of Twilio's.
func newID() transport.MessageID {
	var b [16]byte
	rand.Read(b[:])
	return transport.MessageID("SM" + hex.EncodeToString(b[:]))
}
