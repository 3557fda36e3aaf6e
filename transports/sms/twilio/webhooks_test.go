package twilio

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

var discard = slog.New(slog.DiscardHandler)

type receiver = providertest.Receiver

const public = "https://gw.example.org/sms.example.org"

func testOptions() Options {
	return Options{
		AccountSID: "AC00000000000000000000000000000001",
		AuthToken:  transport.NewSecret("0123456789abcdef"),
		PublicURL:  public + "/",
		Poll:       10 * time.Second,
	}
}

func signatureOf(token transport.Secret, r signed) string {
	return base64.StdEncoding.EncodeToString(sign(token, r.url, r.params))
}

// post makes a signed request, as the gateway hands it over.
func post(path string, params url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.1"+path, strings.NewReader(params.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	r.Header.Set("X-Twilio-Signature", signatureOf(testOptions().AuthToken, signed{url: public + path, params: params}))
	return r
}

func serve(rec *receiver, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	New(testOptions(), rec, discard).Webhooks().ServeHTTP(w, r)
	return w.Result()
}

var inbound = url.Values{
	"MessageSid": {"SM9"}, "From": {"+15551234567"}, "To": {"+15005550001"}, "Body": {"Grüße 😀 & more"}, "NumMedia": {"2"},
	"MediaUrl0": {"https://api.twilio.com/media/ME1"}, "MediaContentType0": {"image/jpeg"},
}

func TestTextComesInOnceItIsStored(t *testing.T) {
	rec := &receiver{}
	w := httptest.NewRecorder()
	New(testOptions(), rec, discard).Webhooks().ServeHTTP(w, post(pathIn, inbound))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/xml" ||
		w.Body.String() != `<?xml version="1.0" encoding="UTF-8"?><Response></Response>` {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	want := []provider.Inbound{{ID: "SM9", From: "+15551234567", To: "+15005550001", Text: "Grüße 😀 & more", Lost: 1, Media: []provider.Media{{URL: "https://api.twilio.com/media/ME1", Type: "image/jpeg"}}}}
	if diff := cmp.Diff(want, rec.In); diff != "" {
		t.Error(diff)
	}
}

// Twilio leaves out of the address what it calls again after; others sign it.
func TestTextComesInWhoeverSignsWhatRepeatsIt(t *testing.T) {
	rec := &receiver{}
	for _, tt := range []struct {
		url  string
		want int
	}{{public + pathIn + overrides, http.StatusOK}, {public + pathIn + "#rc=1", http.StatusForbidden}} {
		r := post(pathIn, inbound)
		r.Header.Set("X-Twilio-Signature", signatureOf(testOptions().AuthToken, signed{url: tt.url, params: inbound}))
		if got := serve(rec, r); got.StatusCode != tt.want {
			t.Errorf("signed as %s: %s", tt.url, got.Status)
		}
	}
}

func TestTextComesInByGet(t *testing.T) {
	rec := &receiver{}
	target := pathIn + "?" + inbound.Encode()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("X-Twilio-Signature", signatureOf(testOptions().AuthToken, signed{url: public + target}))
	if res := serve(rec, r); res.StatusCode != http.StatusOK || len(rec.In) != 1 || rec.In[0].Text != "Grüße 😀 & more" {
		t.Errorf("got %d, %v", res.StatusCode, rec.In)
	}
}

func TestAnswerTellsWhatBecameOfAText(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"stored":        {nil, 200},
		"not stored":    {errors.New("disk full"), 503},
		"nobody has it": {provider.ErrUnknownNumber, 404},
	} {
		if res := serve(&receiver{Err: tt.err}, post(pathIn, inbound)); res.StatusCode != tt.want {
			t.Errorf("%s: got %d, want %d", name, res.StatusCode, tt.want)
		}
	}
}

