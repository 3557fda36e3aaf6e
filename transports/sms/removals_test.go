package sms

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
)

func TestWhoIsTakenOutOfTheContactsIsBlockedIfTheUserWantsThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		link := w.link.(transport.Removals)
		removed := func(who transport.Address) {
			t.Helper()
			if err := link.ContactRemoved(t.Context(), who); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		back := func(who transport.Address) {
			t.Helper()
			if err := link.ContactBack(t.Context(), who); err != nil {
				t.Fatal(err)
			}
		}
		removed(phone)
		w.says("blocked nobody", "blocked-numbers")

		w.network.settings = preferences{romeo: {settingBlockRemoved: {"true"}}}
		removed(phone)
		removed(phone)
		w.says("1 number is blocked:\n• "+string(phone), "blocked-numbers")
		told := 0
		for _, e := range w.romeo.all() {
			if n, ok := e.(transport.Notice); ok && strings.Contains(n.Text, "unblock "+string(phone)) {
				told++
			}
		}
		if told != 1 {
			t.Errorf("it was told %d times", told)
		}
		w.texts(string(phone), "hello?")
		if got := w.lastText(); got != "" {
			t.Errorf("shown %q", got)
		}
		back(phone)
		w.says("blocked nobody", "blocked-numbers")
		w.texts(string(phone), "hello!")
		if got := w.lastText(); got != "hello!" {
			t.Errorf("shown %q", got)
		}

		// What the user says in so many words stays.
		removed(phone)
		w.says("is blocked", "block-number", "number="+string(phone))
		back(phone)
		w.says("1 number is blocked", "blocked-numbers")
		w.says("already", "block-number", "number="+string(phone))
		w.says("not blocked any more", "unblock-number", "number="+string(phone))
		removed("+15551234567,+15557654321")
		w.says("blocked nobody", "blocked-numbers")

		w.disk.records.Fail(errors.New("disk full"))
		if link.ContactRemoved(t.Context(), phone) == nil || link.ContactBack(t.Context(), phone) == nil {
			t.Error("a store that fails is not noticed")
		}
		w.disk.records.Fail(nil)
	})
}
