package android

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	largestBody = 6 << 20  // an MMS with its files
	smallBody   = 64 << 10 // a text, or news of one
	storeTime   = 20 * time.Second
	clocksApart = 5 * time.Minute

	smsReceived   = "sms:received"
	smsDelivered  = "sms:delivered"
	smsFailed     = "sms:failed"
	mmsReceived   = "mms:received"   // only that there is one
	mmsDownloaded = "mms:downloaded" // with what is in it
)

// An event is what the app calls us with
// (https://docs.sms-gate.app/features/webhooks/).
type event struct {
	ID       string  `json:"id"` // the same when it calls again
	Event    string  `json:"event"`
	DeviceID string  `json:"deviceId"`
	Payload  payload `json:"payload"`
}

type payload struct {
	MessageID   string `json:"messageId"`
	Sender      string `json:"sender"`
	PhoneNumber string `json:"phoneNumber"` // the sender, of older apps
	Recipient   string `json:"recipient"`   // may be unknown to the phone
	SIM         int    `json:"simNumber"`
	ReceivedAt  string `json:"receivedAt"`

	Message     string `json:"message"`
	Reason      string `json:"reason"` // with smsFailed
	Subject     string `json:"subject"`
	Body        string `json:"body"`
	Attachments []struct {
		Type string `json:"contentType"`
		Name string `json:"name"`
		Data string `json:"data"` // base64; empty: the app does not have it
	} `json:"attachments"`
}

var errBadEvent = errors.New("the request can't be read")

// Webhooks implements provider.Provider. It serves /android/event, relative to
// the component's path. The app calls again, for two days, after every answer
// but a success.
func (p *Provider) Webhooks() http.Handler {
	if p.polls() {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathEvent, p.webhook)
	return mux
}

func (p *Provider) webhook(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int) { http.Error(w, http.StatusText(status), status) }
	// A place is for what is known to be the phone's: anybody can send a body
	// that never ends. Files have one of their own before, for their memory.
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		if !enter(p.files) {
			refuse(http.StatusServiceUnavailable)
			return
		}
		defer func() { <-p.files }()
	}
	body, status := p.open(w, r)
	if status != http.StatusOK {
		if status == http.StatusForbidden && p.refusals.Allow() {
			p.log.Warn("webhook refused: its signature is missing, wrong or old; if it is the phone's, compare the app's signing key and clock", "from", r.RemoteAddr)
		}
		refuse(status)
		return
	}
	if !enter(p.webhooks) {
		refuse(http.StatusServiceUnavailable)
		return
	}
	defer func() { <-p.webhooks }()
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	switch err := p.take(ctx, body); {
	case errors.Is(err, errBadEvent):
		p.log.Warn("webhook refused", "error", err)
		refuse(http.StatusBadRequest)
	case err != nil:
		p.log.Error("take a webhook", "error", err)
		refuse(http.StatusServiceUnavailable)
	}
}

// enter takes a place, if there is one.
func enter(places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		return false
	}
}

// open gives the body of a request that the app signed.
func (p *Provider) open(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	timestamp := r.Header.Get("X-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	given, hexErr := hex.DecodeString(r.Header.Get("X-Signature"))
	if err != nil || hexErr != nil || len(given) != sha256.Size {
		return nil, http.StatusForbidden
	}
	if age := time.Since(time.Unix(seconds, 0)); age > clocksApart || age < -clocksApart {
		return nil, http.StatusForbidden
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return nil, http.StatusBadRequest
	}
	if !hmac.Equal(given, sign(p.options.SigningKey.Reveal(), body, timestamp)) {
		return nil, http.StatusForbidden
	}
	return body, http.StatusOK
}

func sign(key string, body []byte, timestamp string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	mac.Write([]byte(timestamp))
	return mac.Sum(nil)
}

func (p *Provider) take(ctx context.Context, body []byte) error {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("%w: it is no JSON, or not of the app", errBadEvent)
	}
	if p.options.DeviceID != "" && e.DeviceID != "" && e.DeviceID != p.options.DeviceID {
		return nil // another phone of the account
	}
	switch e.Event {
	case smsReceived, mmsReceived, mmsDownloaded:
		return p.receive(ctx, e)
	case smsDelivered:
		return p.report(ctx, provider.Report{ID: transport.MessageID(e.Payload.MessageID), Status: transport.Delivered})
	case smsFailed:
		return p.report(ctx, provider.Report{ID: transport.MessageID(e.Payload.MessageID), Status: transport.Failed, Err: failure(e.Payload.Reason)})
	}
	return nil // somebody else asked the app for it
}

func (p *Provider) report(ctx context.Context, r provider.Report) error {
	if r.ID == "" {
		return fmt.Errorf("%w: it names no text", errBadEvent)
	}
	return p.receiver.Report(ctx, r)
}

// receive takes a text or an MMS.
func (p *Provider) receive(ctx context.Context, e event) error {
	if e.ID == "" {
		return fmt.Errorf("%w: it has no id", errBadEvent)
	}
	from := e.Payload.Sender
	if from == "" {
		from = e.Payload.PhoneNumber
	}
	in := provider.Inbound{
		ID: transport.MessageID(e.ID), From: provider.PlainNumber(from, true), To: p.recipient(e.Payload), Text: e.Payload.Message,
	}
	if at, err := time.Parse(time.RFC3339, e.Payload.ReceivedAt); err == nil {
		in.At = at
	}
	if e.Event != smsReceived {
		in.Text = strings.TrimSpace(e.Payload.Subject + "\n" + e.Payload.Body)
		for _, a := range e.Payload.Attachments {
			data, err := base64.StdEncoding.DecodeString(a.Data)
			if err != nil || len(data) == 0 {
				in.Lost++
				continue
			}
			in.Media = append(in.Media, provider.Media{Data: data, Name: a.Name, Type: a.Type})
		}
	}
	if e.Event == mmsReceived {
		in.Lost = 1
	}
	err := p.receiver.Receive(ctx, in)
	if errors.Is(err, provider.ErrUnknownNumber) {
		return nil // it never will be stored, and the app would call again
	}
	return err
}

// recipient tells which number a text came to: what the phone says, if it
// knows, or that of the SIM card.
func (p *Provider) recipient(in payload) string {
	if _, ok := p.options.Numbers[in.Recipient]; ok {
		return in.Recipient
	}
	found := ""
	for number, slot := range p.options.Numbers {
		if slot == in.SIM && in.SIM != 0 || len(p.options.Numbers) == 1 {
			return number
		}
		if found == "" || slot < p.options.Numbers[found] {
			found = number
		}
	}
	return found // of the first slot
}
