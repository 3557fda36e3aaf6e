package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// EmulateOptions configure an emulate. The zero value is an account without
// numbers and a webhook.
type EmulateOptions struct {
	SMSURL     string   // where inbound messages to the numbers are posted
	Numbers    []string // the account's, as +15005550001
	AccountSID string   // AC00000000000000000000000000000001 if empty
	Token      string   // 0123456789abcdef0123456789abcdef if empty
}

// An Emulate is a running emulate: Twilio's message API with signed webhooks,
// in memory. What it holds is gone after a restart, and it refuses to make
// more than 4999 messages.
type Emulate struct {
	*Server
	BaseURL    string // http://127.0.0.1:port, in place of https://api.twilio.com
	AccountSID string
	Token      string
}

// An EmulateMessage is a message as Twilio's API shows it.
type EmulateMessage struct {
	SID       string `json:"sid"`
	From      string `json:"from"`
	To        string `json:"to"`
	Body      string `json:"body"`
	Direction string `json:"direction"` // inbound or outbound-api
	Status    string `json:"status"`
}

// StartEmulate starts an emulate with its seed in dir.
func StartEmulate(ctx context.Context, dir string, o EmulateOptions) (*Emulate, error) {
	node, script, err := findEmulate()
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	o.AccountSID = orElse(o.AccountSID, "AC00000000000000000000000000000001")
	o.Token = orElse(o.Token, "0123456789abcdef0123456789abcdef")
	addr, port, err := loopback()
	if err != nil {
		return nil, err
	}
	// Left alone, emulate listens on every interface.
	preload, err := templates.ReadFile("templates/emulate-loopback.mjs")
	if err != nil {
		return nil, err
	}
	preloadFile := filepath.Join(dir, "loopback.mjs")
	if err := os.WriteFile(preloadFile, preload, 0o600); err != nil {
		return nil, err
	}
	seed := filepath.Join(dir, "seed.yaml")
	if err := configure(seed, "emulate-seed.yaml.tmpl", o); err != nil {
		return nil, fmt.Errorf("configure emulate: %w", err)
	}
	e := &Emulate{BaseURL: "http://" + addr, AccountSID: o.AccountSID, Token: o.Token}
	e.Server = &Server{
		Name:       "emulate",
		Dir:        dir,
		startLimit: time.Minute,
		command: func() *exec.Cmd {
			cmd := exec.Command(node, "--import", "file://"+(&url.URL{Path: preloadFile}).EscapedPath(), script,
				"start", "-s", "twilio", "-p", strconv.Itoa(port), "--seed", seed)
			cmd.Dir = dir
			return cmd
		},
		ready: func(ctx context.Context) error { return accepts(ctx, addr) },
	}
	if err := e.Start(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// InboundMessage has somebody send a text to one of the numbers. It returns
// once the webhook was called, whatever it answered.
func (e *Emulate) InboundMessage(ctx context.Context, from, to, body string) (EmulateMessage, error) {
	var m EmulateMessage
	err := e.post(ctx, "/_twilio/simulate/inbound-message",
		url.Values{"From": {from}, "To": {to}, "Body": {body}}, &m)
	return m, err
}

// SetStatus gives an outbound message a status, such as delivered or failed,
// and returns once its status callback was called.
func (e *Emulate) SetStatus(ctx context.Context, sid, status string) error {
	return e.post(ctx, "/_twilio/simulate/message-status",
		url.Values{"MessageSid": {sid}, "Status": {status}}, nil)
}

// SetSMSURL changes where inbound messages to a number are posted.
func (e *Emulate) SetSMSURL(ctx context.Context, number, smsURL string) error {
	n, err := e.number(ctx, number)
	if err != nil {
		return err
	}
	return e.post(ctx, e.account("/IncomingPhoneNumbers/"+n.SID+".json"),
		url.Values{"SmsUrl": {smsURL}, "SmsMethod": {"POST"}}, nil)
}

// SMSURL tells where inbound messages to a number are posted.
func (e *Emulate) SMSURL(ctx context.Context, number string) (string, error) {
	n, err := e.number(ctx, number)
	return n.SMSURL, err
}

type emulateNumber struct {
	SID    string `json:"sid"`
	Number string `json:"phone_number"`
	SMSURL string `json:"sms_url"`
}

func (e *Emulate) number(ctx context.Context, number string) (emulateNumber, error) {
	var list struct {
		Numbers []emulateNumber `json:"incoming_phone_numbers"`
	}
	if err := e.call(ctx, http.MethodGet, e.account("/IncomingPhoneNumbers.json"), nil, &list); err != nil {
		return emulateNumber{}, err
	}
	for _, n := range list.Numbers {
		if n.Number == number {
			return n, nil
		}
	}
	return emulateNumber{}, fmt.Errorf("the account has no number %s", number)
}

// Messages returns all messages of the account, of both directions, in
// emulate's order.
func (e *Emulate) Messages(ctx context.Context) ([]EmulateMessage, error) {
	var all []EmulateMessage
	for path := e.account("/Messages.json?PageSize=1000"); path != ""; {
		var page struct {
			Messages []EmulateMessage `json:"messages"`
			Next     string           `json:"next_page_uri"`
		}
		if err := e.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Messages...)
		path = page.Next
	}
	return all, nil
}

func (e *Emulate) account(path string) string {
	return "/2010-04-01/Accounts/" + e.AccountSID + path
}

func (e *Emulate) post(ctx context.Context, path string, form url.Values, answer any) error {
	return e.call(ctx, http.MethodPost, path, strings.NewReader(form.Encode()), answer)
}

// call calls emulate and decodes its answer, unless answer is nil.
func (e *Emulate) call(ctx context.Context, method, path string, body io.Reader, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, e.BaseURL+path, body)
	if err != nil {
		return err
	}
	req.SetBasicAuth(e.AccountSID, e.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := oneRequest.Do(req)
	if err != nil {
		return fmt.Errorf("ask emulate: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("ask emulate: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("ask emulate: %s %s: %s: %s", method, path, res.Status, text)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("ask emulate: %s %s: %w", method, path, err)
	}
	return nil
}
