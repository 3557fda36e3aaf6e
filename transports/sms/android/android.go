// Package android carries texts over a phone with the app SMS Gateway for
// Android (https://docs.sms-gate.app): by the phone's own HTTP interface, or by
// that of the server which the phone is connected to. The two are alike.
//
// Each text is named by the gateway, and the app takes a name once. So a text
// in doubt is asked for by its name.
package android

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	maxWebhooks = 16 // served at a time
	maxFiles    = 16 // of requests whose bodies are large
	livesFor    = 24 * time.Hour

	pathEvent = "/android/event"
)

// A Provider is one phone.
type Provider struct {
	options  Options
	api      string
	public   string // of the webhooks
	http     *http.Client
	receiver provider.Receiver
	log      *slog.Logger
	refusals *rate.Limiter // log lines about forged requests
	webhooks chan struct{} // one token for each that is served
	files    chan struct{} // and for each whose body may be large
	old      before
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider from options that were checked. It connects to
// nothing yet.
func New(o Options, receiver provider.Receiver, log *slog.Logger) *Provider {
	return &Provider{
		options:  o,
		api:      strings.TrimRight(o.APIURL, "/"),
		public:   strings.TrimRight(o.PublicURL, "/"),
		receiver: receiver,
		log:      log,
		refusals: rate.NewLimiter(rate.Every(10*time.Second), 5),
		webhooks: make(chan struct{}, maxWebhooks),
		files:    make(chan struct{}, maxFiles),
		old:      before{texts: make(map[string]map[transport.MessageID]bool)},
		http:     provider.NewClient(provider.NewTransport()),
	}
}

// Capabilities implements provider.Provider. The app cuts texts into parts.
func (p *Provider) Capabilities() provider.Capabilities {
	return provider.Capabilities{NoReports: p.polls()}
}

// A textMessage is the text of a request.
type textMessage struct {
	Text string `json:"text"`
}

// A request sends a text (https://docs.sms-gate.app/features/sending-messages/).
type request struct {
	ID             string      `json:"id"`
	TextMessage    textMessage `json:"textMessage"`
	PhoneNumbers   []string    `json:"phoneNumbers"`
	SIM            int         `json:"simNumber,omitempty"`
	TTL            int         `json:"ttl"` // seconds
	DeliveryReport bool        `json:"withDeliveryReport"`
	DeviceID       string      `json:"deviceId,omitempty"`
	Encrypted      bool        `json:"isEncrypted,omitempty"`
}

// Send implements provider.Provider.
func (p *Provider) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	slot, ok := p.options.Numbers[o.From]
	if !ok {
		return provider.Sent{}, provider.Error(21659, nil)
	}
	id := nameOf(o)
	body := request{
		ID: id, TextMessage: textMessage{o.Text}, PhoneNumbers: []string{o.To}, SIM: slot,
		TTL: int(livesFor.Seconds()), DeliveryReport: true, DeviceID: p.options.DeviceID,
	}
	if phrase := p.options.Passphrase; !phrase.IsZero() {
		var err error
		body.Encrypted = true
		if body.TextMessage.Text, err = encrypt(phrase.Reveal(), o.Text); err == nil {
			body.PhoneNumbers[0], err = encrypt(phrase.Reveal(), o.To)
		}
		if err != nil {
			return provider.Sent{}, &provider.Retry{Err: err}
		}
	}
	path := "/messages"
	if !strings.HasPrefix(o.To, "+") {
		path += "?skipPhoneValidation=true" // a short code is no number in E.164
	}
	a, err := p.call(ctx, http.MethodPost, path, body)
	if err != nil {
		return provider.Sent{}, err
	}
	if err := outcome(a, id); err != nil {
		return provider.Sent{}, err
	}
	return provider.Sent{ID: transport.MessageID(id)}, nil
}

