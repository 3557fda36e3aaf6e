package kannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
)

var discard = slog.New(slog.DiscardHandler)

var hello = provider.Outgoing{From: "+15005550001", To: "+15551234567", Text: "hello & good morrow", Ref: "1.1.1"}

func testOptions() Options {
	o := Defaults()
	o.Username, o.Password = "tester", transport.NewSecret("testpw")
	o.PublicURL = "http://gw.example.org/sms.example.org/"
	o.WebhookSecret = transport.NewSecret("a secret for webhooks")
	return o
}

// sendsms makes a provider whose Kannel is the handler.
func sendsms(t *testing.T, h http.HandlerFunc) *Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o := testOptions()
	o.SendURL = s.URL + "/cgi-bin/sendsms"
	return New(o, &receiver{}, discard)
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestTextIsHandedOver(t *testing.T) {
	var got url.Values
	p := sendsms(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		answers(202, "0: Accepted for delivery")(w, r)
	})
	p.options.SMSC = "MODEM"
	sent, err := p.Send(t.Context(), hello)
	if err != nil || sent.ID == "" {
		t.Fatalf("got %+v, %v", sent, err)
	}
	want := url.Values{
		"username": {"tester"}, "password": {"testpw"}, "smsc": {"MODEM"},
		"from": {hello.From}, "to": {hello.To}, "text": {hello.Text}, "charset": {"UTF-8"}, "coding": {"0"},
		"dlr-mask": {"27"},
		"dlr-url":  {"http://gw.example.org/sms.example.org/kannel/dlr?id=" + string(sent.ID) + "&token=" + p.token(sent.ID) + "&type=%d&reply=%A"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextOutsideTheGSMAlphabetGoesAsUCS2(t *testing.T) {
	for text, want := range map[string]string{"è la [€]": "0", "Grüße 😀": "2", "привет": "2"} {
		p := New(testOptions(), &receiver{}, discard)
		if got := p.parameters("id", provider.Outgoing{Text: text}).Get("coding"); got != want {
			t.Errorf("%q: coding %s", text, got)
		}
	}
}

func TestFailureTellsWhatBecameOfTheText(t *testing.T) {
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
	}
	cutOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		answers(202, "0: Accepted")(w, nil)
	}
	tests := []struct {
		name   string
		kannel http.HandlerFunc
		want   string
		reason transport.Reason
	}{
		{name: "temporal failure", kannel: answers(503, "Temporal failure, try again later."), want: providertest.Retry},
		{name: "wrong password", kannel: answers(403, "Authorization failed for sendsms"), want: providertest.Refused, reason: transport.NotAuthorized},
		{name: "no way", kannel: answers(403, "Not routable. Do not try again."), want: providertest.Refused, reason: transport.Unroutable},
		{name: "bad number", kannel: answers(400, "Number(s) has/have been denied by white- and/or black-lists."), want: providertest.Refused, reason: transport.BadAddress},
		{name: "another refusal", kannel: answers(400, "Missing receiver number, rejected"), want: providertest.Refused, reason: transport.Rejected},
		{name: "not Kannel", kannel: answers(404, "<html>"), want: providertest.Retry},
		{name: "redirected", kannel: answers(302, ""), want: providertest.Retry},
		{name: "a proxy's limit", kannel: answers(429, ""), want: providertest.Retry},
		{name: "a proxy without its Kannel", kannel: answers(502, "<html>"), want: providertest.Unknown},
		{name: "a proxy that is not available", kannel: answers(503, "<html>"), want: providertest.Unknown},
		{name: "a strange success", kannel: answers(200, "<html>"), want: providertest.Unknown},
		{name: "a strange code", kannel: answers(202, "7: ?"), want: providertest.Unknown},
		{name: "the answer is cut off", kannel: cutOff, want: providertest.Unknown},
		{name: "the connection is closed", kannel: hangUp, want: providertest.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			p := sendsms(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); tt.kannel(w, r) })
			_, err := p.Send(t.Context(), hello)
			if err == nil || providertest.KindOf(err) != tt.want {
				t.Fatalf("got %v, want it %s", err, tt.want)
			}
			if e, ok := errors.AsType[*transport.Error](err); ok && (e.Reason != tt.reason || e.Text == "") {
				t.Errorf("got %+v", e)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("%d calls", n)
			}
			for _, private := range []string{"5551234567", "testpw", "good"} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), private) {
					t.Errorf("the error holds %q: %v", private, err)
				}
			}
		})
	}
}

