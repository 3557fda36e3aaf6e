package twilio

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const project = "ea108133-d6b3-407c-9536-9fad8a929a6a"

// answer is a text as SignalWire's documentation shows it.
const answer = `{"account_sid":"ea108133-d6b3-407c-9536-9fad8a929a6a","api_version":"2010-04-01","body":"Hello World!",` +
	`"num_segments":1,"num_media":1,"date_created":"Mon, 13 Aug 2018 21:38:46 +0000","date_sent":null,"date_updated":"Mon, 13 Aug 2018 21:38:46 +0000",` +
	`"direction":"outbound-api","error_code":null,"error_message":null,"from":"+15005550001","price":0.005,"price_unit":"USD",` +
	`"sid":"0a059168-ead0-41af-9d1f-343dae832527","status":"queued","to":"+15551234567","messaging_service_sid":null,` +
	`"uri":"/api/laml/2010-04-01/Accounts/ea108133-d6b3-407c-9536-9fad8a929a6a/Messages/0a059168-ead0-41af-9d1f-343dae832527",` +
	`"subresource_uris":{"media":"/api/laml/2010-04-01/Accounts/ea108133-d6b3-407c-9536-9fad8a929a6a/Messages/0a059168-ead0-41af-9d1f-343dae832527/Media"}}`

func signalWireOptions() SignalWire {
	s := SignalWireDefaults()
	s.Space, s.ProjectID, s.APIToken, s.SigningKey = "example", project, transport.NewSecret("PT_x-y.z"), transport.NewSecret("a signing key")
	s.PublicURL = public
	return s
}

// signalWire makes a provider whose space is the handler.
func signalWire(t *testing.T, h http.HandlerFunc) *Provider {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o := signalWireOptions()
	o.APIBase = server.URL + "/api/laml"
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	return NewSignalWire(o, &receiver{}, discard)
}

func TestSignalWireTakesAText(t *testing.T) {
	const path = "/api/laml/2010-04-01/Accounts/" + project + "/Messages.json"
	p := signalWire(t, func(w http.ResponseWriter, r *http.Request) {
		if user, token, _ := r.BasicAuth(); user != project || token != "PT_x-y.z" || r.URL.Path != path || r.PostFormValue("Body") != "Hello World!" ||
			r.PostFormValue("StatusCallback") != public+"/signalwire/status" {
			t.Errorf("%s called %s with %v", user, r.URL.Path, r.PostForm)
		}
		answers(201, answer)(w, r)
	})
	sent, err := p.Send(t.Context(), provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: "Hello World!"})
	if err != nil || sent.ID != "0a059168-ead0-41af-9d1f-343dae832527" || sent.Segments != 1 {
		t.Errorf("got %+v, %v", sent, err)
	}
}

func TestSignalWireIsAsked(t *testing.T) {
	list := `{"uri":"x","first_page_uri":"x","next_page_uri":null,"page":0,"page_size":50,"messages":[` + answer + `]}`
	failed := strings.NewReplacer(`"status":"queued"`, `"status":"undelivered"`, `"error_code":null`, `"error_code":"30003"`).Replace(answer)
	p := signalWire(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/Messages.json"):
			answers(200, list)(w, r)
		case strings.HasSuffix(r.URL.Path, "/lost.json"):
			answers(404, `{"code":20404}`)(w, r)
		default:
			answers(200, failed)(w, r)
		}
	})
	found, err := p.Find(t.Context(), provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: "Hello World!", Media: []string{"https://files.example.org/a.jpg"}}, time.Date(2018, 8, 13, 21, 0, 0, 0, time.UTC))
	if err != nil || len(found) != 1 || found[0].ID != "0a059168-ead0-41af-9d1f-343dae832527" {
		t.Errorf("found %v, %v", found, err)
	}
	if r, err := p.Status(t.Context(), "x"); err != nil || r.Status != transport.Failed || r.Err.Code != "30003" {
		t.Errorf("it fares %+v, %v", r, err)
	}
	if _, err := p.Status(t.Context(), "lost"); !errors.Is(err, provider.ErrUnknownMessage) {
		t.Errorf("of no text: %v", err)
	}
}

