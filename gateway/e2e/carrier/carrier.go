// Package carrier is a Twilio for floods: as much of its message API as the
// gateway uses, in a process that may be killed at any time. What it has taken
// is in a ledger on the disk before it answers, so that a text is lost or
// doubled by the gateway or not at all. (emulate forgets everything when it is
// killed, and serves 4999 requests.)
//
// It is as rude as the real one may be: it takes texts and hangs up, it fails
// without taking them, it answers 429, it calls webhooks twice at most, and it
// lists what came in by the day.
package carrier

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Every so many texts to phones, one is treated in each of these ways.
const (
	hangUpEvery = 173 // taken, and not answered
	failEvery   = 307 // not taken: 500
	busyEvery   = 211 // not taken: 429
)

// A Text is one line of the ledger: a text, or what became of one.
type Text struct {
	SID      string    `json:"sid"`
	To       string    `json:"to,omitempty"`
	From     string    `json:"from,omitempty"`
	Body     string    `json:"body,omitempty"`
	Inbound  bool      `json:"inbound,omitempty"`
	Status   string    `json:"status"`
	Callback string    `json:"callback,omitempty"`
	Key      string    `json:"key,omitempty"` // of who had it come in
	Created  time.Time `json:"created"`
	Sent     time.Time `json:"sent,omitzero"`
}

// Read gives the ledger's texts, the oldest first, as they stand. A last line
// that was not written whole was not answered.
func Read(path string) ([]*Text, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*Text
	bySID := make(map[string]*Text)
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		t := &Text{}
		if err := json.Unmarshal(line, t); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		if was := bySID[t.SID]; was != nil {
			was.Status, was.Sent = t.Status, t.Sent
			continue
		}
		bySID[t.SID] = t
		all = append(all, t)
	}
}

// Options of a carrier. InURL is where texts to its numbers are posted. Fails
// has it answer 500 now and then, which the gateway clears up in half a minute.
type Options struct {
	Addr, Ledger, InURL, AccountSID, Token string
	Fails                                  bool
}

type server struct {
	o      Options
	file   *os.File
	client *http.Client

	mu    sync.Mutex
	all   []*Text // the oldest first
	bySID map[string]*Text
	byKey map[string]*Text
	asked int // to send a text
}

