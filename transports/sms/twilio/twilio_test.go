package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

var hello = provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: "hello – “x”"}

// api makes a provider whose API is the handler.
func fakeAPI(t *testing.T, h http.HandlerFunc) *Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o := testOptions()
	o.APIBase = s.URL + "/base/"
	return New(o, &receiver{}, discard)
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

func TestTextIsHandedOver(t *testing.T) {
	t.Setenv("TWILIO_EDGE", "sydney")
	t.Setenv("TWILIO_REGION", "au1")
	var got *http.Request
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		got = r
		answers(201, `{"sid":"SM1","status":"queued","num_segments":"2","body":"hello"}`)(w, r)
	})
	sent, err := p.Send(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(provider.Sent{ID: "SM1", Segments: 2}, sent); diff != "" {
		t.Error(diff)
	}
	if want := "/base/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"; got.Method != "POST" || got.URL.Path != want {
		t.Errorf("called %s %s", got.Method, got.URL.Path)
	}
	if user, password, _ := got.BasicAuth(); user != "AC00000000000000000000000000000001" || password != "0123456789abcdef" {
		t.Errorf("as %q, %q", user, password)
	}
	want := url.Values{
		"From": {hello.From}, "To": {hello.To}, "Body": {hello.Text},
		"StatusCallback": {"https://gw.example.org/sms.example.org/twilio/status"},
	}
	if diff := cmp.Diff(want, got.PostForm); diff != "" {
		t.Error(diff)
	}
}

func TestFailureTellsWhatBecameOfTheText(t *testing.T) {
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	}
	tests := []struct {
		name  string
		api   http.HandlerFunc
		want  string
		code  string
		after time.Duration
	}{
		{name: "too many requests", api: answers(429, `{"code":20429,"status":429}`, "Retry-After", "17"), want: providertest.Retry, after: 17 * time.Second},
		{name: "too many requests, as HTML", api: answers(429, `<html>`), want: providertest.Retry},
		{name: "too many requests, for years", api: answers(429, `{}`, "Retry-After", "999999999999"), want: providertest.Retry},
		{name: "sender's queue is full", api: answers(400, `{"code":21611,"status":400}`), want: providertest.Retry},
		{name: "opted out", api: answers(400, `{"code":21610,"message":"+15551234567 said STOP","status":400}`), want: providertest.Refused, code: "21610"},
		{name: "credentials", api: answers(401, `{"code":20003,"status":401}`), want: providertest.Refused, code: "20003"},
		{name: "credentials, as HTML", api: answers(401, `<html>`), want: providertest.Refused, code: "20003"},
		{name: "not the API", api: answers(404, `<html>`), want: providertest.Refused},
		{name: "redirected", api: answers(302, ``, "Location", "/elsewhere"), want: providertest.Retry, after: time.Minute},
		{name: "internal error", api: answers(500, `{"code":20500,"status":500}`), want: providertest.Unknown},
		{name: "internal error, as HTML", api: answers(500, `<html>oops</html>`), want: providertest.Unknown},
		{name: "bad gateway", api: answers(502, ``), want: providertest.Unknown},
		{name: "not available", api: answers(503, `{"code":20503}`), want: providertest.Unknown},
		{name: "request timeout", api: answers(408, ``), want: providertest.Unknown},
		{name: "taken, but no JSON", api: answers(201, `<html>`), want: providertest.Unknown},
		{name: "taken, but no id", api: answers(201, `{}`), want: providertest.Unknown},
		{name: "the answer is cut off", api: answers(201, `{"sid":"SM1"`, "Content-Length", "1000"), want: providertest.Unknown},
		{name: "the connection is closed", api: hangUp, want: providertest.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); tt.api(w, r) })
			_, err := p.Send(t.Context(), hello)
			if err == nil || providertest.KindOf(err) != tt.want {
				t.Fatalf("got %v, want it %s", err, tt.want)
			}
			if e, ok := errors.AsType[*transport.Error](err); ok && e.Code != tt.code {
				t.Errorf("code %q", e.Code)
			}
			if e, ok := errors.AsType[*provider.Retry](err); ok && tt.after > 0 && e.After != tt.after {
				t.Errorf("after %v", e.After)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "5551234567") {
				t.Errorf("the error holds a number: %v", err)
			}
		})
	}
}

