package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

var discard = slog.New(slog.DiscardHandler)

const (
	romeo   = "+15005550001"
	handset = "+15551234567"
)

// receiver keeps what it gets; err is what it answers.
type receiver struct {
	mu      sync.Mutex
	in      []provider.Inbound
	reports []provider.Report
	err     error
}

func (r *receiver) Receive(_ context.Context, in provider.Inbound) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.in = append(r.in, in)
	}
	return r.err
}

func (r *receiver) Report(_ context.Context, report provider.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.reports = append(r.reports, report)
	}
	return r.err
}

func (r *receiver) reported() []provider.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports)
}

func (r *receiver) received() []provider.Inbound {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.in)
}

func (r *receiver) fails(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// run runs a provider until the test ends.
func run(t *testing.T, o Options, rec *receiver) (*Provider, func()) {
	t.Helper()
	p := New(o, []string{romeo}, rec, discard)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	return p, func() { cancel(); running.Wait() }
}

func TestTextIsDeliveredAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &receiver{}
		p, end := run(t, Defaults(), rec)
		defer end()
		o := provider.Outgoing{From: romeo, To: handset, Text: "hello"}
		sent, err := p.Send(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(rec.reported()) != 0 {
			t.Fatalf("reported %v before it arrived", rec.reported())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want := provider.Report{ID: sent.ID, Status: transport.Delivered}
		if diff := cmp.Diff([]provider.Report{want}, rec.reported()); diff != "" {
			t.Error(diff)
		}
		if got, err := p.Status(t.Context(), sent.ID); err != nil || got != want {
			t.Errorf("got %v, %v", got, err)
		}
		found, err := p.Find(t.Context(), o, time.Now().Add(-time.Minute))
		if diff := cmp.Diff([]provider.Sent{{ID: sent.ID, Status: transport.Delivered}}, found); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

func TestRestartedSimulatorFindsNothing(t *testing.T) {
	p := New(Defaults(), nil, &receiver{}, discard)
	if found, err := p.Find(t.Context(), provider.Outgoing{To: handset}, time.Time{}); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err := p.Status(t.Context(), "SM1"); !errors.Is(err, provider.ErrUnknownMessage) {
		t.Errorf("got %v", err)
	}
}

func TestNumbersFailAsTheyShould(t *testing.T) {
	tests := []struct {
		name     string
		from, to string
		refused  string
		retry    bool
		reported string
	}{
		{name: "a test number that Romeo has", to: romeo, from: handset},
		{name: "no way", to: "+15005550002", refused: "21612"},
		{name: "country is off", to: "+15005550003", refused: "21408"},
		{name: "opted out", to: "+15005550004", refused: "21610"},
		{name: "landline", to: "+15005550009", refused: "21614"},
		{name: "bad sender", from: "+15005550007", to: handset, refused: "21606"},
		{name: "sender's queue is full", from: "+15005550008", to: handset, retry: true},
		{name: "good sender", from: "+15005550006", to: handset},
		{name: "configured to be refused", to: "+15551110001", refused: "21211"},
		{name: "configured to fail later", to: "+15551110002", reported: "30003"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &receiver{}
				o := Defaults()
				o.Fail = map[string]int{"+15551110001": 21211, "+15551110002": 30003}
				p, end := run(t, o, rec)
				defer end()
				from := tt.from
				if from == "" {
					from = romeo
				}
				_, err := p.Send(t.Context(), provider.Outgoing{From: from, To: tt.to, Text: "x"})
				_, again := errors.AsType[*provider.Retry](err)
				if again != tt.retry {
					t.Errorf("got %v", err)
				}
				e, _ := errors.AsType[*transport.Error](err)
				if code := codeOf(e); !again && code != tt.refused {
					t.Errorf("refused with %q", code)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if tt.reported != "" && (len(rec.reported()) != 1 || codeOf(rec.reported()[0].Err) != tt.reported) {
					t.Errorf("reported %v", rec.reported())
				}
			})
		})
	}
}

func codeOf(e *transport.Error) string {
	if e == nil {
		return ""
	}
	return e.Code
}

func TestTextFromUserToUserComesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &receiver{}
		p, end := run(t, Defaults(), rec)
		defer end()
		if _, err := p.Send(t.Context(), provider.Outgoing{From: "+15005550006", To: romeo, Text: "hello"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(rec.received()) != 1 || rec.received()[0].Text != "hello" || rec.received()[0].To != romeo || len(rec.reported()) != 1 {
			t.Errorf("got %v, %v", rec.received(), rec.reported())
		}
	})
}

func TestReportIsRepeatedUntilItIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &receiver{}
		p, end := run(t, Defaults(), rec)
		defer end()
		rec.fails(errors.New("no session"))
		if _, err := p.Send(t.Context(), provider.Outgoing{From: romeo, To: handset, Text: "hello"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		rec.fails(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(rec.reported()) != 1 {
			t.Errorf("got %v", rec.reported())
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	p := New(Defaults(), []string{romeo}, &receiver{}, discard)
	for i := range 3 * textsKept {
		if _, err := p.text(t.Context(), handset, romeo, fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	texts := p.conversation(handset).Texts
	if len(texts) != textsKept || texts[len(texts)-1].Text != fmt.Sprint(3*textsKept-1) {
		t.Errorf("%d texts are kept", len(texts))
	}
	for i := range 2 * numbersKept {
		if _, err := p.text(t.Context(), fmt.Sprint("+1555", i), romeo, "x", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.conversation(handset).Phones); n != numbersKept {
		t.Errorf("%d numbers are kept", n)
	}
}
