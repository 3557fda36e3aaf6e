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

// To send what has waited, what is sent is counted: two locks of one user's.
func TestTextsThatWaitAreSentWhoeverSharesALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for _, s := range []*stripes{&w.network.waiting, &w.network.ledgers} {
			s.locks = s.locks[:1]
		}
		w.says("cancel 1", "schedule", "number="+string(phone), "when=in 1h", "text=hello")
		time.Sleep(2 * time.Hour)
		if got := fmt.Sprint(w.carrier.texts()); got != "[hello]" {
			t.Errorf("sent %s", got)
		}
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