// outcome tells from an answer what became of the text with the id.
func outcome(a answer, id string) error {
	err := fmt.Errorf("the app answered with status %d", a.status)
	var s state
	switch {
	case a.status/100 == 2 && a.decode(&s) == nil && s.ID == id:
		return nil
	case a.status == http.StatusConflict && a.ours():
		return nil // it has the id already
	case a.status/100 == 2, a.status == http.StatusConflict, a.status == http.StatusRequestTimeout:
		return err
	case a.status == http.StatusServiceUnavailable && a.ours():
		return &provider.Retry{Everyone: true, After: a.retryAfter, Err: err} // its queue is full
	case a.status >= 500:
		return err
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return provider.Error(20003, err)
	case a.status == http.StatusTooManyRequests:
		return &provider.Retry{Everyone: true, After: a.retryAfter, Err: err}
	case a.status == http.StatusBadRequest && a.ours():
		return &transport.Error{Reason: transport.Rejected, Text: "The phone that sends your texts refused the message.", Err: err}
	}
	// Something else answers at the address.
	return &provider.Retry{Everyone: true, After: time.Minute, Err: err}
}

// nameOf makes a text's id. It is the same for the same text after a restart.
func nameOf(o provider.Outgoing) string {
	h := sha256.New()
	for _, part := range []string{o.Ref, o.From, o.To, o.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]) // 36 characters are the most
}

// Find implements provider.Provider. Failed texts are found too, as Status
// tells why they failed.
func (p *Provider) Find(ctx context.Context, o provider.Outgoing, _ time.Time) ([]provider.Sent, error) {
	r, err := p.Status(ctx, transport.MessageID(nameOf(o)))
	if errors.Is(err, provider.ErrUnknownMessage) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []provider.Sent{{ID: r.ID, Status: r.Status}}, nil
}

// A state is how a text fares (https://docs.sms-gate.app/features/status-tracking/).
type state struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Recipients []struct {
		Error string `json:"error"`
	} `json:"recipients"`
}

// Status implements provider.Provider.
func (p *Provider) Status(ctx context.Context, id transport.MessageID) (provider.Report, error) {
	a, err := p.call(ctx, http.MethodGet, "/messages/"+url.PathEscape(string(id)), nil)
	if err != nil {
		return provider.Report{}, err
	}
	var s state
	switch {
	case a.status == http.StatusNotFound && !a.html:
		return provider.Report{}, provider.ErrUnknownMessage
	case a.status/100 != 2:
		return provider.Report{}, fmt.Errorf("the app answered with status %d", a.status)
	case a.decode(&s) != nil || s.State == "":
		return provider.Report{}, errors.New("the app's answer is not about a text")
	}
	r := provider.Report{ID: id, Status: transport.Accepted}
	switch s.State {
	case "Delivered":
		r.Status = transport.Delivered
	case "Failed", "Cancelled":
		reason := ""
		if len(s.Recipients) > 0 {
			reason = s.Recipients[0].Error
		}
		r.Status, r.Err = transport.Failed, failure(reason)
	}
	return r, nil
}

// failure reads why a text failed: names of Android's SmsManager, or words.
func failure(reason string) *transport.Error {
	code := smsManager.FindString(reason)
	e := &transport.Error{Reason: transport.Unexplained, Text: "The phone could not send the text.", Code: code}
	switch {
	case strings.HasSuffix(code, "_NO_SERVICE"), strings.HasSuffix(code, "_RADIO_OFF"), strings.HasSuffix(code, "_MODEM_ERR"), strings.HasSuffix(code, "_NETWORK_ERR"):
		e.Reason, e.Text = transport.Unreachable, "The phone that sends your texts has no network."
	case strings.HasSuffix(code, "_LIMIT_EXCEEDED"):
		e.Reason, e.Text = transport.RateLimited, "The phone that sends your texts lets no more out for now."
	case strings.HasSuffix(code, "_GENERIC_FAILURE"):
		e.Text = "The phone could not send the text. Its SIM card may be out of credit."
	case strings.Contains(strings.ToLower(reason), "expired"):
		e.Reason, e.Text = transport.Unreachable, "The text could not be sent in time."
	}
	return e
}
