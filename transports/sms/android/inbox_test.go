package android

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/android/androidtest"
	"gatehouse/transports/sms/provider"
)

// asked makes a provider that has no address to be called at.
func asked(t *testing.T, phone *androidtest.Phone, numbers map[string]int) *Provider {
	t.Helper()
	o := testOptions()
	o.PublicURL, o.SigningKey = "", transport.Secret{}
	if numbers != nil {
		o.Numbers = numbers
	}
	return on(t, phone.Handler(), o, &receiver{})
}

// fresh gives what is new, and takes it.
func fresh(t *testing.T, p *Provider, number string, since time.Time, taken map[transport.MessageID]bool) []string {
	t.Helper()
	l, err := p.Received(t.Context(), number, since, func(id transport.MessageID) bool { return taken[id] })
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, in := range l.Texts {
		texts = append(texts, in.Text)
		if taken[in.ID] || in.To != number || in.At.IsZero() {
			t.Errorf("got %+v", in)
		}
		taken[in.ID] = true
	}
	return texts
}

func TestInboxIsAsked(t *testing.T) {
	now := time.Now()
	phone := androidtest.New()
	p := asked(t, phone, nil)
	if p.Webhooks() != nil || p.ListEvery() != 5*time.Second || !p.Capabilities().NoReports {
		t.Error("it is not asked, or called as well")
	}
	keep := func(text string, age time.Duration) {
		phone.Keep(androidtest.Entry{Type: "SMS", Sender: friend, Text: text, CreatedAt: now.Add(-age)})
	}
	taken := map[transport.MessageID]bool{}
	since := now.Add(-time.Hour)
	keep("of long ago", 5*24*time.Hour)
	keep("of yesterday", 24*time.Hour)
	keep("second", time.Minute)
	keep("first", 2*time.Minute)
	phone.Keep(androidtest.Entry{Type: "DATA_SMS", Sender: friend, Text: "00ff", CreatedAt: now})
	phone.Keep(androidtest.Entry{Type: "MMS", Sender: friend, Text: "MMS notification", CreatedAt: now})
	if diff := cmp.Diff([]string{"first", "second"}, fresh(t, p, own, since, taken)); diff != "" {
		t.Error(diff)
	}
	keep("late, as the phone was off", 5*time.Hour)
	keep("third", 0)
	if diff := cmp.Diff([]string{"late, as the phone was off", "third"}, fresh(t, p, own, now, taken)); diff != "" {
		t.Error(diff)
	}
	if texts := fresh(t, p, own, now, taken); texts != nil {
		t.Errorf("again: %v", texts)
	}
}

func TestManyTextsAreListedPageByPage(t *testing.T) {
	phone := androidtest.New()
	p := asked(t, phone, nil)
	now := time.Now()
	for i := range 2100 {
		phone.Keep(androidtest.Entry{Type: "SMS", Sender: friend, Text: fmt.Sprint(i), CreatedAt: now.Add(time.Duration(i-2100) * time.Second)})
	}
	taken := map[transport.MessageID]bool{}
	texts := fresh(t, p, own, now.Add(-time.Hour), taken)
	if len(texts) != listMost || texts[0] != "0" {
		t.Fatalf("got %d texts", len(texts))
	}
	if texts = fresh(t, p, own, now.Add(-time.Hour), taken); len(texts) != 100 || texts[99] != "2099" {
		t.Errorf("and then %d", len(texts))
	}
}

func TestEachNumberHasItsTexts(t *testing.T) {
	phone := androidtest.New()
	p := asked(t, phone, map[string]int{own: 1, second: 2})
	slot, to := 2, own
	phone.Keep(androidtest.Entry{Type: "SMS", Sender: friend, Text: "to the second card", SIM: &slot, CreatedAt: time.Now()})
	phone.Keep(androidtest.Entry{Type: "SMS", Sender: friend, Text: "to the first number", Recipient: &to, CreatedAt: time.Now()})
	for number, want := range map[string]string{own: "to the first number", second: "to the second card"} {
		if diff := cmp.Diff([]string{want}, fresh(t, p, number, time.Now().Add(-time.Hour), map[transport.MessageID]bool{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPictureOfTheInboxIsFetched(t *testing.T) {
	phone := androidtest.New()
	p := asked(t, phone, nil)
	phone.Keep(androidtest.Entry{ID: "mms:1", Type: "MMS_DOWNLOADED", Sender: friend, Text: "look", CreatedAt: time.Now(), File: []byte("PNG"), FileType: "image/png"})
	l, err := p.Received(t.Context(), own, time.Now().Add(-time.Hour), func(transport.MessageID) bool { return false })
	want := []provider.Inbound{{From: friend, To: own, Text: "look", Media: []provider.Media{{URL: "/inbox/mms:1/attachments/7", Name: "picture.png", Type: "image/png"}}}}
	if diff := cmp.Diff(want, l.Texts, cmpopts.IgnoreFields(provider.Inbound{}, "ID", "At")); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	f, err := p.FetchMedia(t.Context(), nil, l.Texts[0].Media[0], 3)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f.Content)
	f.Content.Close()
	if string(content) != "PNG" || f.Type != "image/png" || err != nil {
		t.Errorf("got %q, %+v, %v", content, f, err)
	}
	if _, err := p.FetchMedia(t.Context(), nil, l.Texts[0].Media[0], 2); !errors.Is(err, guarded.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	for _, at := range []string{"/inbox/mms:2/attachments/7", "https://elsewhere.example.org/", "@elsewhere.example.org/"} {
		if _, err := p.FetchMedia(t.Context(), nil, provider.Media{URL: at}, 3); !errors.Is(err, provider.ErrNoMedia) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestInboxThatCannotBeReadIsNoEmptyOne(t *testing.T) {
	o := testOptions()
	o.PublicURL = ""
	for _, status := range []int{401, 404, 500, 501} {
		if l, err := on(t, answers(status, `[]`), o, nil).Received(t.Context(), own, time.Now(), func(transport.MessageID) bool { return false }); err == nil {
			t.Errorf("%d: got %v and no error", status, l)
		}
	}
}

func TestAskedPhoneHasNoWebhooks(t *testing.T) {
	phone := androidtest.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := asked(t, phone, nil).Run(ctx); err != nil || len(phone.Webhooks()) > 0 {
		t.Errorf("%v, %v", err, phone.Webhooks())
	}
}
