package sms

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// Whoever has the token of an account can sign what they like in its name.
func TestOneAccountDoesNotFillTheListOfThoseWhoOptedOut(t *testing.T) {
	w := start(t, newDisk(), &carrier{change: func(n *Network) { n.lines.trunk(operatorTrunk).own.sid = "AC" }}, 0)
	defer w.ends()
	for i := range 2 * maxOwnOptOuts {
		contact := transport.Address(fmt.Sprintf("+1555%07d", i))
		changed, err := w.network.setOptOut(t.Context(), romeoNumber, contact, true)
		if err != nil || changed != (i < maxOwnOptOuts) {
			t.Fatalf("the opt-out %d: %v, %v", i, changed, err)
		}
	}
	if n := len(w.network.optOuts.keys); n != maxOwnOptOuts {
		t.Errorf("%d are remembered", n)
	}
}

// fullOf has as many records of a kind as there may be.
type fullOf struct {
	transport.Records
	kind string
}

func (f fullOf) Put(ctx context.Context, r transport.RecordItem) error {
	if r.Kind == f.kind {
		return transport.ErrTooManyRecords
	}
	return f.Records.Put(ctx, r)
}

func TestAFailureIsToldOnceThoughItCanNotBeNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{
			limit: 220, plans: []plan{{err: provider.Error(30005, nil)}},
			change: func(n *Network) { n.records = fullOf{n.records, kindShares} },
		}, 0)
		defer w.ends()
		w.mustSend("r1", phone, longOf("wherefore art thou ", 30))
		time.Sleep(time.Hour)
		failures := 0
		for _, told := range w.romeo.statuses("r1") {
			if told.Status == transport.Failed {
				failures++
			}
		}
		if failures != 1 {
			t.Errorf("told %d times", failures)
		}
	})
}
