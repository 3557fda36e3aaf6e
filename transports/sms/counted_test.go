package sms

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

func TestAMonthIsCountedOnFromWhatTheStoreHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		now := time.Now()
		month := now.UTC().Format(monthLayout)
		add := func(at time.Time, texts int) error {
			return w.network.count(t.Context(), romeo, at, func(m *monthly) error {
				m.add("US", at.UTC().Day(), tally{Texts: texts, Parts: texts, Price: 0.1})
				if texts < 0 {
					return context.Canceled
				}
				return nil
			})
		}
		texts := func(want int) {
			t.Helper()
			m, err := w.network.usageOf(t.Context(), romeo, month)
			if all := m.total(); err != nil || all.Texts != want || all.Parts != want {
				t.Errorf("counted are %+v, %v; want %d", all, err, want)
			}
		}
		var adding sync.WaitGroup
		for range 20 {
			adding.Go(func() {
				if err := add(now, 1); err != nil {
					t.Error(err)
				}
			})
		}
		adding.Wait()
		texts(20)
		if err := add(now, -5); err == nil {
			t.Error("what is refused was counted")
		}
		texts(20)
		if err := add(now, 1); err != nil {
			t.Error(err)
		}
		texts(21)
		if err := add(now.AddDate(0, 1, 0), 3); err != nil { // another month
			t.Error(err)
		}
		texts(21)
		r := transport.RecordItem{User: userKey(romeo), Kind: kindUsage, Key: month, Value: []byte(`{"countries":{"US":{"Texts":7,"Parts":7}}}`)}
		if err := w.network.records.Put(t.Context(), r); err != nil { // by whoever
			t.Error(err)
		}
		if err := add(now, 1); err != nil {
			t.Error(err)
		}
		texts(8)
	})
}

func TestMonthsInMemoryAreBounded(t *testing.T) {
	var c counted
	for i := range 2 * usersCounted {
		c.keep(fmt.Sprint(i), []byte("{}"), monthly{})
	}
	if n := len(c.months); n != usersCounted {
		t.Errorf("%d are kept", n)
	}
}