// Serve serves until the process ends.
func Serve(o Options) error {
	all, err := Read(o.Ledger)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(o.Ledger, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s := &server{
		o: o, file: file, all: all, bySID: make(map[string]*Text), byKey: make(map[string]*Text),
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
		asked:  rand.IntN(1000),
	}
	for _, t := range all {
		s.bySID[t.SID] = t
		if t.Key != "" {
			s.byKey[t.Key] = t
		}
		if !t.Inbound && t.Status != "delivered" {
			go s.carry(t)
		}
	}
	base := "/2010-04-01/Accounts/" + o.AccountSID
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+base+"/Messages.json", s.create)
	mux.HandleFunc("GET "+base+"/Messages.json", s.list)
	mux.HandleFunc("GET "+base+"/Messages/{sid}", s.fetch)
	mux.HandleFunc("POST /inbound", s.inbound)
	return http.ListenAndServe(o.Addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, token, _ := r.BasicAuth(); user != o.AccountSID || token != o.Token {
			refuse(w, http.StatusUnauthorized, 20003)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

func refuse(w http.ResponseWriter, status, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%d,"status":%d,"message":"refused"}`, code, status)
}

// write puts a text, or what became of it, into the ledger. The caller has mu.
func (s *server) write(t *Text) {
	line, err := json.Marshal(t)
	if err == nil {
		_, err = s.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic(err) // what is not in the ledger is not to be answered
	}
}

func (s *server) take(t Text) *Text {
	t.SID = fmt.Sprintf("SM%016x%016x", rand.Uint64(), rand.Uint64())
	s.write(&t)
	s.all = append(s.all, &t)
	s.bySID[t.SID] = &t
	return &t
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	t := Text{
		To: r.FormValue("To"), From: r.FormValue("From"), Body: r.FormValue("Body"),
		Callback: r.FormValue("StatusCallback"), Status: "queued", Created: time.Now(),
	}
	if t.To == "" || t.From == "" || t.Body == "" {
		refuse(w, http.StatusBadRequest, 21602)
		return
	}
	s.mu.Lock()
	s.asked++
	asked := s.asked
	switch {
	case asked%failEvery == 0 && s.o.Fails:
		s.mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		return
	case asked%busyEvery == 0:
		s.mu.Unlock()
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, 20429)
		return
	}
	taken := s.take(t)
	s.mu.Unlock()
	go s.carry(taken)
	if asked%hangUpEvery == 0 {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
		return
	}
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(resource(t, taken.SID))
}

// carry brings a text to its phone, and tells so.
func (s *server) carry(t *Text) {
	time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond)
	s.mu.Lock()
	if t.Sent.IsZero() {
		t.Sent = time.Now()
	}
	t.Status = "delivered"
	s.write(&Text{SID: t.SID, Status: t.Status, Created: t.Created, Sent: t.Sent})
	form := url.Values{
		"MessageSid": {t.SID}, "SmsSid": {t.SID}, "MessageStatus": {t.Status}, "AccountSid": {s.o.AccountSID},
		"To": {t.To}, "From": {t.From}, "ApiVersion": {"2010-04-01"},
	}
	callback := t.Callback
	s.mu.Unlock()
	if callback != "" {
		s.call(callback, form)
	}
}

// inbound has somebody text one of the numbers: once, however often it is
// asked with the same key.
func (s *server) inbound(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	t := Text{
		To: r.FormValue("To"), From: r.FormValue("From"), Body: r.FormValue("Body"), Key: r.FormValue("Key"),
		Inbound: true, Status: "received", Created: now, Sent: now,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey[t.Key] != nil {
		return
	}
	taken := s.take(t)
	s.byKey[t.Key] = taken
	go s.call(s.o.InURL, url.Values{
		"MessageSid": {taken.SID}, "SmsSid": {taken.SID}, "AccountSid": {s.o.AccountSID}, "To": {t.To}, "From": {t.From},
		"Body": {t.Body}, "NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"},
	})
}

// call calls a webhook, and once more if nobody is there.
func (s *server) call(address string, form url.Values) {
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		req.Header.Set("X-Twilio-Signature", s.sign(address, form))
		res, err := s.client.Do(req)
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		cancel()
		if err == nil {
			return // whatever it answered
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// sign signs a form (https://www.twilio.com/docs/usage/security).
func (s *server) sign(address string, form url.Values) string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(s.o.Token))
	io.WriteString(mac, address)
	for _, name := range names {
		io.WriteString(mac, name+form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func resource(t Text, sid string) map[string]any {
	m := map[string]any{
		"sid": sid, "to": t.To, "from": t.From, "body": t.Body, "status": t.Status, "direction": "outbound-api",
		"num_segments": "1", "num_media": "0", "error_code": nil, "date_sent": nil,
		"date_created": t.Created.UTC().Format(time.RFC1123Z),
	}
	if t.Inbound {
		m["direction"] = "inbound"
	}
	if !t.Sent.IsZero() {
		m["date_sent"] = t.Sent.UTC().Format(time.RFC1123Z)
	}
	return m
}

func (s *server) fetch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.bySID[strings.TrimSuffix(r.PathValue("sid"), ".json")]
	if t == nil {
		refuse(w, http.StatusNotFound, 20404)
		return
	}
	json.NewEncoder(w).Encode(resource(*t, t.SID))
}

// list gives the newest first, in pages that stay the same while texts come.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("PageSize"))
	if size < 1 || size > 1000 {
		refuse(w, http.StatusBadRequest, 20001)
		return
	}
	var since time.Time
	if text := q.Get("DateSent>"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			refuse(w, http.StatusBadRequest, 20001)
			return
		}
		since = at.UTC().Truncate(24 * time.Hour)
	}
	s.mu.Lock()
	at := len(s.all)
	if token, ok := strings.CutPrefix(q.Get("PageToken"), "PA"); ok {
		at, _ = strconv.Atoi(token)
	}
	page := []map[string]any{}
	for at = min(at, len(s.all)); at > 0 && len(page) < size; at-- {
		t := s.all[at-1]
		if to := q.Get("To"); to != "" && t.To != to {
			continue
		}
		if from := q.Get("From"); from != "" && t.From != from {
			continue
		}
		if !since.IsZero() && t.Sent.Before(since) {
			continue
		}
		page = append(page, resource(*t, t.SID))
	}
	s.mu.Unlock()
	answer := map[string]any{"messages": page, "next_page_uri": nil}
	if at > 0 {
		q.Set("PageToken", "PA"+strconv.Itoa(at))
		answer["next_page_uri"] = r.URL.Path + "?" + q.Encode()
	}
	json.NewEncoder(w).Encode(answer)
}
