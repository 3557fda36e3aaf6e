package sms

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const overSecond = phone + ownParam + romeoSecond

func TestAddressOverOneOfTheUsersNumbers(t *testing.T) {
	n := &Network{region: "US", lines: newLines()}
	tests := []struct {
		in    string
		want  transport.Address // "": it is refused
		moved bool
	}{
		{in: "+15551234567;from=+15005550011", want: overSecond},
		{in: "+15551234567;FROM=+15005550011", want: overSecond},
		{in: "(555) 123-4567;from=(500) 555-0011", want: overSecond, moved: true},
		{in: "+15551234567;from=15005550011", want: overSecond, moved: true},
		{in: "32665;phone-context=us;from=+15005550011", want: "32665;phone-context=us;from=+15005550011"},
		{in: "mybank;phone-context=alphanumeric;from=+15005550011", want: "mybank;phone-context=alphanumeric;from=+15005550011"},
		{in: "anonymous;from=+15005550011", want: "anonymous;from=+15005550011"},
		{in: "x;from=+1;phone-context=alphanumeric", want: "x%3bfrom=+1;phone-context=alphanumeric"},
		{in: "+15551234567;from="},
		{in: "+15551234567;from=juliet"},
		{in: "+15551234567;from=12"},
		{in: ";from=+15005550011"},
		{in: "juliet;from=+15005550011"},
		{in: "+15551234567;from=+15005550011;from=+15005550011"},
		{in: "\xff;from=+15005550011"},
		{in: ";from"},
	}
	for _, tt := range tests {
		a, kind, err := n.Resolve(tt.in)
		e, _ := errors.AsType[*transport.Error](err)
		switch {
		case tt.want == "":
			if e == nil || e.Reason != transport.BadAddress || e.Text == "" {
				t.Errorf("%q gives %q and %v", tt.in, a, err)
			}
		case tt.moved:
			if e == nil || e.Reason != transport.Moved || e.Redirect != tt.want {
				t.Errorf("%q gives %q and %v", tt.in, a, err)
			}
		case err != nil || a != tt.want || kind != transport.Person:
			t.Errorf("%q gives %q and %v", tt.in, a, err)
		}
	}
}

func TestTextsOfASecondNumberHaveTheirOwnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.lines.assign(romeo, romeoSecond, w.network.lines.trunk(operatorTrunk))
		chats := func() (all []transport.Address) {
			for _, m := range w.romeo.received() {
				all = append(all, m.Chat)
			}
			return all
		}
		comes := func(id, to string) {
			t.Helper()
			in := provider.Inbound{ID: transport.MessageID(id), From: string(phone), To: to, Text: "O Romeo"}
			if err := w.network.Receive(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		comes("1", romeoNumber)
		comes("2", romeoSecond)
		w.network.lines.prefer(romeo, romeoSecond)
		comes("3", romeoSecond)
		comes("4", romeoNumber)
		want := []transport.Address{phone, overSecond, phone, phone + ownParam + romeoNumber}
		if diff := cmp.Diff(want, chats()); diff != "" {
			t.Error(diff)
		}

		w.mustSend("r1", phone+ownParam+romeoNumber, "from the first")
		w.mustSend("r2", phone, "from the second")
		synctest.Wait()
		from := map[string]string{}
		for _, o := range w.carrier.taken {
			from[o.Text] = o.From + " to " + o.To
		}
		wantFrom := map[string]string{
			"from the first":  romeoNumber + " to " + string(phone),
			"from the second": romeoSecond + " to " + string(phone),
		}
		if diff := cmp.Diff(wantFrom, from); diff != "" {
			t.Error(diff)
		}
		if told := w.romeo.statuses("r1"); len(told) != 1 || told[0].Chat != phone+ownParam+romeoNumber {
			t.Errorf("told %+v", told)
		}
	})
}

func TestNobodySendsFromAnothersNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		others := phone + ownParam + sharedNumber
		for what, err := range map[string]error{
			"a text":         w.sends("r1", others, "hello"),
			"a subscription": w.network.Refuse(romeo, others),
		} {
			e, ok := errors.AsType[*transport.Error](err)
			if want := sharedNumber + " is not one of your numbers. Yours: " + romeoNumber + "."; !ok || e.Reason != transport.NotAllowed || e.Text != want {
				t.Errorf("%s: got %v", what, err)
			}
		}
		for _, a := range []transport.Address{phone, phone + ownParam + romeoNumber} {
			if err := w.network.Refuse(romeo, a); err != nil {
				t.Errorf("%s: %v", a, err)
			}
		}
		if err := w.sends("r2", "911;phone-context=us"+ownParam+romeoNumber, "help"); err == nil {
			t.Error("an emergency number was texted")
		}
	})
}

func TestEqualTextsOverTwoAddressesAreSentInTurn(t *testing.T) {
	a := transport.OutboxItem{From: romeoNumber, Chat: phone}
	b := transport.OutboxItem{From: romeoNumber, Chat: phone + ownParam + romeoNumber}
	if laneOf(a) != laneOf(b) {
		t.Error("two equal texts from one number to another could be taken for one")
	}
}

func TestAddressNamesTheNumberThatItIsOver(t *testing.T) {
	n := &Network{lines: newLines()}
	if short, _ := n.Names(overSecond); short != "+15551234567 (your number +15005550011)" {
		t.Errorf("it is called %q", short)
	}
	if short, _ := n.Names(phone); short != string(phone) {
		t.Errorf("it is called %q", short)
	}
}
