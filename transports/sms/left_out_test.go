package sms

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

func TestManyTextsThatWaitHideNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		rests := &carrier{process: w.process, answer: 20 * time.Second, plans: []plan{
			{err: &provider.Retry{Everyone: true, After: 2 * time.Minute, Err: errTimeout}},
			{err: &provider.Retry{Everyone: true, After: 2 * time.Minute, Err: errTimeout}},
			{err: &provider.Retry{Everyone: true, After: 2 * time.Minute, Err: errTimeout}},
			{err: &provider.Retry{Everyone: true, After: 2 * time.Minute, Err: errTimeout}},
		}}
		w.own(rests)
		his := w.open(mercutio, &inbox{})
		defer his.Close(context.Background(), "")
		const many = largest + 10
		for i := range many {
			item := transport.OutboxItem{
				User: mercutio, From: mercutioNumber, Put: time.Now(),
				Chat: transport.Address(fmt.Sprintf("+1555%07d", i)), Text: "a plague",
			}
			if _, _, err := w.disk.Put(t.Context(), item); err != nil {
				t.Fatal(err)
			}
		}
		w.network.wakeSender()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(rests.texts()) != 0 {
			t.Fatal("his provider does not rest")
		}
		w.mustSend("r1", phone, "hello")
		synctest.Wait()
		if diff := cmp.Diff([]string{"hello"}, w.carrier.texts()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if len(rests.texts()) == 0 {
			t.Error("after the rest nothing went")
		}
	})
}