func TestSlowAnswerLeavesTheFateUnknown(t *testing.T) {
	release := make(chan struct{})
	p := fakeAPI(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Send(ctx, hello)
	if err == nil || providertest.KindOf(err) != providertest.Unknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestUnreachableAPIHasSurelyNotTakenTheText(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	for name, base := range map[string]string{"connection refused": nobody, "no such host": "http://twilio.invalid"} {
		o := testOptions()
		o.APIBase = base
		if _, err := New(o, &receiver{}, discard).Send(t.Context(), hello); err == nil || providertest.KindOf(err) != providertest.Retry {
			t.Errorf("%s: got %v", name, err)
		}
	}
	tls := httptest.NewTLSServer(answers(201, `{"sid":"SM1"}`))
	defer tls.Close()
	o := testOptions()
	o.APIBase = tls.URL
	if _, err := New(o, &receiver{}, discard).Send(t.Context(), hello); err == nil || providertest.KindOf(err) != providertest.Retry {
		t.Errorf("certificate of a stranger: got %v", err)
	}
}

func TestTokenWithMarksIsUsedAsItIs(t *testing.T) {
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user == "a1b2-c3d4" && password == "PT_x-y.z" {
			answers(201, `{"sid":"SM1"}`)(w, r)
			return
		}
		w.WriteHeader(401)
	})
	p.options.AccountSID, p.options.AuthToken = "a1b2-c3d4", transport.NewSecret("PT_x-y.z")
	if _, err := p.Send(t.Context(), hello); err != nil {
		t.Error(err)
	}
}