func TestSignalWiresWebhooksAreSignedWithItsKey(t *testing.T) {
	params := url.Values{"MessageSid": {"0a059168"}, "From": {"+15551234567"}, "To": {"+15005550001"}, "Body": {"hi"}, "NumMedia": {"0"}}
	called := signed{url: public + "/signalwire/in", params: params}
	tests := []struct {
		name, header string
		by           string
		path         string
		want         int
	}{
		{"its own header", "X-SignalWire-Signature", "a signing key", "/signalwire/in", 200},
		{"Twilio's header", "X-Twilio-Signature", "a signing key", "/signalwire/in", 200},
		{"signed with the API token", "X-SignalWire-Signature", "PT_x-y.z", "/signalwire/in", 403},
		{"another header", "X-Signature", "a signing key", "/signalwire/in", 403},
		{"Twilio's path", "X-SignalWire-Signature", "a signing key", "/twilio/in", 404},
	}
	for _, tt := range tests {
		rec := &receiver{}
		r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(params.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(tt.header, signatureOf(transport.NewSecret(tt.by), called))
		w := httptest.NewRecorder()
		NewSignalWire(signalWireOptions(), rec, discard).Webhooks().ServeHTTP(w, r)
		if w.Code != tt.want || len(rec.In) != map[bool]int{true: 1}[tt.want == 200] {
			t.Errorf("%s: answered %d, took %v", tt.name, w.Code, rec.In)
		}
		// SignalWire refuses <Response/> with error 12100.
		if tt.want == 200 && w.Body.String() != `<?xml version="1.0" encoding="UTF-8"?><Response></Response>` {
			t.Errorf("%s: answered %s", tt.name, w.Body)
		}
	}
}

func TestLooseAnswerGetsTwiliosTypes(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"numbers", `{"num_segments":2,"price":-0.0075}`, `{"num_segments":"2","price":"-0.0075"}`},
		{"Twilio's own", `{"num_segments":"2","error_code":30003,"price":null}`, `{"error_code":30003,"num_segments":"2","price":null}`},
		{"a code in words", `{"error_code":"carrier"}`, `{}`},
		{"a date", `{"date_created":"2018-08-13T21:38:46Z"}`, `{"date_created":"Mon, 13 Aug 2018 21:38:46 +0000"}`},
		{"a list", `{"messages":[{"num_media":0},null,3]}`, `{"messages":[{"num_media":"0"},null,3]}`},
		{"no JSON", `<html>`, `<html>`},
		{"cut off", `{"num_segments":`, `{"num_segments":`},
		{"a list alone", `[1]`, `[1]`},
	}
	for _, tt := range tests {
		got, err := io.ReadAll(tightened(strings.NewReader(tt.in)))
		if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v, %s", tt.name, err, diff)
		}
	}
	broken := errors.New("cut off")
	if _, err := io.ReadAll(tightened(failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a broken connection: %v", err)
	}
}

func TestWrongSignalWireOptionIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*SignalWire)
		key  string
	}{
		{"nothing wrong", func(*SignalWire) {}, ""},
		{"the whole host", func(s *SignalWire) { s.Space = "example.signalwire.com" }, ""},
		{"polling", func(s *SignalWire) { s.PublicURL, s.SigningKey = "", transport.Secret{} }, ""},
		{"no space", func(s *SignalWire) { s.Space = "" }, "signalwire.space"},
		{"an address", func(s *SignalWire) { s.Space = "https://example.signalwire.com/" }, "signalwire.space"},
		{"Twilio's account", func(s *SignalWire) { s.ProjectID = "AC00000000000000000000000000000001" }, "signalwire.project_id"},
		{"no token", func(s *SignalWire) { s.APIToken = transport.Secret{} }, "signalwire.api_token"},
		{"no signing key", func(s *SignalWire) { s.SigningKey = transport.Secret{} }, "signalwire.signing_key"},
		{"public address with a query", func(s *SignalWire) { s.PublicURL += "?x" }, "signalwire.public_url"},
		{"haste", func(s *SignalWire) { s.Poll = 0 }, "signalwire.poll"},
	}
	for _, tt := range tests {
		o := signalWireOptions()
		tt.set(&o)
		e, _ := errors.AsType[*transport.OptionError](o.Check())
		if (e == nil) != (tt.key == "") || e != nil && (e.Key != tt.key || strings.Contains(fmt.Sprint(e), "Twilio")) {
			t.Errorf("%s: got %v", tt.name, e)
		}
	}
	if got := signalWireOptions().options().APIBase; got != "https://example.signalwire.com/api/laml" {
		t.Errorf("the API is at %s", got)
	}
}
