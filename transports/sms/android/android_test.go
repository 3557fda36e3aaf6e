package android

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/android/androidtest"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

const own, second, friend = "+15005550001", "+15005550002", "+15551234567"

type receiver = providertest.Receiver

func testOptions() Options {
	o := Defaults()
	o.Username, o.Password = "ABCDEF", transport.NewSecret("a-password")
	o.Numbers = map[string]int{own: 0}
	o.PublicURL = "https://gw.example.org/sms.example.org"
	o.SigningKey = transport.NewSecret("a key for signing")
	return o
}

// on makes a provider on a phone that is played.
func on(t *testing.T, h http.Handler, o Options, r provider.Receiver) *Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o.APIURL = s.URL + "/"
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	return New(o, r, discard)
}

func TestTextIsHandedOver(t *testing.T) {
	tests := []struct {
		name       string
		passphrase string
		numbers    map[string]int
		o          provider.Outgoing
		want       androidtest.Text
	}{
		{"to a phone", "", nil, provider.Outgoing{From: own, To: friend, Text: "hello – “😀”"}, androidtest.Text{To: friend, Text: "hello – “😀”"}},
		{"to a short code", "", nil, provider.Outgoing{From: own, To: "32665", Text: "x"}, androidtest.Text{To: "32665", Text: "x"}},
		{"from the second SIM card", "", map[string]int{own: 1, second: 2}, provider.Outgoing{From: second, To: friend, Text: "x"}, androidtest.Text{To: friend, Text: "x", SIM: 2}},
		{"encrypted", "between us", nil, provider.Outgoing{From: own, To: friend, Text: strings.Repeat("é", 80)}, androidtest.Text{To: friend, Text: strings.Repeat("é", 80), Encrypted: true}},
		{"encrypted, to a short code", "between us", nil, provider.Outgoing{From: own, To: "32665", Text: strings.Repeat("x", 32)}, androidtest.Text{To: "32665", Text: strings.Repeat("x", 32), Encrypted: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			phone := androidtest.New()
			phone.Passphrase = tt.passphrase
			o := testOptions()
			o.Passphrase = transport.NewSecret(tt.passphrase)
			if tt.numbers != nil {
				o.Numbers = tt.numbers
			}
			p := on(t, phone.Handler(), o, nil)
			sent, err := p.Send(t.Context(), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.ID, tt.want.State = string(sent.ID), "Pending"
			if diff := cmp.Diff([]androidtest.Text{tt.want}, phone.Texts()); diff != "" {
				t.Error(diff)
			}
			// The answer may have been lost. Nothing is sent twice.
			again, err := p.Send(t.Context(), tt.o)
			if err != nil || again != sent || len(phone.Texts()) != 1 {
				t.Errorf("again: %v, %v, and %d texts", again, err, len(phone.Texts()))
			}
		})
	}
}

// The value was computed by OpenSSL.
func TestEncryptionAgreesWithOpenSSL(t *testing.T) {
	got, err := encryptWith([]byte("0123456789abcdef"), "between us", "Grüße")
	if want := "$aes-256-cbc/pbkdf2-sha1$i=75000$MDEyMzQ1Njc4OWFiY2RlZg==$iD0raV5Y3pkfo08WmTnLNw=="; got != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestTextInDoubtIsAskedFor(t *testing.T) {
	phone := androidtest.New()
	p := on(t, phone.Handler(), testOptions(), nil)
	o := provider.Outgoing{From: own, To: friend, Text: "x", Ref: "7"}
	if found, err := p.Find(t.Context(), o, time.Time{}); found != nil || err != nil {
		t.Errorf("before it was sent: %v, %v", found, err)
	}
	sent, err := p.Send(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.Find(t.Context(), o, time.Time{}); err != nil || len(found) != 1 || found[0].ID != sent.ID {
		t.Errorf("once it was sent: %v, %v", found, err)
	}
	o.Ref = "8"
	if found, err := p.Find(t.Context(), o, time.Time{}); found != nil || err != nil {
		t.Errorf("an equal one: %v, %v", found, err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"a server's page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
		},
		"a failure": answers(500, `{}`), "another's JSON": answers(200, `{}`), "no JSON": answers(200, `x`), "credentials": answers(401, ``),
	} {
		if found, err := on(t, h, testOptions(), nil).Find(t.Context(), o, time.Time{}); err == nil {
			t.Errorf("%s: found %v and no error", name, found)
		}
	}
}

func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestAnswerTellsWhatBecameOfTheText(t *testing.T) {
	o := provider.Outgoing{From: own, To: friend, Text: "x"}
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
	}
	tests := []struct {
		name  string
		app   http.HandlerFunc
		want  string
		after time.Duration
	}{
		{name: "taken", app: answers(202, `{"id":"`+nameOf(o)+`","state":"Pending"}`), want: ""},
		{name: "taken by an older server", app: answers(201, `{"id":"`+nameOf(o)+`"}`), want: ""},
		{name: "taken before", app: answers(409, `{"message":"duplicate id"}`), want: ""},
		{name: "another's conflict", app: answers(409, `<html>`), want: providertest.Unknown},
		{name: "taken, but another", app: answers(202, `{"id":"x"}`), want: providertest.Unknown},
		{name: "a page", app: answers(200, `<html>log in to the hotel's network</html>`), want: providertest.Unknown},
		{name: "refused", app: answers(400, `{"message":"Invalid phone number +15551234567"}`), want: providertest.Refused},
		{name: "credentials", app: answers(401, ``), want: providertest.Refused},
		{name: "forbidden", app: answers(403, `{}`), want: providertest.Refused},
		{name: "not the app", app: answers(404, `<html>`), want: providertest.Retry, after: time.Minute},
		{name: "redirected", app: answers(302, ``, "Location", "/x"), want: providertest.Retry, after: time.Minute},
		{name: "too many", app: answers(429, `{}`, "Retry-After", "17"), want: providertest.Retry, after: 17 * time.Second},
		{name: "too many, for years", app: answers(429, `{}`, "Retry-After", "99999999999"), want: providertest.Retry, after: 0},
		{name: "full", app: answers(503, `{"message":"Queue limits exceeded; ensure device is online"}`), want: providertest.Retry},
		{name: "a proxy's", app: answers(503, `<html>`), want: providertest.Unknown},
		{name: "broken", app: answers(500, `{"message":"x"}`), want: providertest.Unknown},
		{name: "the answer is cut off", app: answers(202, `{"id":`, "Content-Length", "1000"), want: providertest.Unknown},
		{name: "the connection is closed", app: hangUp, want: providertest.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			p := on(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); tt.app(w, r) }), testOptions(), nil)
			_, err := p.Send(t.Context(), o)
			if (err == nil) != (tt.want == "") || err != nil && providertest.KindOf(err) != tt.want {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if e, ok := errors.AsType[*provider.Retry](err); ok && tt.after > 0 && e.After != tt.after {
				t.Errorf("after %v", e.After)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
			if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), "5551234567") {
				t.Errorf("the error holds a number: %v", err)
			}
		})
	}
	if _, err := New(testOptions(), nil, discard).Send(t.Context(), provider.Outgoing{From: second, To: friend, Text: "x"}); providertest.KindOf(err) != providertest.Refused {
		t.Errorf("from another number: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	away := testOptions()
	away.APIURL = "http://" + l.Addr().String()
	if _, err := New(away, nil, discard).Send(t.Context(), o); err == nil || providertest.KindOf(err) != providertest.Retry {
		t.Errorf("the phone is away: %v", err)
	}
}

func TestPhoneTellsHowATextFares(t *testing.T) {
	tests := []struct {
		state, reason string
		want          transport.Status
		why           transport.Reason
		code          string
	}{
		{"Processed", "", transport.Accepted, 0, ""},
		{"Sent", "", transport.Accepted, 0, ""},
		{"Delivered", "", transport.Delivered, 0, ""},
		{"Failed", "Send result: RESULT_ERROR_NO_SERVICE", transport.Failed, transport.Unreachable, "RESULT_ERROR_NO_SERVICE"},
		{"Failed", "RESULT_ERROR_LIMIT_EXCEEDED", transport.Failed, transport.RateLimited, "RESULT_ERROR_LIMIT_EXCEEDED"},
		{"Failed", "RESULT_ERROR_GENERIC_FAILURE", transport.Failed, transport.Unexplained, "RESULT_ERROR_GENERIC_FAILURE"},
		{"Failed", "TTL expired", transport.Failed, transport.Unreachable, ""},
		{"Failed", "call +15551234567", transport.Failed, transport.Unexplained, ""},
		{"Cancelled", "", transport.Failed, transport.Unexplained, ""},
	}
	for _, tt := range tests {
		t.Run(tt.state+" "+tt.reason, func(t *testing.T) {
			phone := androidtest.New()
			p := on(t, phone.Handler(), testOptions(), nil)
			sent, err := p.Send(t.Context(), provider.Outgoing{From: own, To: friend, Text: "x"})
			if err != nil {
				t.Fatal(err)
			}
			phone.Settle(t.Context(), string(sent.ID), tt.state, tt.reason)
			r, err := p.Status(t.Context(), sent.ID)
			if err != nil || r.Status != tt.want {
				t.Fatalf("got %+v, %v", r, err)
			}
			if tt.want == transport.Failed && (r.Err.Reason != tt.why || r.Err.Code != tt.code) {
				t.Errorf("got %+v", r.Err)
			}
		})
	}
	if _, err := on(t, androidtest.New().Handler(), testOptions(), nil).Status(t.Context(), "x"); !errors.Is(err, provider.ErrUnknownMessage) {
		t.Errorf("of no text: %v", err)
	}
}

func TestWebhooksAreKeptRegistered(t *testing.T) {
	phone := androidtest.New()
	p := on(t, phone.Handler(), testOptions(), nil)
	register := func() []string {
		t.Helper()
		if err := p.register(t.Context()); err != nil {
			t.Fatal(err)
		}
		var events []string
		for _, h := range phone.Webhooks() {
			if h.URL == "https://gw.example.org/sms.example.org/android/event" {
				events = append(events, h.Event)
			}
		}
		slices.Sort(events)
		return events
	}
	want := []string{"mms:downloaded", "sms:delivered", "sms:failed", "sms:received"}
	for range 2 {
		if diff := cmp.Diff(want, register()); diff != "" {
			t.Fatal(diff)
		}
	}
	others := androidtest.Webhook{ID: "1", URL: "https://else.example.org/", Event: "sms:received"}
	phone.Forget(others,
		androidtest.Webhook{ID: "2", URL: p.public + pathEvent, Event: "sms:received"}, // by hand, long ago
		androidtest.Webhook{ID: p.wants(smsFailed).ID, URL: "https://old.example.org/", Event: "sms:failed"},
	)
	if diff := cmp.Diff(want, register()); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(phone.Webhooks(), others) || len(phone.Webhooks()) != len(want)+1 {
		t.Errorf("there are %v", phone.Webhooks())
	}

	phone.Forget()
	phone.Events = []string{"sms:received", "sms:delivered", "sms:failed", "mms:received"}
	if diff := cmp.Diff([]string{"mms:received", "sms:delivered", "sms:failed", "sms:received"}, register()); diff != "" {
		t.Errorf("an app of old: %s", diff)
	}

	phone.Events = nil
	phone.Forget()
	for name, h := range map[string]http.Handler{"refused": phone.Handler(), "broken": answers(500, ``), "no list": answers(200, `{}`), "credentials": answers(401, ``)} {
		if err := on(t, h, testOptions(), nil).register(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// post calls the webhook as the app does.
func post(p *Provider, body string, change func(*http.Request)) int {
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.1"+pathEvent, strings.NewReader(body))
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("X-Timestamp", at)
	r.Header.Set("X-Signature", androidtest.Sign("a key for signing", body, at))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	p.Webhooks().ServeHTTP(w, r)
	return w.Code
}

// endless is a body of which nothing more comes.
type endless struct{ asked chan<- struct{} }

func (e endless) Read([]byte) (int, error) {
	e.asked <- struct{}{}
	select {}
}

func TestSlowStrangersHoldUpNoText(t *testing.T) {
	rec := &receiver{}
	p := New(testOptions(), rec, discard)
	asked := make(chan struct{})
	for i := range 2 * maxFiles {
		r := httptest.NewRequest(http.MethodPost, "http://10.0.0.1"+pathEvent, endless{asked})
		r.ContentLength = []int64{smallBody, largestBody}[i%2]
		r.Header.Set("X-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
		r.Header.Set("X-Signature", strings.Repeat("00", 32))
		go p.Webhooks().ServeHTTP(httptest.NewRecorder(), r)
		<-asked
	}
	if got := post(p, received, nil); got != http.StatusOK {
		t.Errorf("got %d", got)
	}
}

const received = `{"deviceId":"d1","event":"sms:received","id":"Ey6ECgOkVVFjz3CL48B8C","webhookId":"w","payload":{"messageId":"abc123",` +
	`"message":"Android is always a sweet treat!","sender":"+15551234567","recipient":"+15005550002","simNumber":1,"receivedAt":"2024-06-22T15:46:11.000+07:00"}}`

func TestTextComesIn(t *testing.T) {
	at := time.Date(2024, 6, 22, 8, 46, 11, 0, time.UTC)
	two := map[string]int{own: 1, second: 2}
	tests := []struct {
		name    string
		body    string
		numbers map[string]int
		want    provider.Inbound
	}{
		{"as documented", received, two, provider.Inbound{From: friend, To: second, Text: "Android is always a sweet treat!", At: at}},
		{"of an older app", strings.NewReplacer(`"sender"`, `"phoneNumber"`, `"recipient":"+15005550002",`, ``).Replace(received), two, provider.Inbound{From: friend, To: own, Text: "Android is always a sweet treat!", At: at}},
		{"to a SIM card that knows no number", strings.NewReplacer(`"+15005550002"`, "null", `"simNumber":1`, `"simNumber":2`).Replace(received), two, provider.Inbound{From: friend, To: second, Text: "Android is always a sweet treat!", At: at}},
		{"to nobody knows which", strings.NewReplacer(`"+15005550002"`, "null", `"simNumber":1`, `"simNumber":null`).Replace(received), two, provider.Inbound{From: friend, To: own, Text: "Android is always a sweet treat!", At: at}},
		{"to the only number", strings.Replace(received, `"simNumber":1`, `"simNumber":2`, 1), nil, provider.Inbound{From: friend, To: own, Text: "Android is always a sweet treat!", At: at}},
		{"from letters", strings.Replace(received, friend, "MyBank", 1), nil, provider.Inbound{From: "MyBank", To: own, Text: "Android is always a sweet treat!", At: at}},
		{"with a picture", `{"event":"mms:downloaded","id":"Ey6ECgOkVVFjz3CL48B8C","payload":{"sender":"+15551234567","recipient":null,"subject":null,"body":"look","attachments":[{"partId":1,"contentType":"image/png","name":null,"size":3,"data":"AAAA"}],"receivedAt":"2024-06-22T15:46:11.000+07:00"}}`, nil,
			provider.Inbound{From: friend, To: own, Text: "look", Media: []provider.Media{{Data: []byte{0, 0, 0}, Type: "image/png"}}, At: at}},
		{"with a picture that stays on the phone", `{"event":"mms:received","id":"Ey6ECgOkVVFjz3CL48B8C","payload":{"sender":"+15551234567","subject":"Photo","size":125684,"receivedAt":"2024-06-22T15:46:11.000+07:00"}}`, nil,
			provider.Inbound{From: friend, To: own, Text: "Photo", Lost: 1, At: at}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			o := testOptions()
			if tt.numbers != nil {
				o.Numbers = tt.numbers
			}
			if code := post(New(o, rec, discard), tt.body, nil); code != http.StatusOK {
				t.Fatalf("answered %d", code)
			}
			tt.want.ID = "Ey6ECgOkVVFjz3CL48B8C"
			for i := range rec.In {
				rec.In[i].At = rec.In[i].At.UTC()
			}
			if diff := cmp.Diff([]provider.Inbound{tt.want}, rec.In); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewsComeIn(t *testing.T) {
	rec := &receiver{}
	p := New(testOptions(), rec, discard)
	for _, body := range []string{
		`{"event":"sms:delivered","id":"1","payload":{"messageId":"m1","recipient":"+15551234567"}}`,
		`{"event":"sms:failed","id":"2","payload":{"messageId":"m2","reason":"RESULT_ERROR_NO_SERVICE"}}`,
		`{"event":"system:ping","id":"3","payload":{"health":{}}}`,
	} {
		if code := post(p, body, nil); code != http.StatusOK {
			t.Errorf("%s is answered %d", body, code)
		}
	}
	want := []provider.Report{
		{ID: "m1", Status: transport.Delivered},
		{ID: "m2", Status: transport.Failed, Err: &transport.Error{Reason: transport.Unreachable, Code: "RESULT_ERROR_NO_SERVICE"}},
	}
	if diff := cmp.Diff(want, rec.Reports, cmpopts.IgnoreFields(transport.Error{}, "Text")); diff != "" {
		t.Error(diff)
	}
}

func TestTextOfAnotherPhoneIsLeft(t *testing.T) {
	rec := &receiver{}
	o := testOptions()
	o.DeviceID = "d2"
	if code := post(New(o, rec, discard), received, nil); code != http.StatusOK || len(rec.In) > 0 {
		t.Errorf("answered %d, took %v", code, rec.In)
	}
	o.DeviceID = "d1"
	if code := post(New(o, rec, discard), received, nil); code != http.StatusOK || len(rec.In) != 1 {
		t.Errorf("answered %d, took %v", code, rec.In)
	}
}

func TestForgedOrBrokenWebhookIsRefused(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	signedAt := func(d time.Duration) func(*http.Request) {
		return func(r *http.Request) {
			at := strconv.FormatInt(time.Now().Add(d).Unix(), 10)
			r.Header.Set("X-Timestamp", at)
			r.Header.Set("X-Signature", androidtest.Sign("a key for signing", received, at))
		}
	}
	tests := []struct {
		name   string
		body   string
		change func(*http.Request)
		want   int
	}{
		{"no signature", received, header("X-Signature", ""), 403},
		{"half a signature", received, header("X-Signature", "abcd"), 403},
		{"another key's signature", received, header("X-Signature", androidtest.Sign("another", received, "1")), 403},
		{"another time", received, header("X-Timestamp", strconv.FormatInt(time.Now().Unix()-1, 10)), 403},
		{"no time", received, header("X-Timestamp", ""), 403},
		{"a time that is no number", received, header("X-Timestamp", "now"), 403},
		{"an old one, brought again", received, signedAt(-6 * time.Minute), 403},
		{"one of the future", received, signedAt(6 * time.Minute), 403},
		{"a clock that is a little wrong", received, signedAt(4 * time.Minute), 200},
		{"another method", received, func(r *http.Request) { r.Method = http.MethodGet }, 405},
		{"an endless body", strings.Repeat("x", largestBody+1), nil, 413},
		{"no JSON", "x", nil, 400},
		{"no id", `{"event":"sms:received","payload":{"message":"x"}}`, nil, 400},
		{"a report of nothing", `{"event":"sms:delivered","payload":{}}`, nil, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			if code := post(New(testOptions(), rec, discard), tt.body, tt.change); code != tt.want {
				t.Errorf("answered %d", code)
			}
			if tt.want != 200 && len(rec.In)+len(rec.Reports) > 0 {
				t.Error("it was taken")
			}
		})
	}
}

func TestTextThatIsNotStoredIsNotAcknowledged(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 200}, {errors.New("disk full"), 503}, {provider.ErrUnknownNumber, 200},
	} {
		if code := post(New(testOptions(), &receiver{Err: tt.err}, discard), received, nil); code != tt.want {
			t.Errorf("%v: answered %d", tt.err, code)
		}
	}
}

func TestWrongOptionIsBlamed(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Options)
		key  string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"no API", func(o *Options) { o.APIURL = "192.168.1.10:8080" }, "android.api_url"},
		{"nobody", func(o *Options) { o.Username = "" }, "android.username"},
		{"no password", func(o *Options) { o.Password = transport.Secret{} }, "android.password"},
		{"a device's path", func(o *Options) { o.DeviceID = "a/b" }, "android.device_id"},
		{"no numbers", func(o *Options) { o.Numbers = nil }, "android.numbers"},
		{"a national number", func(o *Options) { o.Numbers = map[string]int{"5005550001": 1} }, "android.numbers"},
		{"a fourth slot", func(o *Options) { o.Numbers = map[string]int{own: 4} }, "android.numbers." + own},
		{"two numbers in a slot", func(o *Options) { o.Numbers = map[string]int{own: 1, second: 1} }, "android.numbers." + second},
		{"no public address, no signing key", func(o *Options) { o.PublicURL, o.SigningKey = "", transport.Secret{} }, ""},
		{"public address without a scheme", func(o *Options) { o.PublicURL = "gw.example.org" }, "android.public_url"},
		{"haste", func(o *Options) { o.Poll = 0 }, "android.poll"},
		{"no signing key", func(o *Options) { o.SigningKey = transport.Secret{} }, "android.signing_key"},
		{"a short signing key", func(o *Options) { o.SigningKey = transport.NewSecret("x") }, "android.signing_key"},
	} {
		o := testOptions()
		tt.set(&o)
		e, _ := errors.AsType[*transport.OptionError](o.Check())
		if (e == nil) != (tt.key == "") || e != nil && e.Key != tt.key {
			t.Errorf("%s: got %v", tt.name, e)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	phone := androidtest.New()
	p := on(t, phone.Handler(), testOptions(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	for len(phone.Webhooks()) < 4 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(phone.Webhooks()) != 4 {
		t.Error("the phone does not keep what happens meanwhile")
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(received))
	f.Add([]byte(`{"event":"mms:downloaded","id":"1","payload":{"attachments":[{"data":"AAAA"}]}}`))
	f.Add([]byte(`{"event":"sms:failed","payload":{"messageId":"m2","reason":"RESULT_ERROR_NO_SERVICE"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rec := &receiver{}
		if err := New(testOptions(), rec, discard).take(t.Context(), body); err != nil && !errors.Is(err, errBadEvent) {
			t.Fatal(err)
		}
		for _, in := range rec.In {
			if in.ID == "" || in.To != own {
				t.Fatalf("took %+v", in)
			}
		}
	})
}
