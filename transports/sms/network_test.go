package sms

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

var discard = slog.New(slog.DiscardHandler)

func TestTextReachesEveryUserOfItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		theirs := map[string]*inbox{juliet: {}, nurse: {}}
		for user, i := range theirs {
			defer w.open(user, i).Close(context.Background(), "")
		}
		in := provider.Inbound{ID: "SM9", From: "+15551234567", To: sharedNumber, Text: "O Romeo"}
		if err := w.network.Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		want := []transport.Message{{ID: "SM9", Chat: phone, Text: "O Romeo", Sent: time.Now()}}
		for user, i := range theirs {
			if diff := cmp.Diff(want, i.received()); diff != "" {
				t.Errorf("%s: %s", user, diff)
			}
		}
		if got := w.romeo.received(); len(got) != 0 {
			t.Errorf("Romeo got %v", got)
		}
	})
}

func TestTextIsNotAcknowledgedUnlessItIsStored(t *testing.T) {
	in := provider.Inbound{ID: "SM9", From: "+15551234567", Text: "O Romeo"}
	tests := []struct {
		name string
		to   string
		err  error // of the sink
		want error
	}{
		{name: "the sink stores it", to: romeoNumber},
		{name: "the sink can't store it", to: romeoNumber, err: errDead, want: errDead},
		{name: "its user has no session", to: sharedNumber, want: errNoSession},
		{name: "nobody has the number", to: "+15005550099", want: provider.ErrUnknownNumber},
		{name: "the number is none", to: "<script>", want: provider.ErrUnknownNumber},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{}, 0)
				defer w.ends()
				synctest.Wait() // the link is up
				w.romeo.mu.Lock()
				w.romeo.err = tt.err
				w.romeo.mu.Unlock()
				in := in
				in.To = tt.to
				if err := w.network.Receive(t.Context(), in); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestTextWaitsForTheLinkToBeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		slow := &inbox{full: make(chan struct{})}
		link := w.open(juliet, slow)
		defer link.Close(context.Background(), "")
		done := make(chan error)
		go func() {
			done <- w.network.deliver(t.Context(), juliet, transport.MessageReceived{})
		}()
		synctest.Wait()
		close(slow.full)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(slow.events) != 2 {
			t.Fatalf("got %v", slow.events)
		}
		if _, ok := slow.events[0].(transport.LinkUp); !ok {
			t.Errorf("first came %T", slow.events[0])
		}
	})
}

func TestTextWaitsForASessionThatIsAboutToBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for _, user := range []string{juliet, nurse} { // who share a number
			time.AfterFunc(time.Second, func() {
				link := w.open(user, &inbox{})
				t.Cleanup(func() { link.Close(context.Background(), "") })
			})
		}
		if err := w.network.Receive(t.Context(), provider.Inbound{ID: "SM9", From: "+15551234567", To: sharedNumber, Text: "O Romeo"}); err != nil {
			t.Error(err)
		}
	})
}

func TestLinkComesUpOnceTheSinkWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		broken := &inbox{err: errDead}
		link := w.open(juliet, broken)
		defer link.Close(context.Background(), "")
		time.Sleep(10 * time.Second)
		broken.mu.Lock()
		broken.err = nil
		broken.mu.Unlock()
		time.Sleep(pauseMost)
		if err := w.network.deliver(t.Context(), juliet, transport.MessageReceived{}); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingIsDeliveredAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		blocked := &inbox{full: make(chan struct{})}
		link := w.open(juliet, blocked)
		s := link.(*session)
		done := make(chan error)
		go func() { done <- s.deliver(t.Context(), transport.MessageReceived{}) }()
		synctest.Wait()
		if err := link.Close(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, transport.ErrClosed) {
			t.Errorf("the waiting delivery ended with %v", err)
		}
		close(blocked.full)
		if err := s.deliver(t.Context(), transport.MessageReceived{}); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("a later one ended with %v", err)
		}
		if len(blocked.events) != 0 {
			t.Errorf("delivered %v", blocked.events)
		}
	})
}

func TestSendDoesNotWaitForABlockedSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		blocked := &inbox{full: make(chan struct{})}
		link := w.open(juliet, blocked)
		defer link.Close(context.Background(), "")
		before := time.Now()
		if _, err := link.Send(t.Context(), transport.Message{Chat: phone, Text: "hello", Origin: "1"}); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestStrangerHasNoSession(t *testing.T) {
	n, err := newNetwork(Defaults(), transport.Env{Outbox: newDisk(), Records: &transporttest.Records{}}, func(provider.Receiver, *slog.Logger) provider.Provider { return &carrier{} })
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Open(transport.Account{User: "tybalt@example.org"}, &inbox{})
	if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.NotRegistered {
		t.Errorf("got %v", err)
	}
}

func TestNetworkWithoutAStoreIsRefused(t *testing.T) {
	if _, err := Defaults().New(transport.Env{}); err == nil {
		t.Error("it was made")
	}
}