func TestTextThatWasTakenIsFound(t *testing.T) {
	since := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	entry := func(sid, status, direction, body string, age time.Duration) string {
		return fmt.Sprintf(`{"sid":%q,"status":%q,"direction":%q,"body":%q,"date_created":%q}`,
			sid, status, direction, body, since.Add(age).Format(time.RFC1123Z))
	}
	pages := map[string]string{
		"": `{"messages":[` + strings.Join([]string{
			entry("SM7", "queued", "outbound-api", hello.Text, 7*time.Minute),
			entry("SM6", "failed", "outbound-api", hello.Text, 6*time.Minute),
			entry("SM5", "sent", "outbound-api", "something else", 5*time.Minute),
			entry("SM4", "received", "inbound", hello.Text, 4*time.Minute),
		}, ",") + `],"next_page_uri":"/2010-04-01/Accounts/AC1/Messages.json?Page=1&PageToken=PASM4.123abc"}`,
		"PASM4.123abc": `{"messages":[` + strings.Join([]string{
			entry("SM3", "delivered", "outbound-api", hello.Text+" \r\n", 3*time.Minute),
			entry("SM2", "delivered", "outbound-api", hello.Text, -time.Minute),
		}, ",") + `],"next_page_uri":"/2010-04-01/Accounts/AC1/Messages.json?Page=2&PageToken=never"}`,
	}
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		page, ok := pages[q.Get("PageToken")]
		if !ok || q.Get("To") != hello.To || q.Get("From") != hello.From {
			w.WriteHeader(500)
			return
		}
		io.WriteString(w, page)
	})
	found, err := p.Find(t.Context(), hello, since)
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Sent{{ID: "SM3", Status: transport.Delivered}, {ID: "SM7"}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestFailedSearchIsNoAbsence(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{"an error": answers(500, ``), "no JSON": answers(200, `<html>`)} {
		if found, err := fakeAPI(t, h).Find(t.Context(), hello, time.Time{}); err == nil {
			t.Errorf("%s: found %v and no error", name, found)
		}
	}
}

func TestEndlessListIsLeft(t *testing.T) {
	calls := 0
	p := fakeAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		io.WriteString(w, `{"messages":[],"next_page_uri":"/x?PageToken=again"}`)
	})
	if _, err := p.Find(t.Context(), hello, time.Time{}); err == nil || calls != findPages {
		t.Errorf("%d calls, %v", calls, err)
	}
	calls = 0
	if _, err := p.Received(t.Context(), hello.From, time.Time{}, noneKnown); err == nil || calls != listPages {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestStatusIsAskedFor(t *testing.T) {
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Messages/SM1.json") {
			io.WriteString(w, `{"sid":"SM1","status":"undelivered","error_code":30005}`)
			return
		}
		answers(404, `{"code":20404}`)(w, r)
	})
	got, err := p.Status(t.Context(), "SM1")
	if err != nil || got.Status != transport.Failed || got.Err.Code != "30005" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := p.Status(t.Context(), "SM2"); !errors.Is(err, provider.ErrUnknownMessage) {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
		key  string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"no account", func(o *Options) { o.AccountSID = "" }, "twilio.account_sid"},
		{"account with a slash", func(o *Options) { o.AccountSID = "AC0000000/../x" }, "twilio.account_sid"},
		{"no token", func(o *Options) { o.AuthToken = transport.Secret{} }, "twilio.auth_token"},
		{"API at no address", func(o *Options) { o.APIBase = "api.twilio.com" }, "twilio.api_base"},
		{"an emulator", func(o *Options) { o.APIBase = "http://127.0.0.1:4020" }, ""},
		{"no public address", func(o *Options) { o.PublicURL = "" }, ""},
		{"asked without a break", func(o *Options) { o.Poll = 0 }, "twilio.poll"},
		{"asked in a negative time", func(o *Options) { o.Reconcile = -1 }, "twilio.reconcile"},
		{"no rate", func(o *Options) { o.MPS = -1 }, "twilio.mps"},
		{"no rate of a number", func(o *Options) { o.MPSOf = map[string]float64{"+15005550001": 0} }, "twilio.mps_of.+15005550001"},
		{"never asked", func(o *Options) { o.Reconcile = 0 }, ""},
		{"public address without a scheme", func(o *Options) { o.PublicURL = "gw.example.org" }, "twilio.public_url"},
		{"public address with a query", func(o *Options) { o.PublicURL = public + "?x=1" }, "twilio.public_url"},
		{"public address with an underscore", func(o *Options) { o.PublicURL = "https://my_gw.example.org" }, "twilio.public_url"},
	}
	for _, tt := range tests {
		o := testOptions()
		tt.set(&o)
		e, _ := errors.AsType[*transport.OptionError](o.Check())
		if (e == nil) != (tt.key == "") || e != nil && e.Key != tt.key {
			t.Errorf("%s: got %v", tt.name, e)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(testOptions(), &receiver{}, discard).Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestMoneyIsRead(t *testing.T) {
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/Balance.json"):
			answers(200, `{"account_sid":"AC1","balance":"12.75","currency":"usd"}`)(w, r)
		case strings.HasSuffix(r.URL.Path, "/Messages/SM1.json"):
			answers(200, `{"sid":"SM1","price":"-0.0079","price_unit":"USD"}`)(w, r)
		default:
			answers(200, `{"sid":"SM2","price":null,"price_unit":"USD"}`)(w, r)
		}
	})
	if left, currency, err := p.Balance(t.Context()); err != nil || left != 12.75 || currency != "USD" {
		t.Errorf("the balance is %v %s, %v", left, currency, err)
	}
	if price, currency, known, err := p.Price(t.Context(), "SM1"); err != nil || !known || price != 0.0079 || currency != "USD" {
		t.Errorf("the price is %v %s, %t, %v", price, currency, known, err)
	}
	if _, _, known, err := p.Price(t.Context(), "SM2"); err != nil || known {
		t.Errorf("the price is known: %t, %v", known, err)
	}
}
