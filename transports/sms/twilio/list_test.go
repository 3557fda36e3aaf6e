package twilio

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

func noneKnown(transport.MessageID) bool { return false }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const own = "+15005550001"

// listed is a text as the API lists it, sent so long after noon.
func listed(sid, status, direction, to, body string, after time.Duration) string {
	return fmt.Sprintf(`{"sid":%q,"status":%q,"direction":%q,"from":"+15551234567","to":%q,"body":%q,"num_media":"1","date_sent":%q,"date_created":%q}`,
		sid, status, direction, to, body, noon.Add(after).Format(time.RFC1123Z), noon.Add(after-time.Second).Format(time.RFC1123Z))
}

func page(next string, texts ...string) string {
	if next != "" {
		next = `,"next_page_uri":"/2010-04-01/Accounts/AC1/Messages.json?PageToken=` + next + `"`
	}
	return `{"messages":[` + strings.Join(texts, ",") + `]` + next + `}`
}

func TestTextsThatCameInAreListed(t *testing.T) {
	pages := map[string]string{
		"": page("two.123",
			listed("SM9", "receiving", "inbound", own, "half of it", 9*time.Minute),
			listed("SM8", "received", "inbound", own, "known", 8*time.Minute),
			listed("SM7", "received", "inbound", own, "later", 7*time.Minute),
			listed("SM6", "delivered", "outbound-api", own, "to oneself", 6*time.Minute)),
		"two.123": page("three",
			listed("SM5", "received", "inbound", "+15005550009", "another's", 5*time.Minute),
			listed("SM4", "received", "inbound", own, "sooner", 4*time.Minute),
			`{"sid":"SM3","status":"received","direction":"inbound","to":"`+own+`","body":"undated"}`,
			listed("SM2", "received", "inbound", own, "at that second", 0),
			listed("SM1", "received", "inbound", own, "old", -time.Second)),
		"three": page("never", listed("SM0", "received", "inbound", own, "of yesterday", -24*time.Hour)),
	}
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		text, ok := pages[q.Get("PageToken")]
		if !ok || q.Get("To") != own || q.Has("From") || q.Get("DateSent>") != "2026-11-22T12:00:00Z" {
			w.WriteHeader(500)
		}
		io.WriteString(w, text)
	})
	got, err := p.Received(t.Context(), own, noon.Add(500*time.Millisecond), func(id transport.MessageID) bool { return id == "SM8" })
	if err != nil {
		t.Fatal(err)
	}
	text := func(id, body string, after time.Duration) provider.Inbound {
		list := p.base + "/2010-04-01/Accounts/" + testOptions().AccountSID + "/Messages/" + id + "/Media.json#0"
		return provider.Inbound{ID: transport.MessageID(id), From: "+15551234567", To: own, Text: body, Media: []provider.Media{{URL: list}}, At: noon.Add(after)}
	}
	want := provider.Listing{
		Texts: []provider.Inbound{text("SM2", "at that second", 0), text("SM4", "sooner", 4*time.Minute), text("SM7", "later", 7*time.Minute)},
		Open:  noon.Add(9 * time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOfALongListTheOldestAreKept(t *testing.T) {
	const count = listMost + 2*pageSize + 7
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		var first int
		fmt.Sscan(r.URL.Query().Get("Page"), &first)
		var texts []string
		for i := first; i < min(first+pageSize, count); i++ {
			texts = append(texts, listed(fmt.Sprintf("SM%05d", count-i), "received", "inbound", own, "x", time.Duration(count-i)*time.Second))
		}
		next := ""
		if first+pageSize < count {
			next = fmt.Sprintf(`,"next_page_uri":"/x?Page=%d"`, first+pageSize)
		}
		fmt.Fprintf(w, `{"messages":[%s]%s}`, strings.Join(texts, ","), next)
	})
	got, err := p.Received(t.Context(), own, noon, noneKnown)
	if err != nil || !got.More || len(got.Texts) != listMost || got.Texts[0].ID != "SM00001" || got.Texts[listMost-1].ID != "SM02000" {
		t.Errorf("got %d texts, more: %v, %v", len(got.Texts), got.More, err)
	}
}

func TestTooManyQuestionsWaitAsLongAsTheAPISays(t *testing.T) {
	p := fakeAPI(t, answers(429, `{"code":20429,"status":429}`, "Retry-After", "17"))
	_, list := p.Received(t.Context(), own, noon, noneKnown)
	_, find := p.Find(t.Context(), hello, noon)
	_, status := p.Status(t.Context(), "SM1")
	for what, err := range map[string]error{"list": list, "find": find, "status": status} {
		if retry, ok := errors.AsType[*provider.Retry](err); !ok || retry.After != 17*time.Second || !retry.Everyone {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestWithoutAPublicAddressTwilioIsAsked(t *testing.T) {
	var form map[string][]string
	p := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		form = r.PostForm
		answers(201, `{"sid":"SM1","status":"queued"}`)(w, r)
	})
	p.public, p.options.Reconcile = "", time.Minute
	if _, err := p.Send(t.Context(), hello); err != nil || form["StatusCallback"] != nil {
		t.Errorf("sent %v, %v", form, err)
	}
	if p.Webhooks() != nil || !p.Capabilities().NoReports || p.ListEvery() != 10*time.Second {
		t.Errorf("webhooks %v, %+v, asked every %v", p.Webhooks(), p.Capabilities(), p.ListEvery())
	}
	p.public = public
	if p.Webhooks() == nil || p.Capabilities().NoReports || p.ListEvery() != time.Minute {
		t.Errorf("with an address: webhooks %v, %+v, asked every %v", p.Webhooks(), p.Capabilities(), p.ListEvery())
	}
}