func TestReportsMayComeInAnyOrder(t *testing.T) {
	failed := provider.Report{ID: "SM1", Status: transport.Failed, Err: provider.Error(30003, nil)}
	delivered := provider.Report{ID: "SM1", Status: transport.Delivered}
	displayed := provider.Report{ID: "SM1", Status: transport.Displayed}
	accepted := provider.Report{ID: "SM1"}
	tests := []struct {
		name    string
		reports []provider.Report
		want    []transport.Status
	}{
		{"in order", []provider.Report{accepted, delivered, displayed}, []transport.Status{transport.Accepted, transport.Delivered, transport.Displayed}},
		{"twice", []provider.Report{delivered, delivered}, []transport.Status{transport.Accepted, transport.Delivered}},
		{"backwards", []provider.Report{displayed, delivered, accepted}, []transport.Status{transport.Accepted, transport.Displayed}},
		{"failed, then on its way", []provider.Report{failed, accepted}, []transport.Status{transport.Accepted, transport.Failed}},
		{"failed, then delivered", []provider.Report{failed, delivered}, []transport.Status{transport.Accepted, transport.Failed}},
		{"of another message", []provider.Report{{ID: "SM2", Status: transport.Delivered}, {}}, []transport.Status{transport.Accepted}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{}, 0)
				defer w.ends()
				w.mustSend("r1", phone, "hello")
				synctest.Wait()
				for _, r := range tt.reports {
					if err := w.network.Report(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(tt.want, wentThrough(w.romeo.statuses("r1"))); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestReportThatComesBeforeTheAnswerIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{early: true}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		want := []transport.Status{transport.Accepted, transport.Delivered}
		if diff := cmp.Diff(want, wentThrough(w.romeo.statuses("r1"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEarlyReportsAreBoundedAndExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEarlyReports()
		for i := range 2 * earlyMax {
			e.hold(provider.Report{ID: transport.MessageID(rune('A' + i)), Status: transport.Delivered})
		}
		if len(e.byID) != earlyMax {
			t.Errorf("%d are held", len(e.byID))
		}
		time.Sleep(earlyKept + time.Second)
		if _, ok := e.take("A"); ok {
			t.Error("one is held for too long")
		}
		for _, id := range []transport.MessageID{"new", "newer"} {
			e.hold(provider.Report{ID: id, Status: transport.Delivered})
		}
		if _, ok := e.take("newer"); !ok || len(e.byID) != 1 {
			t.Errorf("%d are held after the time is over", len(e.byID))
		}
	})
}

func TestFailureThatMayPassIsSentAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{status: map[transport.MessageID]provider.Report{}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		r := provider.Report{ID: "SM1", Status: transport.Failed, Err: provider.Error(30001, nil), Retry: true}
		w.carrier.mu.Lock()
		w.carrier.status["SM1"] = r
		w.carrier.mu.Unlock()
		if err := w.network.Report(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello", "hello"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
		for _, told := range w.romeo.statuses("r1") {
			if told.Status == transport.Failed {
				t.Error("the failure was told although the text is sent anew")
			}
		}
	})
}

func TestMessageThatCannotBeSentIsRefusedAtOnce(t *testing.T) {
	tests := []struct {
		name string
		chat transport.Address
		text string
		want transport.Reason
	}{
		{"to letters", "mybank;phone-context=alphanumeric", "hello", transport.NotAllowed},
		{"to nobody", anonymous, "hello", transport.NotAllowed},
		{"to an emergency number", "911;phone-context=us", "help", transport.NotAllowed},
		{"nothing but spaces", phone, " \n ", transport.BadRequest},
		{"too many parts", phone, string(make([]rune, 0)) + longOf("x", 153*10+1), transport.TooLong},
		{"too many characters for the provider", phone, longOf("x", 1001), transport.TooLong},
		{"longer than any text", phone, longOf("x", longestText+1), transport.TooLong},
	}
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{limit: 1000}, 0)
		defer w.ends()
		w.network.long = longRefuse
		for _, tt := range tests {
			err := w.sends("r1", tt.chat, tt.text)
			if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != tt.want || e.Text == "" {
				t.Errorf("%s: got %v", tt.name, err)
			}
		}
		if items := w.disk.all(); len(items) != 0 {
			t.Errorf("the outbox holds %d items", len(items))
		}
	})
}

func TestMessageIsNotAcceptedIfItCannotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 1)
		defer w.ends()
		err := w.sends("r1", phone, "hello")
		if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.Internal || !errors.Is(err, errDead) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatATextLacksIsSaid(t *testing.T) {
	tests := []struct {
		name string
		in   provider.Inbound
		want string
	}{
		{"plain", provider.Inbound{Text: "hello"}, "hello"},
		{"control characters", provider.Inbound{Text: "a\x00b\r\nc\x1b"}, "ab\nc"},
		{"nothing", provider.Inbound{}, "[An empty text.]"},
		{"a picture", provider.Inbound{Lost: 1}, "[A picture or file came with this text. This gateway does not carry it.]"},
		{"words and pictures", provider.Inbound{Text: "look", Lost: 2}, "look\n[2 pictures or files came with this text. This gateway does not carry them.]"},
	}
	for _, tt := range tests {
		if got := incomingText(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLateTextBearsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		at := time.Now().Add(-time.Hour)
		if err := w.network.Receive(t.Context(), provider.Inbound{To: romeoNumber, From: "MyBank", Text: "x", At: at}); err != nil {
			t.Fatal(err)
		}
		got := w.romeo.received()
		if len(got) != 1 || !got[0].Delayed || !got[0].Sent.Equal(at) || got[0].Chat != "mybank;phone-context=alphanumeric" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFailureIsTheSameAfterARestart(t *testing.T) {
	for _, e := range []*transport.Error{provider.Error(21610, nil), errExpired, {Reason: transport.Rejected, Text: "with | a bar"}} {
		if diff := cmp.Diff(e, readFailure(writeFailure(e))); diff != "" {
			t.Error(diff)
		}
	}
	if e := readFailure("anything"); e.Reason != transport.Rejected || e.Text == "" {
		t.Errorf("got %#v", e)
	}
}
