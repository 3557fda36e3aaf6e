package twilio

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	largestBody = 64 << 10
	webhookTime = 12 * time.Second // Twilio waits 15
	maxWaiting  = 1024             // requests that wait for their turn

	// emptyReply sends nothing back to the phone. Compatible services want the
	// declaration, and the element not closed in itself.
	emptyReply = `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`
)

// Webhooks implements provider.Provider. It serves /twilio/in and
// /twilio/status, relative to the component's path, or the same below another
// service's name.
func (p *Provider) Webhooks() http.Handler {
	if p.polls() {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(p.dialect.in, p.webhook(p.dialect.in, p.receive))
	mux.Handle(p.dialect.status, p.webhook(p.dialect.status, p.report))
	if p.options.Group == groupConversations {
		mux.Handle(pathConversations, p.webhook(pathConversations, p.conversationEvent))
	}
	return mux
}

// enter waits for its turn: Twilio does not repeat what is answered with 503.
// False means that too many wait, or that it took too long.
func (p *Provider) enter(ctx context.Context) bool {
	if p.waiting.Add(1) > maxWaiting {
		p.waiting.Add(-1)
		return false
	}
	defer p.waiting.Add(-1)
	select {
	case p.webhooks <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// webhook lets through what Twilio has signed.
func (p *Provider) webhook(path string, take func(context.Context, url.Values) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, POST")
			http.Error(w, "use POST", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), webhookTime)
		defer cancel()
		// Before it has a turn: anybody can send a body that never ends.
		params, status := p.open(w, r, path)
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
		if !p.enter(ctx) {
			http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
			return
		}
		defer func() { <-p.webhooks }()
		if err := take(ctx, params); err != nil {
			status := http.StatusServiceUnavailable
			if errors.Is(err, provider.ErrUnknownNumber) {
				status = http.StatusNotFound
			} else {
				p.log.Error("take a webhook", "path", path, "error", err)
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, emptyReply)
	})
}

// open checks a request's signature and gives its parameters.
func (p *Provider) open(w http.ResponseWriter, r *http.Request, path string) (url.Values, int) {
	called := signed{url: p.public + path}
	if r.URL.RawQuery != "" {
		called.url += "?" + r.URL.RawQuery
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, http.StatusBadRequest
	}
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, http.StatusRequestEntityTooLarge
		}
		kind, _, kindErr := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kindErr != nil || kind != "application/x-www-form-urlencoded" {
			return nil, http.StatusBadRequest
		}
		if called.params, err = url.ParseQuery(string(body)); err != nil {
			return nil, http.StatusBadRequest
		}
		params = called.params
	}
	signature := p.dialect.signature(r.Header)
	if !p.signed(signature, called) {
		if p.refusals.Allow() {
			p.log.Warn("webhook refused: its signature is missing or wrong; if it is genuine, compare public_url with the address set there, and "+p.dialect.keyName,
				"path", path, "from", r.RemoteAddr, "signed", signature != "")
		}
		return nil, http.StatusForbidden
	}
	return params, http.StatusOK
}

// signed says whether one of the keys signed the request. What has a number call
// again is no part of the address that Twilio calls; other services that are like
// it sign the address as it is set.
func (p *Provider) signed(signature string, called signed) bool {
	if validSignature(signature, called, p.dialect.keys...) {
		return true
	}
	called.url += overrides
	return validSignature(signature, called, p.dialect.keys...)
}

// receive takes a text (https://www.twilio.com/docs/messaging/guides/webhook-request).
func (p *Provider) receive(ctx context.Context, params url.Values) error {
	media, lost := mediaOf(params)
	return p.receiver.Receive(ctx, provider.Inbound{
		ID:    transport.MessageID(messageSID(params)),
		From:  params.Get("From"),
		To:    params.Get("To"),
		Text:  params.Get("Body"),
		Media: media,
		Lost:  lost,
		// Of messaging services with Advanced Opt-Out.
		OptOut: params.Get("OptOutType"),
	})
}

// report takes news of a text (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status).
func (p *Provider) report(ctx context.Context, params url.Values) error {
	status := params.Get("MessageStatus")
	if status == "" {
		status = params.Get("SmsStatus")
	}
	code, _ := strconv.Atoi(params.Get("ErrorCode"))
	return p.receiver.Report(ctx, report(transport.MessageID(messageSID(params)), status, code))
}

// messageSID gives the id under its new name or its old ones.
func messageSID(params url.Values) string {
	for _, key := range []string{"MessageSid", "SmsSid", "SmsMessageSid"} {
		if id := params.Get(key); id != "" {
			return id
		}
	}
	return ""
}
