package android

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	inboxPage  = 500                // the most that the app gives at once
	inboxPages = 10                 // of texts of the last days
	inboxReach = 3 * 24 * time.Hour // texts have the SMSC's time, and come late when the phone was off
	listMost   = 2000

	typeText = "SMS"
	typeMMS  = "MMS_DOWNLOADED"
)

// An entry is a text in the app's inbox
// (https://docs.sms-gate.app/features/reading-messages/).
type entry struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Sender    string    `json:"sender"`
	Recipient string    `json:"recipient"`
	SIM       int       `json:"simNumber"`
	Text      string    `json:"contentPreview"` // all of it, but of binary ones
	CreatedAt time.Time `json:"createdAt"`

	Attachments []struct { // where one is asked for alone
		Part int64  `json:"partId"`
		Name string `json:"name"`
		Type string `json:"contentType"`
	} `json:"attachments"`
}

// id tells texts apart. The app's own is a small hash of what they say.
func (e entry) id() transport.MessageID {
	return transport.MessageID(e.ID + "@" + strconv.FormatInt(e.CreatedAt.UnixMilli(), 10))
}

// before are the texts that were in the inbox when a number was asked for
// first, and are of before then.
type before struct {
	mu    sync.Mutex
	texts map[string]map[transport.MessageID]bool // by number
}

var _ provider.Lister = (*Provider)(nil)

// polls says that the phone has no address to call.
func (p *Provider) polls() bool { return p.public == "" }

// ListEvery implements provider.Lister. The webhooks name texts otherwise than
// the inbox does, so there is either of them.
func (p *Provider) ListEvery() time.Duration {
	if p.polls() {
		return p.options.Poll
	}
	return 0
}

// Received implements provider.Lister. A text that the phone got late is older
// than what was listed before; it is new if it was not there then.
func (p *Provider) Received(ctx context.Context, number string, since time.Time, known func(transport.MessageID) bool) (provider.Listing, error) {
	from := since
	if reach := time.Now().Add(-inboxReach); reach.Before(from) {
		from = reach
	}
	all, err := p.inbox(ctx, from)
	if err != nil {
		return provider.Listing{}, err
	}
	var mine []entry
	for _, e := range all {
		if (e.Type == typeText || e.Type == typeMMS) && p.recipient(payload{Recipient: e.Recipient, SIM: e.SIM}) == number {
			mine = append(mine, e)
		}
	}
	mine = p.old.without(number, mine, since)
	slices.SortStableFunc(mine, func(a, b entry) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var l provider.Listing
	for _, e := range mine {
		if known(e.id()) {
			continue
		}
		if len(l.Texts) == listMost {
			l.More = true
			break
		}
		in, err := p.inboundOf(ctx, e, number)
		if err != nil {
			return provider.Listing{}, err
		}
		l.Texts = append(l.Texts, in)
	}
	return l, nil
}

// without leaves out what was there, and old, when the number was asked for
// first.
func (b *before) without(number string, all []entry, since time.Time) []entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, asked := b.texts[number]
	still := make(map[transport.MessageID]bool)
	var fresh []entry
	for _, e := range all {
		if old[e.id()] || !asked && e.CreatedAt.Before(since) {
			still[e.id()] = true
			continue
		}
		fresh = append(fresh, e)
	}
	b.texts[number] = still
	return fresh
}

// inbox gives what the app has of a time and later.
func (p *Provider) inbox(ctx context.Context, from time.Time) ([]entry, error) {
	var all []entry
	for page := range inboxPages {
		query := url.Values{
			"from": {from.UTC().Format("2006-01-02T15:04:05Z")}, "limit": {strconv.Itoa(inboxPage)}, "offset": {strconv.Itoa(page * inboxPage)},
		}
		if p.options.DeviceID != "" {
			query.Set("deviceId", p.options.DeviceID)
		}
		a, err := p.call(ctx, http.MethodGet, "/inbox?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var list []entry
		if a.status/100 != 2 || a.decode(&list) != nil {
			return nil, fmt.Errorf("the app's inbox: status %d", a.status)
		}
		all = append(all, list...)
		if len(list) < inboxPage {
			return all, nil
		}
	}
	return nil, fmt.Errorf("the app's inbox has more than %d texts of the last days", inboxPages*inboxPage)
}

func (p *Provider) inboundOf(ctx context.Context, e entry, number string) (provider.Inbound, error) {
	in := provider.Inbound{ID: e.id(), From: provider.PlainNumber(e.Sender, true), To: number, Text: e.Text, At: e.CreatedAt}
	if e.Type != typeMMS {
		return in, nil
	}
	path := "/inbox/" + url.PathEscape(e.ID)
	a, err := p.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return in, err
	}
	var whole entry
	if a.status/100 != 2 || a.decode(&whole) != nil { // an app that does not give files away
		in.Lost = 1
		return in, nil
	}
	for _, f := range whole.Attachments {
		in.Media = append(in.Media, provider.Media{URL: path + "/attachments/" + strconv.FormatInt(f.Part, 10), Name: f.Name, Type: f.Type})
	}
	return in, nil
}

var _ provider.MediaSource = (*Provider)(nil)

// FetchMedia implements provider.MediaSource: a file of an MMS in the inbox.
func (p *Provider) FetchMedia(ctx context.Context, _ *http.Client, m provider.Media, most int64) (transport.File, error) {
	if !strings.HasPrefix(m.URL, "/inbox/") {
		return transport.File{}, provider.ErrNoMedia
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api+m.URL, nil)
	if err != nil {
		return transport.File{}, provider.ErrNoMedia
	}
	r.SetBasicAuth(p.options.Username, p.options.Password.Reveal())
	r.Header.Set("User-Agent", "gatehouse")
	res, err := p.http.Do(r)
	if err != nil {
		return transport.File{}, fmt.Errorf("fetch a file from the app: %w", provider.WithoutURL(err))
	}
	a, err := guarded.Read(res, most)
	if status, ok := errors.AsType[*guarded.StatusError](err); ok && status.Status == http.StatusNotFound {
		return transport.File{}, provider.ErrNoMedia
	}
	if err != nil {
		return transport.File{}, fmt.Errorf("fetch a file from the app: %w", err)
	}
	return transport.File{Name: m.Name, Type: m.Type, Content: a}, nil
}

// ForgetMedia implements provider.MediaSource. The app removes old files itself.
func (p *Provider) ForgetMedia(context.Context, provider.Media) error { return nil }
