// Package kannel carries texts over a Kannel gateway's HTTP interface: sendsms
// for what goes out, an sms-service's post-url or get-url for what comes in,
// dlr-url for reports (https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html).
//
// Kannel can't be asked what it has. So the gateway names each text itself, and
// the name comes back with the reports. A text in doubt is settled by the
// first report of it, and given up if none comes: it is never repeated, as
// nobody can tell whether it was taken.
package kannel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/warthog618/sms/encoding/gsm7"
	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	largestAnswer = 4 << 10
	maxWebhooks   = 64 // served at a time

	pathIn     = "/kannel/in"
	pathReport = "/kannel/dlr"
)

// A Provider is one sendsms-user of a Kannel.
type Provider struct {
	options  Options
	public   string // of the webhooks
	http     *http.Client
	receiver provider.Receiver
	log      *slog.Logger
	refusals *rate.Limiter // log lines about forged requests
	webhooks chan struct{} // one token for each that is served
	reported *reports
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider from options that were checked. It connects to
// nothing yet.
func New(o Options, receiver provider.Receiver, log *slog.Logger) *Provider {
	network := provider.NewTransport()
	// A GET on a connection that was used before is repeated by net/http if
	// the connection turns out to be closed: that could send a text twice.
	network.DisableKeepAlives = true
	return &Provider{
		options:  o,
		public:   strings.TrimRight(o.PublicURL, "/"),
		receiver: receiver,
		log:      log,
		refusals: rate.NewLimiter(rate.Every(10*time.Second), 5),
		webhooks: make(chan struct{}, maxWebhooks),
		reported: newReports(),
		http:     provider.NewClient(network),
	}
}

// Capabilities implements provider.Provider. Kannel cuts texts into parts.
func (p *Provider) Capabilities() provider.Capabilities { return provider.Capabilities{} }

// Run implements provider.Provider. Kannel calls us, so there is nothing to do.
func (p *Provider) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Send implements provider.Provider.
func (p *Provider) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	id := p.name(o)
	var written atomic.Bool
	req, err := http.NewRequestWithContext(provider.NoteWriting(ctx, &written), http.MethodGet, p.options.SendURL+"?"+p.parameters(id, o).Encode(), nil)
	if err != nil {
		return provider.Sent{}, errors.New("make request: send_url is no address")
	}
	req.Header.Set("User-Agent", "gatehouse")
	res, err := p.http.Do(req)
	switch {
	case err != nil && !written.Load():
		return provider.Sent{}, &provider.Retry{Everyone: true, Err: fmt.Errorf("call Kannel: %w", provider.WithoutURL(err))}
	case err != nil:
		return provider.Sent{}, fmt.Errorf("call Kannel: %w", provider.WithoutURL(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	if err != nil {
		return provider.Sent{}, fmt.Errorf("read Kannel's answer: %w", err)
	}
	if err := outcome(res.StatusCode, string(body)); err != nil {
		return provider.Sent{}, err
	}
	return provider.Sent{ID: id}, nil
}

// parameters are those of sendsms. Kannel fills in %d and %A of the dlr-url.
func (p *Provider) parameters(id transport.MessageID, o provider.Outgoing) url.Values {
	coding := "0" // the GSM alphabet
	if _, err := gsm7.Encode([]byte(o.Text)); err != nil {
		coding = "2" // UCS-2
	}
	report := url.Values{"id": {string(id)}, "token": {p.token(id)}}
	v := url.Values{
		"username": {p.options.Username}, "password": {p.options.Password.Reveal()},
		"from": {o.From}, "to": {o.To},
		"text": {o.Text}, "charset": {"UTF-8"}, "coding": {coding},
		"dlr-mask": {fmt.Sprint(delivered | undelivered | atSMSC | refusedBySMSC)},
		"dlr-url":  {p.public + pathReport + "?" + report.Encode() + "&type=%d&reply=%A"},
	}
	if p.options.SMSC != "" {
		v.Set("smsc", p.options.SMSC)
	}
	return v
}

// outcome tells from an answer of sendsms what became of the text.
func outcome(status int, body string) error {
	err := fmt.Errorf("sendsms answered with status %d", status)
	switch {
	case status == http.StatusAccepted && (strings.HasPrefix(body, "0:") || strings.HasPrefix(body, "3:")):
		return nil // "Accepted for delivery", "Queued for later delivery"
	case status == http.StatusServiceUnavailable && strings.HasPrefix(body, "Temporal failure"):
		return &provider.Retry{Err: err}
	case status == http.StatusForbidden && strings.HasPrefix(body, "Authorization failed"),
		status == http.StatusUnauthorized:
		return provider.Error(20003, err)
	case status == http.StatusForbidden && strings.HasPrefix(body, "Not routable"):
		return provider.Error(21612, err)
	case status == http.StatusTooManyRequests:
		return &provider.Retry{Everyone: true, Err: err}
	case status >= 500 || status < 300 || status == http.StatusRequestTimeout:
		return err // perhaps a proxy's, after Kannel has taken the text
	case status < 400 || status == http.StatusNotFound:
		// Something else than sendsms answers at its address.
		return &provider.Retry{Everyone: true, After: time.Minute, Err: err}
	case strings.Contains(body, "white- and/or black-lists"):
		return provider.Error(21211, err)
	}
	return &transport.Error{Reason: transport.Rejected, Text: "The provider refused the message.", Err: err}
}

// Find implements provider.Provider: a report of a text shows that Kannel took
// it. Failed ones are found too, as Status tells why they failed.
func (p *Provider) Find(_ context.Context, o provider.Outgoing, _ time.Time) ([]provider.Sent, error) {
	if r, ok := p.reported.get(p.name(o)); ok {
		return []provider.Sent{{ID: r.ID}}, nil
	}
	return nil, provider.ErrCannotAsk
}

// Status implements provider.Provider: it gives what was reported.
func (p *Provider) Status(_ context.Context, id transport.MessageID) (provider.Report, error) {
	if r, ok := p.reported.get(id); ok {
		return r, nil
	}
	return provider.Report{}, provider.ErrCannotAsk
}

// name makes a text's id. It is the same for the same text after a restart.
func (p *Provider) name(o provider.Outgoing) transport.MessageID {
	return transport.MessageID(p.mac("name", o.Ref, o.From, o.To, o.Text))
}

// token proves that a report answers a text of ours. It is good for that text
// only, as Kannel and proxies may log the addresses they call.
func (p *Provider) token(id transport.MessageID) string { return p.mac("report", string(id)) }

func (p *Provider) mac(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(p.options.WebhookSecret.Reveal()))
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
