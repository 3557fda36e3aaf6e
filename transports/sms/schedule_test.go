package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

// notices gives what was said to Romeo that is no message.
func (w *world) notices() (texts []string) {
	for _, e := range w.romeo.all() {
		if n, ok := e.(transport.Notice); ok {
			texts = append(texts, n.Text)
		}
	}
	return texts
}

func (w *world) lastNotice() string {
	if all := w.notices(); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

func TestTextsWaitForTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight, UTC
		disk := newDisk()
		w := start(t, disk, &carrier{}, 0)
		w.network.settings = preferences{romeo: {settingTimezone: {"America/New_York"}}} // 19:00
		w.says("on Saturday, 2000-01-01, at 09:00 EST. To cancel it, write: cancel 1", "schedule", "number="+string(phone), "when=tomorrow 9:00", "text=good morrow")
		w.says("cancel 2", "schedule", "number="+string(phone), "when=in 2h", "text=in a while")
		w.says("cancel 3", "schedule", "number="+string(phone), "when=in 3h", "text=never")
		w.says("is over", "schedule", "number="+string(phone), "when=today 9:00", "text=late")
		w.says("not a possible phone number", "schedule", "number=12", "when=1h", "text=late")
		w.says("3 texts wait", "scheduled")
		w.says("• 2: to +15551234567, on Friday, 1999-12-31, at 21:00 EST: in a while", "scheduled")
		w.says("is not sent", "cancel", "id=3")
		w.says("may have been sent", "cancel", "id=3")
		w.accepts(phone, "right now") // does not wait behind the others
		time.Sleep(time.Minute)
		if got := w.carrier.texts(); len(got) != 1 || got[0] != "right now" {
			t.Errorf("sent %q", got)
		}
		time.Sleep(2 * time.Hour)
		if got := w.carrier.texts(); len(got) != 2 || got[1] != "in a while" || !strings.Contains(w.lastNotice(), "is on its way: in a while") {
			t.Errorf("sent %q, told %q", got, w.notices())
		}
		w.ends()

		time.Sleep(20 * time.Hour) // the other's time passes meanwhile
		w = start(t, disk, &carrier{}, 0)
		defer w.ends()
		time.Sleep(time.Minute)
		if got := w.carrier.texts(); len(got) != 1 || got[0] != "good morrow" {
			t.Errorf("sent %q", got)
		}
		w.says("No text of yours waits", "scheduled")
		w.says("cancel 1", "schedule", "number="+string(phone), "when=in 1m", "text=again")
	})
}

func TestATextThatWaitedIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newDisk()
		w := start(t, disk, &carrier{}, 0)
		w.says("cancel 1", "schedule", "number="+string(phone), "when=in 1h", "text=hello")
		kept, err := disk.records.OfUser(t.Context(), romeo, kindScheduled)
		if err != nil || len(kept) != 1 {
			t.Fatal(kept, err)
		}
		time.Sleep(2 * time.Hour)
		w.ends()
		if err := disk.records.Put(t.Context(), kept[0]); err != nil { // as if the process had died before
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		w = start(t, disk, w.carrier, 0)
		defer w.ends()
		time.Sleep(time.Hour)
		if got := w.carrier.texts(); len(got) != 1 {
			t.Errorf("sent %q", got)
		}
		w.says("1 text in 1 part", "usage")
	})
}

func TestATextThatCanNotBeSentWhenItsTimeHasComeIsTold(t *testing.T) {
	tests := []struct {
		name    string
		carrier *carrier
		do      func(w *world)
		want    string
	}{
		{"they opted out", &carrier{}, func(w *world) {
			w.network.setOptOut(context.Background(), romeoNumber, phone, true)
		}, "is not sent. The recipient has opted out"},
		{"the quota is used up", &carrier{change: func(n *Network) {
			n.quotas[romeo] = Quota{Countries: []string{"DE"}}
		}}, func(*world) {}, "is not sent. Texts to"},
		{"the provider refuses it", &carrier{plans: []plan{{err: provider.Error(30005, nil)}}}, func(*world) {}, "was not delivered. The recipient's number is not in use."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), tt.carrier, 0)
				defer w.ends()
				w.says("cancel 1", "schedule", "number="+string(phone), "when=in 1h", "text=hello")
				time.Sleep(time.Minute)
				tt.do(w)
				time.Sleep(2 * time.Hour)
				if got := w.notices(); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.want) }) {
					t.Errorf("told %q, want %q", got, tt.want)
				}
				w.says("No text of yours waits", "scheduled")
			})
		})
	}
}

func TestTextsThatWaitHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for range maxScheduled {
			w.says("cancel", "schedule", "number="+string(phone), "when=in 1h", "text=hello")
		}
		w.says("the limit", "schedule", "number="+string(phone), "when=in 1h", "text=hello")
	})
}

func TestTextsWaitInQuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.settings = preferences{romeo: {settingQuiet: {"22:00-07:00"}}}
		w.mustSend("r1", phone, "are you awake?")
		w.mustSend("r1", phone, "are you awake?") // a client that repeats itself
		w.mustSend("r2", phone, "no?")
		w.says("2 texts wait", "scheduled")
		time.Sleep(time.Minute)
		if got := w.notices(); len(got) != 1 || !strings.Contains(got[0], "is sent on Saturday, 2000-01-01, at 07:00 UTC") {
			t.Errorf("told %q", got)
		}
		time.Sleep(7 * time.Hour)
		if got := fmt.Sprint(w.carrier.texts()); got != "[are you awake? no?]" {
			t.Errorf("sent %s", got)
		}
		if err := w.network.Report(t.Context(), provider.Report{ID: "SM2", Status: transport.Delivered}); err != nil {
			t.Fatal(err)
		}
		if told := w.romeo.statuses("r2"); len(told) == 0 || told[len(told)-1].Status != transport.Delivered {
			t.Errorf("told %v", told)
		}
		w.accepts(phone, "good morrow")
		time.Sleep(time.Second)
		if got := w.carrier.texts(); len(got) != 3 {
			t.Errorf("sent %q", got)
		}
	})
}

// bank is a carrier that tells of money.
type bank struct {
	*carrier
	mu     sync.Mutex
	left   float64
	prices map[transport.MessageID]float64
	err    error
}

// opened puts the bank in the carrier's place.
func (b *bank) opened(t *testing.T, more func(*Network)) *world {
	t.Helper()
	b.carrier = &carrier{change: func(n *Network) {
		n.lines.trunk(operatorTrunk).provider = b
		more(n)
	}}
	return start(t, newDisk(), b.carrier, 0)
}

func (b *bank) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *bank) Balance(context.Context) (float64, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left, "USD", b.err
}

func (b *bank) Price(_ context.Context, id transport.MessageID) (float64, string, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	price, known := b.prices[id]
	return price, "USD", known, b.err
}

func TestAdministratorsAreToldOfALowBalanceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := &bank{left: 12}
		var told []string
		w := account.opened(t, func(n *Network) {
			n.balanceAlert = 10
			n.tellAdmins = func(text string) { told = append(told, text) }
		})
		defer w.ends()
		synctest.Wait() // it was looked at
		for _, step := range []struct {
			left float64
			err  error
			want int
		}{{12, nil, 0}, {9.5, nil, 1}, {8, nil, 1}, {8, errors.New("down"), 1}, {20, nil, 1}, {3, nil, 2}, {2, nil, 2}} {
			account.set(func() { account.left, account.err = step.left, step.err })
			w.network.checkBalance(t.Context())
			if len(told) != step.want {
				t.Errorf("with %v left, told %q, want %d", step.left, told, step.want)
			}
		}
		if !strings.Contains(told[0], "9.50 USD left") {
			t.Errorf("told %q", told)
		}
		do := transport.Performance{Node: "balance", Kind: transport.Server, User: romeo, Admin: true}
		if done, err := w.network.Perform(t.Context(), do); err != nil || done.Text != "2.00 USD are left." {
			t.Errorf("got %+v, %v", done, err)
		}
	})
}

func TestPricesThatTheProviderTellsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := &bank{prices: map[transport.MessageID]float64{}}
		w := account.opened(t, func(n *Network) { n.prices = Prices{"+1": 0.01} })
		defer w.ends()
		w.accepts(phone, "one")
		w.accepts(phone, "two")
		time.Sleep(2 * time.Minute)
		w.says("2 texts in 2 parts, 0.02 USD.", "usage")
		account.set(func() { account.prices["SM1"] = 0.0075 })
		time.Sleep(3 * time.Hour)
		w.says("2 texts in 2 parts, 0.0175 USD (0.0075 USD of it as the provider told)", "usage")
		if left, _ := w.disk.records.OfUser(t.Context(), romeo, kindPrice); len(left) != 0 {
			t.Errorf("%d prices are still asked for", len(left))
		}
	})
}

func TestAdministratorsAreToldOfWhatOnlyTheyCanMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := plan{err: provider.Error(21606, nil)}
		w := start(t, newDisk(), &carrier{plans: []plan{refusal, refusal, {err: provider.Error(30005, nil)}}}, 0)
		defer w.ends()
		var told []string
		w.network.tellAdmins = func(text string) { told = append(told, text) }
		for range 3 {
			w.accepts(phone, "hello")
			time.Sleep(time.Minute)
		}
		if len(told) != 1 || !strings.Contains(told[0], "21606") {
			t.Errorf("told %q", told)
		}
	})
}
