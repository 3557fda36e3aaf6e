package sms

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

func TestMessageOfSeveralTextsIsDeliveredOnceAllAre(t *testing.T) {
	long := strings.TrimSpace(longOf("wherefore art thou ", 30))
	tests := []struct {
		name    string
		reports []transport.Status // of the three texts, in this order
		want    []transport.Status // what is told
	}{
		{"all arrive", []transport.Status{transport.Delivered, transport.Delivered, transport.Delivered}, []transport.Status{transport.Delivered}},
		{"one is missing", []transport.Status{transport.Delivered, transport.Accepted, transport.Delivered}, nil},
		{"all are read", []transport.Status{transport.Displayed, transport.Displayed, transport.Displayed}, []transport.Status{transport.Displayed}},
		{"two fail", []transport.Status{transport.Failed, transport.Delivered, transport.Failed}, []transport.Status{transport.Failed}},
		{"the last fails", []transport.Status{transport.Delivered, transport.Delivered, transport.Failed}, []transport.Status{transport.Failed}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{limit: 220}, 0)
				defer w.ends()
				w.mustSend("r1", phone, long)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				texts := w.carrier.texts()
				if len(texts) != 3 || !strings.HasPrefix(texts[2], "(3/3) ") {
					t.Fatalf("sent %q", texts)
				}
				for i, status := range tt.reports {
					r := provider.Report{ID: transport.MessageID("SM" + string(rune('1'+i))), Status: status}
					if status == transport.Failed {
						r.Err = provider.Error(30005, nil)
					}
					for range 2 { // reports are repeated
						if err := w.network.Report(t.Context(), r); err != nil {
							t.Fatal(err)
						}
					}
				}
				var got []transport.Status
				for _, told := range w.romeo.statuses("r1") {
					if told.Status != transport.Accepted {
						got = append(got, told.Status)
					}
					if told.Status == transport.Failed && (!strings.HasPrefix(told.Err.Error(), "Text ") || !strings.Contains(told.Err.Error(), "of 3")) {
						t.Errorf("the failure is told as %v", told.Err)
					}
				}
				if len(got) != len(tt.want) || len(got) == 1 && got[0] != tt.want[0] {
					t.Errorf("told %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestMessageOfSeveralTextsIsPutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{limit: 220}, 0)
		defer w.ends()
		long := longOf("wherefore art thou ", 30)
		w.mustSend("r1", phone, long)
		w.mustSend("r2", phone, "short")
		time.Sleep(time.Minute)
		_, err := w.link.Send(context.Background(), transport.Message{Request: "r3", Chat: phone, Origin: "r1", Text: long})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if texts := w.carrier.texts(); len(texts) != 4 || texts[3] != "short" {
			t.Errorf("sent %q", texts)
		}
	})
}

func TestSharesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{limit: 220}, 0)
		defer w.ends()
		w.mustSend("r1", phone, longOf("wherefore art thou ", 30))
		time.Sleep(10 * time.Second)
		w.network.Report(t.Context(), provider.Report{ID: "SM1", Status: transport.Delivered})
		kept := func() int {
			all, err := w.disk.records.OfUser(t.Context(), romeo, kindShares)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		if kept() != 1 {
			t.Fatalf("%d records", kept())
		}
		time.Sleep(keepShares + 2*forgetting)
		if kept() != 0 {
			t.Errorf("%d records are kept", kept())
		}
	})
}
