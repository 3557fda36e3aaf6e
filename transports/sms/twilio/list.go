package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	// pageSize keeps the longest texts of a page below largestAnswer.
	pageSize = 200
	pageTime = 20 * time.Second

	findPages = 50   // newest first, and what is looked for is new
	listPages = 1000 // a list of more than 200,000 texts is none
	listMost  = 2000 // texts of a listing
)

// pages reads a list of texts, the newest first, page by page until take says
// that it has seen enough. Whole says that no page was left out.
func (p *Provider) pages(ctx context.Context, params *api.ListMessageParams, most int, take func([]api.ApiV2010Message) bool) (whole bool, err error) {
	params.SetPageSize(pageSize)
	token, number := "", ""
	for range most {
		page, err := p.page(ctx, params, token, number)
		if err != nil {
			return false, askingFailed(fmt.Errorf("list texts: %w", err))
		}
		if !take(page.Messages) {
			return true, nil
		}
		next, err := url.Parse(value(page.NextPageUri))
		if err != nil {
			return false, errors.New("list texts: the address of the next page is broken")
		}
		// Not every service repeats the filters in that address, so only these
		// two are taken from it.
		token, number = next.Query().Get("PageToken"), next.Query().Get("Page")
		if token == "" && number == "" {
			return true, nil
		}
	}
	return false, nil
}

func (p *Provider) page(ctx context.Context, params *api.ListMessageParams, token, number string) (*api.ListMessageResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	return p.call(ctx).api().PageMessage(params, token, number)
}

// askingFailed turns the answer that too much is asked into a *provider.Retry.
func askingFailed(err error) error {
	answer, ok := errors.AsType[*answerError](err)
	if ok && (answer.Status == http.StatusTooManyRequests || answer.RetryAfter > 0) {
		return &provider.Retry{After: answer.RetryAfter, Everyone: true, Err: err}
	}
	return err
}

// Find implements provider.Provider. The list is not filtered by DateSent,
// because a text that waits to be sent has none yet.
func (p *Provider) Find(ctx context.Context, o provider.Outgoing, since time.Time) ([]provider.Sent, error) {
	if len(o.Group) > 0 {
		return p.findGroup(ctx, o)
	}
	params := (&api.ListMessageParams{}).SetFrom(o.From).SetTo(o.To)
	var found []provider.Sent
	whole, err := p.pages(ctx, params, findPages, func(page []api.ApiV2010Message) bool {
		for i := range page {
			m := &page[i]
			if at, dated := date(m.DateCreated); dated && at.Before(since) {
				return false // what follows is older
			}
			sent, ok := sentOf(m)
			if ok && sent.Status != transport.Failed && outbound(m) && sameText(value(m.Body), o.Text) && sameMedia(value(m.NumMedia), o.Media) {
				found = append(found, sent)
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if !whole && len(found) == 0 {
		return nil, fmt.Errorf("list texts: the list has more than %d pages", findPages)
	}
	slices.Reverse(found)
	return found, nil
}

// ListEvery implements provider.Lister.
func (p *Provider) ListEvery() time.Duration {
	if p.polls() {
		return p.options.Poll
	}
	return p.options.Reconcile
}

// polls says that Twilio has no address to call.
func (p *Provider) polls() bool { return p.public == "" }

// Received implements provider.Lister. Of a list longer than a listing may be,
// the oldest texts are kept. DateSent is documented to count days, so what is
// older is left out here.
func (p *Provider) Received(ctx context.Context, number string, since time.Time, known func(transport.MessageID) bool) (provider.Listing, error) {
	params := (&api.ListMessageParams{}).SetTo(number).SetDateSentAfter(since.UTC().Truncate(time.Second))
	var l provider.Listing
	whole, err := p.pages(ctx, params, listPages, func(page []api.ApiV2010Message) bool {
		older := len(page) > 0
		for i := range page {
			m := &page[i]
			at, dated := came(m)
			if !dated || at.Before(since.Truncate(time.Second)) {
				continue
			}
			older = false
			if value(m.Direction) != "inbound" || value(m.To) != number || value(m.Sid) == "" || known(transport.MessageID(*m.Sid)) {
				continue
			}
			if value(m.Status) == "receiving" { // parts of it are missing
				if l.Open.IsZero() || at.Before(l.Open) {
					l.Open = at
				}
				continue
			}
			l.Texts = append(l.Texts, p.inboundOf(m, at))
		}
		if n := len(l.Texts) - listMost; n > 0 {
			l.Texts, l.More = slices.Delete(l.Texts, 0, n), true
		}
		return !older
	})
	if err != nil {
		return provider.Listing{}, err
	}
	if !whole {
		return provider.Listing{}, fmt.Errorf("list texts: the list has more than %d pages", listPages)
	}
	slices.Reverse(l.Texts)
	if p.options.Group == groupConversations && !l.More {
		texts, err := p.groupsReceived(ctx, number, since, known)
		if err != nil {
			return provider.Listing{}, err
		}
		l.Texts = append(l.Texts, texts...)
		slices.SortStableFunc(l.Texts, func(a, b provider.Inbound) int { return a.At.Compare(b.At) })
	}
	return l, nil
}

func (p *Provider) inboundOf(m *api.ApiV2010Message, at time.Time) provider.Inbound {
	return provider.Inbound{
		ID:    transport.MessageID(*m.Sid),
		From:  value(m.From),
		To:    *m.To,
		Text:  value(m.Body),
		Media: p.listedMedia(*m.Sid, value(m.NumMedia)),
		At:    at,
	}
}

// came is when a text came in.
func came(m *api.ApiV2010Message) (time.Time, bool) {
	if at, ok := date(m.DateSent); ok {
		return at, true
	}
	return date(m.DateCreated)
}

func date(s *string) (time.Time, bool) {
	at, err := time.Parse(time.RFC1123Z, value(s)) // RFC 2822
	return at, err == nil
}

func outbound(m *api.ApiV2010Message) bool {
	return m.Direction == nil || strings.HasPrefix(*m.Direction, "outbound")
}

// sameText compares what was sent with what is listed, which may have lost
// spaces at its ends.
func sameText(a, b string) bool {
	clean := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return clean(a) == clean(b)
}
