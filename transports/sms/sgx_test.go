package sms

import (
	"errors"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

const cheogramUser = `romeo\40example.org@cheogram.example`

func TestCheogramsAddressesAreOtherSpellings(t *testing.T) {
	for _, tt := range []struct {
		name, theirs string
		ours         transport.Address
	}{
		{"a short code", "32665;phone-context=ca-us.phone-context.soprani.ca", "32665;phone-context=us"},
		{"letters", "676868;phone-context=alphanumeric.phone-context.soprani.ca", "abb;phone-context=alphanumeric"},
		{"letters and a space", "79912683680778;phone-context=alphanumeric.phone-context.soprani.ca", ""},
		{"nobody", "15;phone-context=anonymous.phone-context.soprani.ca", anonymous},
		{"nobody, restricted", "14;phone-context=anonymous.phone-context.soprani.ca", anonymous},
		{"nobody of no kind", "19;phone-context=anonymous.phone-context.soprani.ca", ""},
	} {
		plain, ok := fromSGX(transport.Address(tt.theirs), "US")
		if tt.name == "letters and a space" {
			if !ok {
				t.Errorf("%s: not understood", tt.name)
			}
			continue
		}
		if plain != tt.ours {
			t.Errorf("%s: got %q, want %q", tt.name, plain, tt.ours)
		}
		n := &Network{region: "US", maxMembers: 10}
		_, _, err := n.Resolve(tt.theirs)
		e, _ := errors.AsType[*transport.Error](err)
		if ok && (e == nil || e.Reason != transport.Moved || e.Redirect != tt.ours) {
			t.Errorf("%s: resolves with %v", tt.name, err)
		}
		n.sgx = []string{"cheogram.example"}
		if !ok {
			continue
		}
		if a, kind, err := n.Resolve(tt.theirs); err != nil || kind != transport.Person || string(a) != tt.theirs {
			t.Errorf("%s: with users of Cheogram it is %q, error %v", tt.name, a, err)
		}
		if err := n.Refuse(cheogramUser, transport.Address(tt.theirs)); err != nil {
			t.Errorf("%s: refused to a user of Cheogram: %v", tt.name, err)
		}
		if e, _ := errors.AsType[*transport.Error](n.Refuse(romeo, transport.Address(tt.theirs))); e == nil || e.Redirect != tt.ours {
			t.Errorf("%s: others get %v", tt.name, e)
		}
	}
}

func TestLettersComeBackFromCheogramsDigits(t *testing.T) {
	for _, letters := range []string{"MyBank", "my bank", "POST OFFICE", "Google", "DHL", "Bank24"} {
		a := lettersAddress(letters)
		if got, ok := fromSGX(sgxForm(a), "US"); !ok || got != a {
			t.Errorf("%q: %q became %q", letters, sgxForm(a), got)
		}
	}
}

func FuzzCheogramsDigits(f *testing.F) {
	f.Add("474759236354845")
	f.Add("0")
	f.Fuzz(func(t *testing.T, digits string) {
		if a, ok := fromSGX(transport.Address(digits)+sgxLetters, "US"); ok {
			if again, err := resolve(string(a), "US"); err != nil || again != a {
				t.Errorf("%q became %q, which resolves to %q, error %v", digits, a, again, err)
			}
		}
	})
}

func TestUsersOfCheogramSeeItsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.network.sgx = []string{"cheogram.example"}
		w.network.lines.assign(cheogramUser, "+15005550088", w.network.lines.trunk(operatorTrunk))
		in := &inbox{}
		link := w.open(cheogramUser, in)
		defer link.Close(t.Context(), "")
		synctest.Wait()
		for _, from := range []string{"32665", "Bank", "", "+15551234567"} {
			err := w.network.Receive(t.Context(), provider.Inbound{ID: transport.MessageID("SM" + from), From: from, To: "+15005550088", Text: "hello"})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := []transport.Address{
			"32665;phone-context=ca-us.phone-context.soprani.ca", "68678077;phone-context=alphanumeric.phone-context.soprani.ca",
			"15;phone-context=anonymous.phone-context.soprani.ca", "+15551234567",
		}
		for i, m := range in.received() {
			if m.Chat != want[i] {
				t.Errorf("a text is from %q, want %q", m.Chat, want[i])
			}
		}
		if _, err := link.Send(t.Context(), transport.Message{Chat: want[0], Text: "YES"}); err != nil {
			t.Error(err)
		}
		for _, to := range want[1:3] {
			_, err := link.Send(t.Context(), transport.Message{Chat: to, Text: "who are you?"})
			if e, _ := errors.AsType[*transport.Error](err); e == nil || e.Reason != transport.NotAllowed {
				t.Errorf("a text to %q: %v", to, err)
			}
		}
		synctest.Wait()
		if len(c.taken) != 1 || c.taken[0].To != "32665" {
			t.Errorf("sent were %+v", c.taken)
		}
	})
}

func TestSenderIsNamedAsTheyWriteThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for i, from := range []string{"MyBank", "MyBank", "MYBANK", "32665"} {
			err := w.network.Receive(t.Context(), provider.Inbound{ID: transport.MessageID(rune('a' + i)), From: from, To: romeoNumber, Text: "hello"})
			if err != nil {
				t.Fatal(err)
			}
		}
		var names []string
		for _, e := range w.romeo.events {
			if c, ok := e.(transport.ContactChanged); ok && c.Who == "mybank;phone-context=alphanumeric" {
				names = append(names, c.Name)
			}
		}
		if len(names) != 2 || names[0] != "MyBank" || names[1] != "MYBANK" {
			t.Errorf("the names are %q", names)
		}
	})
}

func TestMembersHaveTheNamesOfContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		naming := w.link.(transport.Naming)
		nicks := func() (nicks []string) {
			synctest.Wait()
			for _, m := range w.link.(transport.Rooms).Members(family) {
				nicks = append(nicks, m.Nick)
			}
			return nicks
		}
		naming.Called(phone, "Juliet")
		if err := w.link.(transport.Rooms).Join(t.Context(), family, "Romeo", transport.JoinOptions{}); err != nil {
			t.Fatal(err)
		}
		same := func(want ...string) {
			t.Helper()
			got := nicks()
			if len(got) != len(want) {
				t.Fatalf("the members are %q", got)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("the members are %q, want %q", got, want)
				}
			}
		}
		same("Romeo", "Juliet", "+15557654321")
		naming.Called("+15557654321", "Nurse")
		same("Romeo", "Juliet", "Nurse")
		naming.Called("+15557654321", "Romeo")
		same("Romeo", "Juliet", "Romeo (+15557654321)")
		naming.Called("+15557654321", "Juliet")
		same("Romeo", "Juliet (+15551234567)", "Juliet (+15557654321)")
		var renamed []string
		for _, e := range w.romeo.events {
			if r, ok := e.(transport.MemberRenamed); ok {
				renamed = append(renamed, r.Was+" "+r.Nick)
			}
		}
		if len(renamed) < 3 || renamed[0] != "+15557654321 Nurse" {
			t.Errorf("told were %q", renamed)
		}
	})
}
