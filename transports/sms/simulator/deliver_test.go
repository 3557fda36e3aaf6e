package simulator

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// slow takes a second for each text and report.
type slow struct{ receiver }

func (s *slow) Receive(ctx context.Context, in provider.Inbound) error {
	time.Sleep(time.Second)
	return s.receiver.Receive(ctx, in)
}

func (s *slow) Report(ctx context.Context, r provider.Report) error {
	time.Sleep(time.Second)
	return s.receiver.Report(ctx, r)
}

func TestPhonesDoNotWaitForOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &slow{}
		p := New(Options{}, []string{romeo}, rec, discard)
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go p.Run(ctx)
		var sent []string
		for i := range 100 {
			o := provider.Outgoing{From: romeo, To: fmt.Sprintf("+1555%07d", i), Text: "hello"}
			if _, err := p.Send(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			sent = append(sent, fmt.Sprint(i))
			if _, err := p.Send(t.Context(), provider.Outgoing{From: "+15005550006", To: romeo, Text: sent[i]}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(1100 * time.Millisecond)
		if n := len(rec.reported()); n != 100 {
			t.Errorf("%d of 100 phones had their text after a second", n)
		}
		time.Sleep(9 * time.Second)
		var came []string
		for _, in := range rec.received() {
			came = append(came, in.Text)
		}
		if !slices.Equal(came, sent) {
			t.Errorf("one phone got %q", came)
		}
	})
}

func TestTextToAForgottenPhoneIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &receiver{}
		p, end := run(t, Defaults(), rec)
		defer end()
		const many = numbersKept + 10
		for i := range many {
			o := provider.Outgoing{From: romeo, To: fmt.Sprintf("+1555%07d", i), Text: "hello"}
			if _, err := p.Send(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		reported := rec.reported()
		if len(reported) != many || slices.ContainsFunc(reported, func(r provider.Report) bool { return r.Status != transport.Delivered }) {
			t.Errorf("%d of %d were reported", len(reported), many)
		}
	})
}
