package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const (
	mercutio       = "mercutio@example.org"
	mercutioNumber = "+15005550077"
)

// own gives Mercutio a trunk with a provider of his own.
func (w *world) own(p provider.Provider) *trunk {
	w.t.Helper()
	return w.ownAs("", p)
}

// ownAs is own, with the provider's name of the account.
func (w *world) ownAs(sid string, p provider.Provider) *trunk {
	w.t.Helper()
	t := w.network.newTrunk("his", func(provider.Receiver) provider.Provider { return p })
	t.own.sid = sid
	w.network.lines.connect(t)
	if !w.network.lines.assign(mercutio, mercutioNumber, t) {
		w.t.Fatal("his number is somebody else's")
	}
	return t
}

// broken is a provider in which everything panics, and whose texts the
// carrier never gets.
type broken struct {
	carrier
	runs atomic.Int32
}

func (b *broken) Send(context.Context, provider.Outgoing) (provider.Sent, error) { panic("send") }
func (b *broken) Find(context.Context, provider.Outgoing, time.Time) ([]provider.Sent, error) {
	panic("find")
}
func (b *broken) Status(context.Context, transport.MessageID) (provider.Report, error) {
	panic("status")
}
func (b *broken) Run(context.Context) error {
	b.runs.Add(1)
	panic("run")
}
func (b *broken) Webhooks() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "his "+r.URL.Path) })
}

func TestProviderThatPanicsHarmsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		b := &broken{}
		w.own(b)
		his := w.open(mercutio, &inbox{})
		defer his.Close(context.Background(), "")
		for i := range 3 * perUser {
			to := transport.Address(fmt.Sprintf("+1555123%04d", i))
			if _, err := his.Send(t.Context(), transport.Message{Chat: to, Text: "a plague"}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(10 * time.Minute)
		if b.runs.Load() < 3 {
			t.Errorf("the work of a provider that failed was begun %d times", b.runs.Load())
		}
	})
}

func TestSlowProviderDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		slow := &carrier{process: w.process, answer: time.Hour, lost: true}
		for range 200 {
			slow.plans = append(slow.plans, plan{err: errTimeout})
		}
		w.own(slow)
		his := w.open(mercutio, &inbox{})
		defer his.Close(context.Background(), "")
		for i := range 200 {
			to := transport.Address(fmt.Sprintf("+1555123%04d", i))
			if _, err := his.Send(t.Context(), transport.Message{Chat: to, Text: "a plague"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Minute) // his items are in doubt, and nobody can tell
		before := time.Now()
		for i := range 5 {
			w.mustSend(transport.Request(fmt.Sprint(i)), phone, fmt.Sprint("hello ", i))
		}
		synctest.Wait()
		if got := w.carrier.texts(); len(got) != 5 || time.Since(before) != 0 {
			t.Errorf("sent %q after %v", got, time.Since(before))
		}
	})
}

func TestProviderSpeaksOnlyForItsNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		his := w.own(&carrier{process: w.process})
		in := provider.Inbound{ID: "SM9", From: string(phone), To: romeoNumber, Text: "forged"}
		if err := his.Receive(t.Context(), in); !errors.Is(err, provider.ErrUnknownNumber) {
			t.Errorf("a text to another's number ended with %v", err)
		}
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		for _, id := range []transport.MessageID{"SM1", "SM2"} {
			if err := his.Report(t.Context(), provider.Report{ID: id, Status: transport.Delivered}); err != nil {
				t.Error(err)
			}
		}
		w.mustSend("r2", phone, "hello again") // becomes SM2
		synctest.Wait()
		want := []transport.Status{transport.Accepted}
		for _, r := range []transport.Request{"r1", "r2"} {
			if diff := cmp.Diff(want, wentThrough(w.romeo.statuses(r))); diff != "" {
				t.Errorf("%s: %s", r, diff)
			}
		}
	})
}

func TestTextFromANumberThatIsGoneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		down := &carrier{process: w.process, plans: []plan{{err: &provider.Retry{Everyone: true, After: time.Minute, Err: errTimeout}}}}
		own := w.own(down)
		told := &inbox{}
		his := w.open(mercutio, told)
		defer his.Close(context.Background(), "")
		if _, err := his.Send(t.Context(), transport.Message{Request: "r1", Chat: phone, Text: "a plague"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.network.lines.settle(mercutio, nil, own, false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := told.statuses("r1")
		if len(got) != 1 || got[0].Status != transport.Failed || got[0].Err.Error() != errNoLine.Error() {
			t.Errorf("told %+v", got)
		}
		if w.network.lines.trunkOf(mercutioNumber) != nil || len(w.network.lines.of(mercutio)) != 0 {
			t.Error("his number is still there")
		}
	})
}

func TestTextThatWaitsIsNotSentFromWhatIsAnothersByThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := &provider.Retry{After: time.Minute, Err: errTimeout}
		w := start(t, newDisk(), &carrier{plans: []plan{{err: later}}}, 0)
		defer w.ends()
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		operator := w.network.lines.trunk(operatorTrunk)
		w.network.lines.settle(romeo, nil, operator, false)
		w.network.lines.settle(mercutio, []string{romeoNumber}, operator, false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := w.carrier.texts(); len(got) != 0 {
			t.Errorf("sent %q from a number that is Mercutio's by now", got)
		}
		if told := w.romeo.statuses("r1"); len(told) != 1 || told[0].Status != transport.Failed {
			t.Errorf("told %+v", told)
		}
	})
}

func TestWebhooksReachTheRightProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		own := w.own(&broken{})
		h := w.network.Webhooks()
		get := func(path string) string {
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, httptest.NewRequest("POST", path, nil))
			if answer.Code == http.StatusNotFound {
				return "not found"
			}
			return answer.Body.String()
		}
		for path, want := range map[string]string{
			"/own/his/twilio/in":    "his /twilio/in",
			"/own/hers/twilio/in":   "not found",
			"/own//twilio/in":       "not found",
			"/own/":                 "not found",
			"/twilio/in":            "not found", // the operator's has none
			"/own/his/../twilio/in": "his /../twilio/in",
		} {
			if got := get(path); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		w.network.lines.settle(mercutio, nil, own, false)
		if got := get("/own/his/twilio/in"); got != "not found" {
			t.Errorf("a provider that is gone answers %q", got)
		}
	})
}
