package sms

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func TestTextsBetweenPeopleHereNeedNoSMSIfTheyWantThat(t *testing.T) {
	for _, tt := range []struct {
		name   string
		wants  preferences
		direct bool
	}{
		{"nobody", preferences{}, false},
		{"the sender alone", preferences{romeo: {settingDirect: {"true"}}}, false},
		{"one of two who share the number", preferences{juliet: {settingDirect: {"true"}}}, false},
		{"both", preferences{juliet: {settingDirect: {"true"}}, nurse: {settingDirect: {"true"}}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, newDisk(), &carrier{change: func(n *Network) { n.settings = tt.wants }}, 0)
				defer w.ends()
				theirs, hers := &inbox{}, &inbox{}
				for user, i := range map[string]*inbox{juliet: theirs, nurse: hers} {
					link := w.open(user, i)
					defer link.Close(context.Background(), "")
				}
				w.mustSend("r1", sharedNumber, "good morrow")
				w.mustSend("r2", phone, "to a phone")
				time.Sleep(time.Minute)
				synctest.Wait()
				sent, got := []string{"good morrow", "to a phone"}, 0
				if tt.direct {
					sent, got = []string{"to a phone"}, 1
				}
				if len(w.carrier.taken) != len(sent) {
					t.Errorf("sent were %+v", w.carrier.taken)
				}
				for who, i := range map[string]*inbox{"Juliet": theirs, "the nurse": hers} {
					texts := i.received()
					if len(texts) != got || got == 1 && (texts[0].Text != "good morrow" || texts[0].Chat != romeoNumber) {
						t.Errorf("%s got %+v", who, texts)
					}
				}
				if !tt.direct {
					return
				}
				if diff := cmp.Diff([]transport.Status{transport.Delivered}, wentThrough(w.romeo.statuses("r1"))); diff != "" {
					t.Error(diff)
				}
				if m, err := w.network.usageOf(t.Context(), romeo, time.Now().UTC().Format(monthLayout)); err != nil || m.total().Texts != 1 {
					t.Errorf("counted are %+v, %v", m, err)
				}
				for _, item := range w.disk.all() {
					if item.Text == "good morrow" && item.State != transport.Done {
						t.Errorf("it is %+v", item)
					}
				}
			})
		})
	}
}

func TestNobodyIsFloodedWithDirectTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sent = directAtOnce + 10
		wants := preferences{juliet: {settingDirect: {"true"}}, nurse: {settingDirect: {"true"}}}
		w := start(t, newDisk(), &carrier{change: func(n *Network) { n.settings = wants }}, 0)
		defer w.ends()
		hers := &inbox{}
		link := w.open(juliet, hers)
		defer link.Close(context.Background(), "")
		other := w.open(nurse, &inbox{})
		defer other.Close(context.Background(), "")
		begun := time.Now()
		for i := range sent {
			w.mustSend(transport.Request(fmt.Sprintf("r%d", i)), sharedNumber, fmt.Sprintf("text %d", i))
		}
		synctest.Wait()
		most := directAtOnce + int(time.Since(begun)/directEvery)
		if got := len(hers.received()); got < directAtOnce || got > most {
			t.Errorf("%d texts came at once, want %d", got, most)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		texts := hers.received()
		for i, m := range texts {
			if m.Text != fmt.Sprintf("text %d", i) {
				t.Errorf("text %d is %q", i, m.Text)
			}
		}
		if len(texts) != sent || len(w.carrier.taken) != 0 {
			t.Errorf("%d of %d texts came, %d were sent", len(texts), sent, len(w.carrier.taken))
		}
	})
}

// Whatever the moment at which the process dies, the text comes under one id.
func TestADirectTextComesOnceWheneverTheProcessDies(t *testing.T) {
	wants := preferences{juliet: {settingDirect: {"true"}}, nurse: {settingDirect: {"true"}}}
	for dieAt := 1; ; dieAt++ {
		died := false
		synctest.Test(t, func(t *testing.T) {
			d, c := newDisk(), &carrier{change: func(n *Network) { n.settings = wants }}
			ids := map[transport.MessageID]bool{}
			run := func(dieAt int) {
				w := start(t, d, c, dieAt)
				defer w.ends()
				hers := &inbox{}
				link := w.open(juliet, hers)
				defer link.Close(context.Background(), "")
				other := w.open(nurse, &inbox{})
				defer other.Close(context.Background(), "")
				if len(d.all()) == 0 {
					w.sends("r1", sharedNumber, "good morrow")
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				died = w.process.isDead()
				for _, m := range hers.received() {
					ids[m.ID] = true
				}
			}
			run(dieAt)
			if died {
				run(0)
				died = true
			}
			if len(ids) != 1 || len(c.taken) != 0 {
				t.Errorf("died at step %d: it came as %v, sent were %v", dieAt, ids, c.taken)
			}
		})
		if t.Failed() || dieAt > 3 && !died {
			break
		}
		if dieAt > 100 {
			t.Fatal("it has no end")
		}
	}
}
