package kannel

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

type receiver = providertest.Receiver

// incoming are the parameters of a text, as the README's post-url has them.
func incoming(more ...string) url.Values {
	v := url.Values{
		"secret": {"a secret for webhooks"}, "id": {"3ffd90b4"},
		"from": {"15551234567"}, "to": {"15005550001"}, "time": {"1764092471"}, "coding": {"0"},
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func call(p *Provider, method, path string, query url.Values, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://10.0.0.1"+path+"?"+query.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	p.Webhooks().ServeHTTP(w, r)
	return w
}

func callReport(p *Provider, id transport.MessageID, kind, reply string) *httptest.ResponseRecorder {
	query := url.Values{"id": {string(id)}, "token": {p.token(id)}, "type": {kind}, "reply": {reply}}
	return call(p, http.MethodGet, pathReport, query, "", "")
}

func TestTextComesIn(t *testing.T) {
	const utf16 = "\x00G\x00r\x00\xfc\x00\xdf\x00e\x00 \xd8\x3d\xde\x00"
	at := time.Unix(1764092471, 0)
	tests := []struct {
		name             string
		method           string
		query            url.Values
		kind, body       string
		text             string
		media            int
		national         bool
		wantFrom, wantTo string
	}{
		{name: "posted in UTF-8", method: "POST", query: incoming(), kind: `text/plain; charset="UTF-8"`, body: "è la  vita", text: "è la  vita"},
		{name: "posted in UTF-16", method: "POST", query: incoming("coding", "2"), kind: `text/plain; charset="UTF-16BE"`, body: utf16, text: "Grüße 😀"},
		{name: "posted in Latin-1", method: "POST", query: incoming(), kind: `text/plain; charset="ISO-8859-1"`, body: "\xe9", text: "é"},
		{name: "binary", method: "POST", query: incoming("coding", "1"), kind: "application/octet-stream", body: "\x00\x01", media: 1},
		{name: "got in UTF-8", method: "GET", query: incoming("text", "a & b", "charset", "UTF-8"), text: "a & b"},
		{name: "got in UTF-16", method: "GET", query: incoming("text", utf16, "charset", "UTF-16BE"), text: "Grüße 😀"},
		{name: "from a short code", method: "GET", query: incoming("text", "x", "from", "32665"), text: "x", wantFrom: "32665"},
		{name: "from a number with its zeros", method: "GET", query: incoming("text", "x", "from", "004930123456"), text: "x", wantFrom: "+4930123456"},
		{name: "from letters", method: "GET", query: incoming("text", "x", "from", "MyBank24"), text: "x", wantFrom: "MyBank24"},
		{name: "from nobody", method: "GET", query: incoming("text", "x", "from", ""), text: "x", wantFrom: " "},
		{name: "with a +", method: "GET", query: incoming("text", "x", "to", "+15005550001"), text: "x"},
		{name: "national", method: "GET", query: incoming("text", "x", "from", "5551234567"), text: "x", national: true, wantFrom: "5551234567", wantTo: "15005550001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			o := testOptions()
			if tt.national {
				o.PlainNumbers = national
			}
			w := call(New(o, rec, discard), tt.method, pathIn, tt.query, tt.kind, tt.body)
			if w.Code != http.StatusOK || w.Body.Len() > 0 {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
			want := provider.Inbound{ID: "3ffd90b4", From: "+15551234567", To: "+15005550001", Text: tt.text, Lost: tt.media, At: at}
			if tt.wantFrom != "" {
				want.From = strings.TrimSpace(tt.wantFrom)
			}
			if tt.wantTo != "" {
				want.To = tt.wantTo
			}
			if diff := cmp.Diff([]provider.Inbound{want}, rec.In); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextThatIsNotStoredIsNotAcknowledged(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"stored", nil, http.StatusOK},
		{"the store is down", errors.New("disk full"), http.StatusServiceUnavailable},
		{"nobody has the number, and asking again is no use", provider.ErrUnknownNumber, http.StatusOK},
	} {
		w := call(New(testOptions(), &receiver{Err: tt.err}, discard), "GET", pathIn, incoming("text", "x"), "", "")
		if w.Code != tt.want {
			t.Errorf("%s: answered %d", tt.name, w.Code)
		}
	}
}

func TestForgedOrBrokenWebhookIsRefused(t *testing.T) {
	p := New(testOptions(), nil, discard)
	good := url.Values{"id": {"abc"}, "token": {p.token("abc")}, "type": {"1"}}
	other := url.Values{"id": {"abd"}, "token": {p.token("abc")}, "type": {"1"}}
	tests := []struct {
		name   string
		method string
		path   string
		query  url.Values
		kind   string
		body   string
		want   int
	}{
		{"wrong secret", "POST", pathIn, incoming("secret", "a secret for webhook"), "text/plain", "x", 403},
		{"no secret", "POST", pathIn, incoming("secret", ""), "text/plain", "x", 403},
		{"a text's token for texts", "POST", pathIn, incoming("secret", p.token("3ffd90b4")), "text/plain", "x", 403},
		{"report of another text", "GET", pathReport, other, "", "", 403},
		{"report without a token", "GET", pathReport, url.Values{"id": {"abc"}, "type": {"1"}}, "", "", 403},
		{"report with the secret", "GET", pathReport, url.Values{"id": {"abc"}, "type": {"1"}, "token": {"a secret for webhooks"}}, "", "", 403},
		{"another method", "PUT", pathIn, incoming(), "text/plain", "x", 405},
		{"another path", "POST", "/kannel/other", incoming(), "text/plain", "x", 404},
		{"an endless body", "POST", pathIn, incoming(), "text/plain", strings.Repeat("x", largestBody+1), 413},
		{"no number", "POST", pathIn, incoming("to", ""), "text/plain", "x", 400},
		{"no id", "POST", pathIn, incoming("id", ""), "text/plain", "x", 400},
		{"an unknown charset", "POST", pathIn, incoming(), "text/plain; charset=KLINGON", "x", 400},
		{"no UTF-8", "POST", pathIn, incoming(), "text/plain", "\xff", 400},
		{"no type", "GET", pathReport, url.Values{"id": {"abc"}, "token": good["token"], "type": {"%d"}}, "", "", 400},
		{"a genuine report", "GET", pathReport, good, "", "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			w := call(New(testOptions(), rec, discard), tt.method, tt.path, tt.query, tt.kind, tt.body)
			if w.Code != tt.want {
				t.Errorf("answered %d", w.Code)
			}
			if tt.want != 200 && len(rec.In)+len(rec.Reports) > 0 {
				t.Error("it was taken")
			}
		})
	}
}

func TestReportTellsHowATextFared(t *testing.T) {
	tests := []struct {
		name, kind, reply string
		want              []provider.Report
	}{
		{"with the SMSC", "8", "ACK/", nil},
		{"delivered", "1", "", []provider.Report{{Status: transport.Delivered}}},
		{"delivered, with both bits", "9", "", []provider.Report{{Status: transport.Delivered}}},
		{"undelivered", "2", "id:7 sub:001 dlvrd:000 submit date:2511251200 done date:2511251201 stat:EXPIRED err:04B text:hi",
			[]provider.Report{{Status: transport.Failed, Err: &transport.Error{Reason: transport.RecipientUnavailable, Code: "04B"}}}},
		{"undelivered, without a word", "2", "",
			[]provider.Report{{Status: transport.Failed, Err: &transport.Error{Reason: transport.Unexplained}}}},
		{"refused by the SMSC", "16", "NACK/0x0000000b/Invalid Destination Address",
			[]provider.Report{{Status: transport.Failed, Err: &transport.Error{Reason: transport.BadAddress, Code: "0x0000000b"}}}},
		{"refused by an SMSC of another kind", "16", "NACK/",
			[]provider.Report{{Status: transport.Failed, Err: &transport.Error{Reason: transport.Rejected}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &receiver{}
			if w := callReport(New(testOptions(), rec, discard), "abc", tt.kind, tt.reply); w.Code != http.StatusOK {
				t.Errorf("answered %d", w.Code)
			}
			for i := range tt.want {
				tt.want[i].ID = "abc"
			}
			if diff := cmp.Diff(tt.want, rec.Reports, cmpopts.IgnoreFields(transport.Error{}, "Text")); diff != "" {
				t.Error(diff)
			}
		})
	}
	rec := &receiver{Err: errors.New("disk full")}
	if w := callReport(New(testOptions(), rec, discard), "abc", "1", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a report that was not stored is answered %d", w.Code)
	}
}
