package sms

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

func TestLocksOfOthersAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocks()
		unlock, err := l.lock(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			other, err := l.lock(t.Context(), transport.MessageID(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			other()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.lock(short, "one"); err == nil {
			t.Error("two have it")
		}
		got := make(chan func())
		go func() {
			again, err := l.lock(t.Context(), "one")
			if err != nil {
				t.Error(err)
			}
			got <- again
		}()
		synctest.Wait()
		unlock()
		(<-got)()
		if len(l.byID) != 0 {
			t.Errorf("%d locks are left", len(l.byID))
		}
	})
}

// One user's refused text is told to them once they can be told, and dozens of
// users who can't be told hold nobody up.
func TestThatATextIsNotSentIsToldOnceItCanBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{change: func(n *Network) { n.quotas[romeo] = Quota{Countries: []string{"DE"}} }}, 0)
		defer w.ends()
		synctest.Wait()
		w.romeo.full = make(chan struct{})
		_, err := w.network.schedule(t.Context(), romeo, scheduled{To: string(phone), Text: "to somebody", When: time.Now().Add(time.Hour), Origin: "o", Request: "r"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		w.says("1 text waits", "scheduled")
		close(w.romeo.full)
		time.Sleep(2 * time.Minute)
		if got := w.romeo.statuses("r"); len(got) != 1 || got[0].Status != transport.Failed {
			t.Errorf("told %v", got)
		}
		w.says("No text of yours waits", "scheduled")
	})
}

func TestOneWhoIsNotToldDelaysNobodysTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		link := w.open(juliet, &inbox{full: make(chan struct{})})
		defer link.Close(context.Background(), "")
		now := time.Now()
		for _, user := range []string{juliet, juliet, juliet, romeo} {
			if _, err := w.network.schedule(t.Context(), user, scheduled{To: string(phone), Text: user, When: now.Add(time.Hour), Origin: ownOrigin + rand.Text()}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour + 5*time.Second)
		if got := w.carrier.texts(); !slices.Contains(got, romeo) {
			t.Errorf("sent %q", got)
		}
	})
}

func TestTextsOfQuietHoursAreSentInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.settings = preferences{romeo: {settingQuiet: {"22:00-07:00"}}}
		want := ""
		for i := range 12 {
			text := fmt.Sprintf("%d;", i)
			want += text
			w.mustSend(transport.Request(fmt.Sprint(i)), phone, text)
			time.Sleep(time.Second)
		}
		time.Sleep(8 * time.Hour)
		if got := strings.Join(w.carrier.texts(), ""); got != want {
			t.Errorf("sent %s", got)
		}
	})
}