func TestTextIsSentOnceOverAConnectionThatEnds(t *testing.T) {
	var calls atomic.Int32
	p := sendsms(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 2 { // on a kept connection, net/http would call again
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
			return
		}
		answers(202, "0: Accepted for delivery")(w, r)
	})
	if _, err := p.Send(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), hello); err == nil || providertest.KindOf(err) != providertest.Unknown {
		t.Errorf("got %v", err)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestSlowAnswerLeavesTheFateUnknown(t *testing.T) {
	release := make(chan struct{})
	p := sendsms(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Send(ctx, hello); err == nil || providertest.KindOf(err) != providertest.Unknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestUnreachableKannelHasSurelyNotTakenTheText(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.SendURL = "http://" + l.Addr().String() + "/cgi-bin/sendsms"
	l.Close()
	if _, err := New(o, &receiver{}, discard).Send(t.Context(), hello); err == nil || providertest.KindOf(err) != providertest.Retry {
		t.Errorf("got %v", err)
	}
}

func TestTextInDoubtIsFoundOnceKannelReportsIt(t *testing.T) {
	p := New(testOptions(), &receiver{}, discard)
	if found, err := p.Find(t.Context(), hello, time.Time{}); !errors.Is(err, provider.ErrCannotAsk) {
		t.Errorf("got %v, %v", found, err)
	}
	// The process that sent it has ended; another one hears of it.
	later := New(testOptions(), &receiver{}, discard)
	id := p.name(hello)
	if w := callReport(later, id, "8", "ACK/"); w.Code != http.StatusOK {
		t.Fatalf("the report is answered %d", w.Code)
	}
	found, err := later.Find(t.Context(), hello, time.Time{})
	if diff := cmp.Diff([]provider.Sent{{ID: id}}, found); err != nil || diff != "" {
		t.Error(err, diff)
	}
	again := hello
	again.Ref = "1.2.1"
	if found, err := later.Find(t.Context(), again, time.Time{}); !errors.Is(err, provider.ErrCannotAsk) {
		t.Errorf("the same text sent anew: got %v, %v", found, err)
	}
	callReport(later, id, "1", "")
	if r, err := later.Status(t.Context(), id); err != nil || r.Status != transport.Delivered {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := later.Status(t.Context(), "another"); !errors.Is(err, provider.ErrCannotAsk) {
		t.Errorf("got %v", err)
	}
}

func TestReportsAreKeptForAWhileAndUpToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := newReports()
		for i := range 3 * maxReports {
			rs.put(provider.Report{ID: transport.MessageID(fmt.Sprint(i)), Status: transport.Delivered})
		}
		if len(rs.byID) > maxReports || len(rs.order) > maxReports {
			t.Errorf("%d are kept", len(rs.byID))
		}
		last := transport.MessageID(fmt.Sprint(3*maxReports - 1))
		if _, ok := rs.get(last); !ok {
			t.Error("the last is gone")
		}
		rs.put(provider.Report{ID: last, Status: transport.Failed})
		if r, _ := rs.get(last); r.Status != transport.Delivered {
			t.Errorf("a second final report took over: %+v", r)
		}
		time.Sleep(reportsKept + time.Second)
		if _, ok := rs.get(last); ok || len(rs.byID) > 0 {
			t.Error("it is kept for ever")
		}
	})
}

func TestWrongOptionIsBlamed(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
		key  string
	}{
		{"nothing wrong", func(*Options) {}, ""},
		{"no address of sendsms", func(o *Options) { o.SendURL = "" }, "kannel.send_url"},
		{"sendsms without a scheme", func(o *Options) { o.SendURL = "127.0.0.1:13013" }, "kannel.send_url"},
		{"sendsms with parameters", func(o *Options) { o.SendURL += "?username=x" }, "kannel.send_url"},
		{"no user", func(o *Options) { o.Username = "" }, "kannel.username"},
		{"no password", func(o *Options) { o.Password = transport.Secret{} }, "kannel.password"},
		{"no public address", func(o *Options) { o.PublicURL = "" }, "kannel.public_url"},
		{"public address with a query", func(o *Options) { o.PublicURL += "?x=y" }, "kannel.public_url"},
		{"public address that Kannel would fill in", func(o *Options) { o.PublicURL = "http://gw/%p" }, "kannel.public_url"},
		{"no webhook secret", func(o *Options) { o.WebhookSecret = transport.Secret{} }, "kannel.webhook_secret"},
		{"webhook secret that can be guessed", func(o *Options) { o.WebhookSecret = transport.NewSecret("secret") }, "kannel.webhook_secret"},
		{"numbers of a third kind", func(o *Options) { o.PlainNumbers = "local" }, "kannel.plain_numbers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions()
			tt.set(&o)
			err := o.Check()
			e, ok := errors.AsType[*transport.OptionError](err)
			if ok != (tt.key != "") || ok && (e.Key != tt.key || e.Problem == "") {
				t.Errorf("got %v", err)
			}
		})
	}
}
