package sms

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
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
