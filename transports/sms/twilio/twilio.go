// Package twilio carries texts over Twilio's Programmable Messaging, or over a
// service that speaks its API (https://www.twilio.com/docs/messaging/api).
package twilio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"
	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	maxCharacters = 1600 // of a text's Body
	maxWebhooks   = 64   // served at a time

	pathIn     = "/twilio/in"
	pathStatus = "/twilio/status"
)

// A Provider is one account.
type Provider struct {
	options  Options
	dialect  dialect
	base     string // of the API
	public   string // of the webhooks
	http     *http.Client
	receiver provider.Receiver
	log      *slog.Logger
	refusals *rate.Limiter // log lines about forged requests
	webhooks chan struct{} // one token for each that is served
	waiting  atomic.Int64  // requests that wait for one
	groups   *knownConversations
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Balancer = (*Provider)(nil)
	_ provider.Pricer   = (*Provider)(nil)
)

// New makes the provider from options that were checked. It connects to
// nothing yet.
func New(o Options, receiver provider.Receiver, log *slog.Logger) *Provider {
	if o.APIBase == "" {
		o.APIBase = apiBase
	}
	return newProvider(o, twilioItself(o), receiver, log)
}

func newProvider(o Options, d dialect, receiver provider.Receiver, log *slog.Logger) *Provider {
	network := provider.NewTransport()
	network.MaxIdleConnsPerHost = 8
	return &Provider{
		options:  o,
		dialect:  d,
		base:     strings.TrimRight(o.APIBase, "/"),
		public:   strings.TrimRight(o.PublicURL, "/"),
		receiver: receiver,
		log:      log,
		refusals: rate.NewLimiter(rate.Every(10*time.Second), 5),
		webhooks: make(chan struct{}, maxWebhooks),
		groups:   newKnownConversations(),
		http:     provider.NewClient(network),
	}
}

// Capabilities implements provider.Provider.
func (p *Provider) Capabilities() provider.Capabilities {
	return provider.Capabilities{MaxCharacters: maxCharacters, NoReports: p.polls(), OptOuts: true, Media: limits}
}

// Run implements provider.Provider. Twilio calls us or is asked by the network,
// so there is nothing to do but to close the connections at the end.
func (p *Provider) Run(ctx context.Context) error {
	<-ctx.Done()
	p.http.CloseIdleConnections()
	return nil
}

func (p *Provider) call(ctx context.Context) *call {
	return &call{ctx: ctx, http: p.http, base: p.base, account: p.options.AccountSID, token: p.options.AuthToken.Reveal(), loose: p.dialect.loose}
}

// Send implements provider.Provider. The API has no way to make a request
// idempotent, so an outcome that is not plain is left open.
func (p *Provider) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	if len(o.Group) > 0 {
		return p.sendGroup(ctx, o)
	}
	c := p.call(ctx)
	params := (&api.CreateMessageParams{}).SetFrom(o.From).SetTo(o.To)
	if o.Text != "" || len(o.Media) == 0 {
		params.SetBody(o.Text)
	}
	if len(o.Media) > 0 {
		params.SetMediaUrl(o.Media)
	}
	if !p.polls() {
		params.SetStatusCallback(p.public + p.dialect.status)
	}
	m, err := c.api().CreateMessage(params)
	if err != nil {
		return provider.Sent{}, outcome(c, err)
	}
	sent, ok := sentOf(m)
	if !ok {
		return provider.Sent{}, errors.New("the API's answer has no message id")
	}
	return sent, nil
}

// outcome tells from a failed call what became of the text.
func outcome(c *call, err error) error {
	answer, ok := errors.AsType[*answerError](err)
	switch {
	case !ok && !c.written.Load():
		return &provider.Retry{Everyone: true, Err: err}
	case !ok:
		return err
	case answer.Status == http.StatusTooManyRequests:
		// Never processed (https://www.twilio.com/docs/api/errors/20429).
		return &provider.Retry{After: answer.RetryAfter, Everyone: true, Err: err}
	case answer.Status >= 500 || answer.Status == http.StatusRequestTimeout:
		return err
	case answer.Status < 400:
		// A redirect: something else than the API answers at its address.
		return &provider.Retry{Everyone: true, After: time.Minute, Err: err}
	case answer.Code == 0 && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
		return provider.Error(20003, err)
	case provider.Lookup(answer.Code).Retry:
		return &provider.Retry{After: answer.RetryAfter, Err: err}
	}
	return provider.Error(answer.Code, err)
}

// Status implements provider.Provider.
func (p *Provider) Status(ctx context.Context, id transport.MessageID) (provider.Report, error) {
	if strings.Contains(string(id), "/") {
		return p.groupStatus(ctx, id)
	}
	m, err := p.call(ctx).api().FetchMessage(url.PathEscape(string(id)), &api.FetchMessageParams{})
	if answer, ok := errors.AsType[*answerError](err); ok && answer.Status == http.StatusNotFound {
		return provider.Report{}, provider.ErrUnknownMessage
	}
	if err != nil {
		return provider.Report{}, askingFailed(fmt.Errorf("fetch a text: %w", err))
	}
	code := 0
	if m.ErrorCode != nil {
		code = *m.ErrorCode
	}
	return report(id, value(m.Status), code), nil
}

// Balance implements provider.Balancer.
func (p *Provider) Balance(ctx context.Context) (left float64, currency string, err error) {
	b, err := p.call(ctx).api().FetchBalance(&api.FetchBalanceParams{})
	if err != nil {
		return 0, "", fmt.Errorf("fetch the balance: %w", err)
	}
	if left, err = strconv.ParseFloat(value(b.Balance), 64); err != nil {
		return 0, "", fmt.Errorf("read the balance: %w", err)
	}
	return left, strings.ToUpper(value(b.Currency)), nil
}

// Price implements provider.Pricer. Twilio tells a price as what it takes off
// the account, some time after the text was sent.
func (p *Provider) Price(ctx context.Context, id transport.MessageID) (price float64, currency string, known bool, err error) {
	if strings.Contains(string(id), "/") {
		return 0, "", false, nil // a group text's is not told
	}
	m, err := p.call(ctx).api().FetchMessage(url.PathEscape(string(id)), &api.FetchMessageParams{})
	if err != nil {
		return 0, "", false, fmt.Errorf("fetch a text: %w", err)
	}
	price, err = strconv.ParseFloat(value(m.Price), 64)
	return math.Abs(price), strings.ToUpper(value(m.PriceUnit)), err == nil, nil
}

func sentOf(m *api.ApiV2010Message) (provider.Sent, bool) {
	if value(m.Sid) == "" {
		return provider.Sent{}, false
	}
	segments, _ := strconv.Atoi(value(m.NumSegments)) // "0" is not known either
	return provider.Sent{
		ID:       transport.MessageID(*m.Sid),
		Segments: segments,
		Status:   statuses[value(m.Status)],
	}, true
}

// statuses are Twilio's; what is missing is on its way.
var statuses = map[string]transport.Status{
	"delivered":   transport.Delivered,
	"read":        transport.Displayed,
	"undelivered": transport.Failed,
	"failed":      transport.Failed,
	"canceled":    transport.Failed,
}

// undelivered is the code for a failure without one.
const undelivered = 30008

func report(id transport.MessageID, status string, code int) provider.Report {
	r := provider.Report{ID: id, Status: statuses[status]}
	if r.Status == transport.Failed {
		if code == 0 {
			code = undelivered
		}
		r.Err, r.Retry = provider.Error(code, nil), provider.Lookup(code).Retry
	}
	return r
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