func TestReportIsRead(t *testing.T) {
	tests := []struct {
		name   string
		params url.Values
		want   provider.Report
	}{
		{"sent", url.Values{"MessageStatus": {"sent"}}, provider.Report{ID: "SM1"}},
		{"delivered", url.Values{"MessageStatus": {"delivered"}}, provider.Report{ID: "SM1", Status: transport.Delivered}},
		{"under its old name", url.Values{"SmsStatus": {"delivered"}}, provider.Report{ID: "SM1", Status: transport.Delivered}},
		{"read", url.Values{"MessageStatus": {"read"}}, provider.Report{ID: "SM1", Status: transport.Displayed}},
		{"undelivered", url.Values{"MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}},
			provider.Report{ID: "SM1", Status: transport.Failed, Err: provider.Error(30003, nil)}},
		{"failed for now", url.Values{"MessageStatus": {"failed"}, "ErrorCode": {"30001"}},
			provider.Report{ID: "SM1", Status: transport.Failed, Err: provider.Error(30001, nil), Retry: true}},
		{"failed without a code", url.Values{"MessageStatus": {"failed"}},
			provider.Report{ID: "SM1", Status: transport.Failed, Err: provider.Error(30008, nil)}},
		{"a status of tomorrow", url.Values{"MessageStatus": {"teleported"}}, provider.Report{ID: "SM1"}},
	}
	for _, tt := range tests {
		rec := &receiver{}
		tt.params.Set("MessageSid", "SM1")
		if res := serve(rec, post(pathStatus, tt.params)); res.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d", tt.name, res.StatusCode)
		}
		if diff := cmp.Diff([]provider.Report{tt.want}, rec.Reports); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestForgedOrBrokenRequestIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*http.Request) *http.Request
		want   int
	}{
		{"no signature", func(r *http.Request) *http.Request { r.Header.Del("X-Twilio-Signature"); return r }, 403},
		{"wrong signature", func(r *http.Request) *http.Request {
			r.Header.Set("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			return r
		}, 403},
		{"signed for another path", func(r *http.Request) *http.Request { r.URL.Path = pathStatus; return r }, 403},
		{"query added", func(r *http.Request) *http.Request { r.URL.RawQuery = "x=1"; return r }, 403},
		{"another host is no matter", func(r *http.Request) *http.Request { r.Host = "evil.example"; return r }, 200},
		{"JSON", func(r *http.Request) *http.Request { r.Header.Set("Content-Type", "application/json"); return r }, 400},
		{"no type", func(r *http.Request) *http.Request { r.Header.Del("Content-Type"); return r }, 400},
		{"a broken form", func(*http.Request) *http.Request { return raw("a=%zz") }, 400},
		{"too large", func(*http.Request) *http.Request { return raw("a=" + strings.Repeat("x", largestBody)) }, 413},
		{"another method", func(r *http.Request) *http.Request { r.Method = http.MethodPut; return r }, 405},
		{"another path", func(r *http.Request) *http.Request { r.URL.Path = "/twilio/out"; return r }, 404},
	}
	for _, tt := range tests {
		rec := &receiver{}
		res := serve(rec, tt.change(post(pathIn, inbound)))
		if res.StatusCode != tt.want || (len(rec.In) > 0) != (tt.want == 200) || len(rec.Reports) > 0 {
			t.Errorf("%s: got %d, %v, %v", tt.name, res.StatusCode, rec.In, rec.Reports)
		}
	}
}

func raw(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, pathIn, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestABurstOfRequestsWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(testOptions(), &receiver{}, discard)
		for range maxWebhooks {
			p.webhooks <- struct{}{}
		}
		time.AfterFunc(time.Second, func() { <-p.webhooks })
		w := httptest.NewRecorder()
		p.Webhooks().ServeHTTP(w, post(pathIn, inbound))
		if w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
	})
}

func TestRequestsThatWaitTooLongOrAreTooManyAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(testOptions(), &receiver{}, discard)
		for range maxWebhooks {
			p.webhooks <- struct{}{}
		}
		for _, tt := range []struct {
			waiting int64
			takes   time.Duration
		}{{0, webhookTime}, {maxWaiting, 0}} {
			p.waiting.Store(tt.waiting)
			start := time.Now()
			w := httptest.NewRecorder()
			p.Webhooks().ServeHTTP(w, post(pathIn, inbound))
			if took := time.Since(start); w.Code != http.StatusServiceUnavailable || took != tt.takes {
				t.Errorf("with %d waiting: got %d after %v", tt.waiting, w.Code, took)
			}
		}
	})
}

// endless is a body of which nothing more comes.
type endless struct{ asked chan<- struct{} }

func (e endless) Read([]byte) (int, error) {
	e.asked <- struct{}{}
	select {}
}

func TestSlowStrangersHoldUpNobody(t *testing.T) {
	p := New(testOptions(), &receiver{}, discard)
	hooks, asked := p.Webhooks(), make(chan struct{})
	for range maxWebhooks {
		r := httptest.NewRequest(http.MethodPost, pathIn, endless{asked})
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		go hooks.ServeHTTP(httptest.NewRecorder(), r)
		<-asked
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	hooks.ServeHTTP(w, post(pathIn, inbound).WithContext(ctx))
	if w.Code != http.StatusOK {
		t.Errorf("got %d", w.Code)
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add(inbound.Encode(), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", "application/x-www-form-urlencoded", true)
	f.Add("a=1&a=2&%zz", "", "bodySHA256=00", "application/json", false)
	f.Fuzz(func(t *testing.T, body, signature, query, kind string, get bool) {
		rec := &receiver{}
		r := httptest.NewRequest(http.MethodPost, pathIn, strings.NewReader(body))
		if get {
			r.Method = http.MethodGet
		}
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		r.Header.Set("X-Twilio-Signature", signature)
		serve(rec, r)
		if len(rec.In) > 0 || len(rec.Reports) > 0 {
			t.Error("an unsigned request was taken")
		}
		params, err := url.ParseQuery(body)
		if err != nil || len(body) > largestBody {
			return
		}
		if res := serve(rec, post(pathIn, params)); res.StatusCode != http.StatusOK || len(rec.In) != 1 {
			t.Errorf("a signed request was answered %d", res.StatusCode)
		}
	})
}
