// Package androidtest plays a phone with the app SMS Gateway for Android, as
// its documentation has it: the interface for texts and webhooks of the phone
// itself, which that of its server repeats below another path.
package androidtest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Text is one that the phone was told to send.
type Text struct {
	ID, To, Text string
	SIM          int
	Encrypted    bool
	State        string
	Error        string
}

// A Webhook is where the phone posts an event.
type Webhook struct {
	ID       string `json:"id"`
	DeviceID string `json:"deviceId,omitempty"`
	URL      string `json:"url"`
	Event    string `json:"event"`
}

// A Phone answers to Username and Password. Set its fields before it serves.
type Phone struct {
	Username, Password string
	SigningKey         string
	Passphrase         string
	Own                string   // what it knows of its own number; may be empty
	Events             []string // that it can be asked for
	Again              time.Duration

	mu       sync.Mutex
	inbox    []Entry
	texts    []*Text
	webhooks []Webhook
	events   int
	posting  sync.WaitGroup
}

// New makes a phone as of today.
func New() *Phone {
	return &Phone{
		Username: "ABCDEF", Password: "a-password", SigningKey: "a key for signing", Again: 100 * time.Millisecond,
		Events: []string{"sms:received", "sms:data-received", "sms:sent", "sms:delivered", "sms:failed", "system:ping", "mms:received", "mms:downloaded"},
	}
}

// Texts gives what was to be sent, the oldest first.
func (p *Phone) Texts() []Text {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Text
	for _, t := range p.texts {
		all = append(all, *t)
	}
	return all
}

// Webhooks gives what is registered.
func (p *Phone) Webhooks() []Webhook {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.webhooks)
}

// Forget drops all webhooks, as installing the app anew does, or adds some.
func (p *Phone) Forget(instead ...Webhook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webhooks = instead
}

