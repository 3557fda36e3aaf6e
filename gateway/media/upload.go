package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

const (
	uploadNamespace = "urn:xmpp:http:upload:0"

	askTime      = 10 * time.Second // for one answer of a server
	uploadTime   = time.Minute
	keepService  = time.Hour        // what is known of a server
	keepRefusal  = 10 * time.Minute // likewise, if it takes nothing
	maxServices  = 1000
	maxItems     = 64 // of a server that are looked at
	maxSlotField = 8 << 10
)

// An Asker sends an iq from a component and gives the answer.
type Asker interface {
	Request(ctx context.Context, s stanza.Stanza) (stanza.Received, error)
}

// uploads brings files to people's own servers (XEP-0363). The servers see an
// address at the component ask, not the person, and decide whether it may.
type uploads struct {
	domain string
	ask    Asker
	client *http.Client
	log    *slog.Logger

	mu       sync.Mutex
	services map[string]service // by the domain of the server
}

// A service is who takes uploads at a server.
type service struct {
	at    jid.JID // zero: nobody
	max   int64   // 0: not said
	until time.Time
}

func newUploads(domain string, ask Asker, client *http.Client, log *slog.Logger) *uploads {
	return &uploads{domain: domain, ask: ask, client: client, log: log, services: map[string]service{}}
}

var errNoService = errors.New("the user's server takes no uploads of this component")

// put uploads a file and gives the link to it.
func (u *uploads) put(ctx context.Context, user string, p *part) (string, error) {
	j, err := jid.ParsePrepared(user)
	if err != nil {
		return "", fmt.Errorf("upload a file: %w", err)
	}
	to, err := u.serviceOf(ctx, j.Domain)
	if err != nil {
		return "", err
	}
	if to.max > 0 && p.size > to.max {
		return "", fmt.Errorf("the user's server takes %d bytes at most: %w", to.max, ErrTooLarge)
	}
	slot, err := u.request(ctx, jid.Escape(user), to.at, wire.New(uploadNamespace, "request").
		SetAttr("filename", p.Name).SetAttr("size", strconv.FormatInt(p.size, 10)).SetAttr("content-type", p.Type))
	if err != nil {
		if _, refused := errors.AsType[refusal](err); refused {
			u.remember(j.Domain, service{until: time.Now().Add(keepRefusal)})
		}
		return "", fmt.Errorf("ask for a slot: %w", err)
	}
	s := slot.Child(uploadNamespace, "slot")
	put, get := s.Child(uploadNamespace, "put"), s.Child(uploadNamespace, "get").Attr("url")
	if link, err := url.Parse(get); err != nil || link.Scheme != "https" && link.Scheme != "http" || len(get) > maxSlotField {
		return "", errors.New("the slot has no link")
	}
	ctx, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, put.Attr("url"), io.NopCloser(p.content()))
	if err != nil {
		return "", errors.New("the slot has no address to upload to")
	}
	req.ContentLength = p.size
	req.Header.Set("Content-Type", p.Type)
	req.Header.Set("User-Agent", "gatehouse")
	for c := range put.Children() {
		// These are the ones that a server may ask for (XEP-0363 §5).
		name, value := c.Attr("name"), strings.NewReplacer("\r", "", "\n", "").Replace(c.Content())
		switch strings.ToLower(name) {
		case "authorization", "cookie", "expires":
			req.Header.Set(name, value)
		}
	}
	res, err := u.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("upload a file: %w", withoutURL(err))
	}
	res.Body.Close()
	if res.StatusCode/100 != 2 {
		return "", fmt.Errorf("upload a file: the server answered with status %d", res.StatusCode)
	}
	return get, nil
}

func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// A refusal is an answer of type error after which asking again is no use,
// whoever the file is for. That one is too large, or their space used up, is
// none (XEP-0363, Error conditions).
type refusal struct{ error }

// request asks as somebody at the component: services count what each uploads.
func (u *uploads) request(ctx context.Context, as string, to jid.JID, payload wire.Payload) (stanza.Received, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := u.ask.Request(ctx, stanza.Stanza{
		Kind: stanza.IQ, Header: stanza.Header{From: jid.JID{Local: as, Domain: u.domain}, To: to, Type: stanza.Get},
		Payloads: []wire.Payload{payload},
	})
	if err != nil && answer.Type == stanza.ErrorType {
		if class := answer.ReadError().Class; class != stanza.Modify && class != stanza.Wait {
			return answer, refusal{err}
		}
	}
	return answer, err
}

// serviceOf finds who takes uploads at a server (XEP-0363 §3).
func (u *uploads) serviceOf(ctx context.Context, domain string) (service, error) {
	u.mu.Lock()
	known, ok := u.services[domain]
	u.mu.Unlock()
	if !ok || time.Now().After(known.until) {
		var err error
		if known, err = u.discover(ctx, domain); err != nil {
			return service{}, fmt.Errorf("look for the upload service of %s: %w", domain, err)
		}
		u.remember(domain, known)
	}
	if known.at == (jid.JID{}) {
		return service{}, errNoService
	}
	return known, nil
}

func (u *uploads) remember(domain string, s service) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.services) >= maxServices {
		clear(u.services)
	}
	u.services[domain] = s
}

func (u *uploads) discover(ctx context.Context, domain string) (service, error) {
	none := service{until: time.Now().Add(keepRefusal)}
	server := jid.JID{Domain: domain}
	candidates := []jid.JID{server}
	items, err := u.request(ctx, "", server, wire.New(stanza.DiscoItemsNamespace, "query"))
	if err != nil {
		if _, refused := errors.AsType[refusal](err); !refused {
			return none, err
		}
	} else {
		for c := range items.Child(stanza.DiscoItemsNamespace, "query").Children() {
			if j, err := jid.ParsePrepared(c.Attr("jid")); err == nil && j.Local == "" && j.Domain != u.domain && len(candidates) < maxItems {
				candidates = append(candidates, j)
			}
		}
	}
	for _, at := range candidates {
		info, err := u.request(ctx, "", at, wire.New(stanza.DiscoInfoNamespace, "query"))
		if err != nil {
			if ctx.Err() != nil {
				return none, err
			}
			continue
		}
		if max, takes := readUploadInfo(info.Child(stanza.DiscoInfoNamespace, "query")); takes {
			return service{at: at, max: max, until: time.Now().Add(keepService)}, nil
		}
	}
	return none, nil
}

// readUploadInfo says whether the feature is there, and the largest file.
func readUploadInfo(query *wire.Element) (max int64, takes bool) {
	for c := range query.Children() {
		switch {
		case c.Name == "feature" && c.Attr("var") == uploadNamespace:
			takes = true
		case c.Space == "jabber:x:data":
			for field := range c.Children() {
				if field.Attr("var") == "max-file-size" {
					max, _ = strconv.ParseInt(field.Child("jabber:x:data", "value").Content(), 10, 64)
				}
			}
		}
	}
	return max, takes
}