// Handler serves the app's interface.
func (p *Phone) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, name := range []string{"/message", "/messages"} {
		mux.HandleFunc("POST "+name, p.send)
		mux.HandleFunc("GET "+name+"/{id}", p.state)
	}
	mux.HandleFunc("GET /inbox", p.list)
	mux.HandleFunc("GET /inbox/{id}", p.entry)
	mux.HandleFunc("GET /inbox/{id}/attachments/{part}", p.attachment)
	mux.HandleFunc("GET /webhooks", func(w http.ResponseWriter, _ *http.Request) {
		list := p.Webhooks()
		if list == nil {
			list = []Webhook{}
		}
		write(w, http.StatusOK, list)
	})
	mux.HandleFunc("POST /webhooks", p.register)
	mux.HandleFunc("DELETE /webhooks/{id}", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.webhooks = slices.DeleteFunc(p.webhooks, func(h Webhook) bool { return h.ID == r.PathValue("id") })
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != p.Username || password != p.Password {
			write(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func write(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what)
}

func refuse(w http.ResponseWriter, status int, why string) {
	write(w, status, map[string]string{"message": why})
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func (p *Phone) send(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID           string                 `json:"id"`
		TextMessage  *struct{ Text string } `json:"textMessage"`
		PhoneNumbers []string               `json:"phoneNumbers"`
		SIM          int                    `json:"simNumber"`
		TTL          int                    `json:"ttl"`
		Encrypted    bool                   `json:"isEncrypted"`
	}
	d := json.NewDecoder(r.Body)
	if err := d.Decode(&m); err != nil || m.TextMessage == nil || m.TextMessage.Text == "" || len(m.PhoneNumbers) != 1 {
		refuse(w, http.StatusBadRequest, "a text and one number are needed")
		return
	}
	to := m.PhoneNumbers[0]
	if !m.Encrypted && r.URL.Query().Get("skipPhoneValidation") != "true" && !e164.MatchString(to) ||
		len(m.ID) > 36 || m.SIM < 0 || m.SIM > 3 || m.TTL != 0 && m.TTL < 5 {
		refuse(w, http.StatusBadRequest, "a value is not valid")
		return
	}
	text := m.TextMessage.Text
	if m.Encrypted {
		var err error
		if to, err = p.decrypt(to); err == nil {
			text, err = p.decrypt(text)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.texts, func(t *Text) bool { return t.ID == m.ID }) {
		refuse(w, http.StatusConflict, "duplicate id")
		return
	}
	t := &Text{m.ID, to, text, m.SIM, m.Encrypted, "Pending", ""}
	p.texts = append(p.texts, t)
	write(w, http.StatusAccepted, stateOf(t))
}

func stateOf(t *Text) map[string]any {
	recipient := map[string]any{"phoneNumber": t.To, "state": t.State}
	if t.Error != "" {
		recipient["error"] = t.Error
	}
	return map[string]any{
		"id": t.ID, "deviceId": "phone-1", "state": t.State, "isHashed": false, "isEncrypted": t.Encrypted,
		"recipients": []any{recipient}, "states": map[string]string{},
	}
}

func (p *Phone) state(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.texts {
		if t.ID == r.PathValue("id") {
			write(w, http.StatusOK, stateOf(t))
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (p *Phone) register(w http.ResponseWriter, r *http.Request) {
	var h Webhook
	if err := json.NewDecoder(r.Body).Decode(&h); err != nil || len(h.ID) > 36 || !slices.Contains(p.Events, h.Event) ||
		!strings.HasPrefix(h.URL, "https://") && !strings.HasPrefix(h.URL, "http://127.0.0.1") {
		refuse(w, http.StatusBadRequest, "unsupported")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webhooks = slices.DeleteFunc(p.webhooks, func(was Webhook) bool { return was.ID == h.ID })
	p.webhooks = append(p.webhooks, h)
	write(w, http.StatusCreated, h)
}

// decrypt reads what was encrypted with the passphrase.
func (p *Phone) decrypt(s string) (string, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "aes-256-cbc/pbkdf2-sha1" {
		return "", errors.New("encrypted in another way")
	}
	iterations, err := strconv.Atoi(strings.TrimPrefix(parts[2], "i="))
	salt, saltErr := base64.StdEncoding.DecodeString(parts[3])
	data, dataErr := base64.StdEncoding.DecodeString(parts[4])
	if err := errors.Join(err, saltErr, dataErr); err != nil || len(salt) != 16 || len(data) == 0 || len(data)%16 != 0 {
		return "", errors.New("not encrypted properly")
	}
	key, err := pbkdf2.Key(sha1.New, p.Passphrase, salt, iterations, 32)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCDecrypter(block, salt).CryptBlocks(data, data)
	padding := int(data[len(data)-1])
	if padding < 1 || padding > 16 || !bytes.HasSuffix(data, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return "", errors.New("another passphrase")
	}
	return string(data[:len(data)-padding]), nil
}

// Settle gives a text a state, such as Delivered or Failed, and tells it to
// those who asked for it.
func (p *Phone) Settle(ctx context.Context, id, state, reason string) {
	p.mu.Lock()
	to := ""
	for _, t := range p.texts {
		if t.ID == id {
			t.State, t.Error, to = state, reason, t.To
		}
	}
	p.mu.Unlock()
	p.Emit(ctx, "sms:"+strings.ToLower(state), map[string]any{"messageId": id, "sender": p.own(), "recipient": to, "phoneNumber": to, "simNumber": 1, "reason": reason})
}

// Gets has a text arrive.
func (p *Phone) Gets(ctx context.Context, from, text string) {
	p.Keep(Entry{Type: "SMS", Sender: from, Text: text, CreatedAt: time.Now()})
	p.Emit(ctx, "sms:received", map[string]any{
		"messageId": "by-content", "message": text, "sender": from, "phoneNumber": from, "recipient": p.own(), "simNumber": nil,
		"receivedAt": time.Now().Format("2006-01-02T15:04:05.000Z07:00"),
	})
}

func (p *Phone) own() any {
	if p.Own == "" {
		return nil
	}
	return p.Own
}

// Emit posts an event to whoever asked for it, again and again until it is
// taken or ctx ends. It returns at once.
func (p *Phone) Emit(ctx context.Context, event string, payload map[string]any) {
	for _, h := range p.Webhooks() {
		if h.Event != event {
			continue
		}
		p.mu.Lock()
		p.events++
		body, _ := json.Marshal(map[string]any{
			"id": fmt.Sprintf("event-%d", p.events), "webhookId": h.ID, "event": event, "deviceId": "phone-1", "payload": payload,
		})
		p.mu.Unlock()
		p.posting.Go(func() {
			for !p.post(ctx, h.URL, body) {
				select {
				case <-time.After(p.Again):
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

func (p *Phone) post(ctx context.Context, url string, body []byte) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return true
	}
	r.Header.Set("Content-Type", "application/json")
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("X-Timestamp", timestamp)
	r.Header.Set("X-Signature", Sign(p.SigningKey, string(body), timestamp))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode/100 == 2
}

// Sign makes a request's X-Signature.
func Sign(key, body, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body + timestamp))
	return hex.EncodeToString(mac.Sum(nil))
}

// Serve answers on a free port of this machine until the end is called.
func (p *Phone) Serve() (address string, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	return "http://" + l.Addr().String(), func() {
		s.Close()
		serving.Wait()
		p.posting.Wait()
	}, nil
}
