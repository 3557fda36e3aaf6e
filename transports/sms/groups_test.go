package sms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

const family = transport.Address("+15551234567,+15557654321")

func TestGroupHasOneAddress(t *testing.T) {
	n := &Network{region: "US", maxMembers: 3}
	tests := []struct {
		name, text string
		moved      transport.Address
		problem    string
	}{
		{name: "as it is", text: string(family)},
		{name: "in another order", text: "+15557654321,+15551234567", moved: family},
		{name: "one twice", text: "+15551234567,+15557654321,+15551234567", moved: family},
		{name: "in national form, with spaces", text: " (555) 765-4321 , 555 123 4567", moved: family},
		{name: "with schemes", text: "sms:+15557654321,tel:+15551234567", moved: family},
		{name: "only one", text: "+15551234567,+1 555 123 4567", moved: phone},
		{name: "too many", text: "+15551234567,+15551234568,+15551234569,+15551234560", problem: "at most 3"},
		{name: "a short code", text: "+15551234567,32665", problem: "32665 can't be in a group"},
		{name: "an empty place", text: "+15551234567,", problem: "not a possible phone number"},
		{name: "words", text: "+15551234567,juliet", problem: "not a phone number"},
		{name: "only commas", text: ",,", problem: "not a possible phone number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, kind, err := n.Resolve(tt.text)
			e, _ := errors.AsType[*transport.Error](err)
			switch {
			case tt.problem != "":
				if e == nil || e.Reason != transport.BadAddress || !strings.Contains(e.Text, tt.problem) {
					t.Errorf("got %q, error %v", a, err)
				}
			case tt.moved != "":
				if e == nil || e.Reason != transport.Moved || e.Redirect != tt.moved {
					t.Errorf("got %q, error %+v", a, e)
				}
			case err != nil || kind != transport.Room || string(a) != tt.text:
				t.Errorf("got %q of kind %d, error %v", a, kind, err)
			}
		})
	}
	if a, kind, err := n.Resolve("a, b;phone-context=alphanumeric"); err != nil || kind != transport.Person {
		t.Errorf("a sender with a comma in their name is %q of kind %d, error %v", a, kind, err)
	}
}

func TestGroupKeepsTheContract(t *testing.T) {
	transporttest.RunInBubble(t, func(t *testing.T) transporttest.Subject {
		outbox := &transporttest.Outbox{Records: &transporttest.Records{}}
		o := Defaults()
		o.Users = []User{{romeo, romeoNumber}}
		made, err := o.New(transport.Env{Log: discard, Outbox: outbox, Records: outbox.Records})
		if err != nil {
			t.Fatal(err)
		}
		return transporttest.Subject{
			Network: made, Account: transport.Account{User: romeo}, Person: phone, Room: family, Outbox: outbox,
			Inbound: func(text string) error {
				return made.(*Network).Receive(context.Background(), provider.Inbound{
					ID: transport.MessageID("SM" + text), From: string(phone), To: romeoNumber, Text: text,
				})
			},
		}
	})
}

func TestGroupMembersGetCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("g1", family, "supper at nine")
		w.mustSend("g1", family, "supper at nine") // the client repeats it
		synctest.Wait()
		var to []string
		for _, o := range c.taken {
			to = append(to, o.To+": "+o.Text)
		}
		if len(to) != 2 || !strings.Contains(strings.Join(to, " "), "+15551234567: supper at nine") || !strings.Contains(strings.Join(to, " "), "+15557654321: supper at nine") {
			t.Fatalf("sent were %q", to)
		}
		id := c.ids[0]
		refusal := provider.Error(30005, nil)
		if err := w.network.Report(t.Context(), provider.Report{ID: id, Status: transport.Failed, Err: refusal}); err != nil {
			t.Fatal(err)
		}
		told := w.romeo.statuses("g1")
		last := told[len(told)-1]
		if last.Status != transport.Failed || last.Chat != family || string(last.Who) != c.taken[0].To {
			t.Errorf("told was %+v", last)
		}
	})
}

func TestOneMemberOfAGroupIsWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		if err := w.link.(transport.Rooms).Join(t.Context(), family, "romeo", transport.JoinOptions{}); err != nil {
			t.Fatal(err)
		}
		for nick, want := range map[string]transport.Reason{string(phone): -1, "romeo": transport.NotFound, "nobody": transport.NotFound} {
			_, err := w.link.Send(t.Context(), transport.Message{Chat: family, Nick: nick, Text: "in private"})
			e, _ := errors.AsType[*transport.Error](err)
			if want < 0 && err != nil || want >= 0 && (e == nil || e.Reason != want) {
				t.Errorf("to %q: %v", nick, err)
			}
		}
		synctest.Wait()
		if len(c.taken) != 1 || c.taken[0].To != string(phone) {
			t.Errorf("sent were %+v", c.taken)
		}
	})
}

func TestOwnNumberIsNoMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		for room, want := range map[transport.Address]transport.Address{
			"+15005550001,+15551234567,+15557654321": family,
			"+15005550001,+15551234567":              phone,
		} {
			err := w.link.(transport.Rooms).Join(t.Context(), room, "romeo", transport.JoinOptions{})
			if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.Moved || e.Redirect != want {
				t.Errorf("%s: %v", room, err)
			}
			if e, ok := errors.AsType[*transport.Error](w.sends("x", room, "hello")); !ok || e.Reason != transport.Moved {
				t.Errorf("a message to %s: %v", room, e)
			}
		}
	})
}

func TestGroupTextComesInItsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		receive := func(from string, group ...string) {
			t.Helper()
			in := provider.Inbound{ID: "MM1", From: from, To: romeoNumber, Group: group, Text: "hello all"}
			if err := w.network.Receive(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		receive("+15557654321", "+15551234567", romeoNumber)
		receive("+15557654321", romeoNumber) // nobody else: not a group
		receive("32665", "+15551234567")     // what a short code sends is answered to nobody
		var got []string
		for _, m := range w.romeo.received() {
			got = append(got, fmt.Sprintf("%s %s %s", m.Chat, m.Nick, m.Sender))
		}
		want := []string{"+15551234567,+15557654321 +15557654321 +15557654321", "+15557654321  ", "32665;phone-context=us  "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGroupsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		rooms := w.link.(transport.Rooms)
		join := func(i int) error {
			synctest.Wait()
			return rooms.Join(t.Context(), transport.Address(fmt.Sprintf("+15551234567,+1555765%04d", i)), "romeo", transport.JoinOptions{})
		}
		for i := range maxGroups {
			if err := join(i); err != nil {
				t.Fatal(err)
			}
		}
		if e, ok := errors.AsType[*transport.Error](join(maxGroups)); !ok || e.Reason != transport.TooMany {
			t.Errorf("one more: %v", e)
		}
		if err := join(0); err != nil {
			t.Errorf("one of them again: %v", err)
		}
	})
}

func TestGroupOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.maxMembers = 2
		tests := []struct {
			name   string
			people []transport.Address
			want   transport.Address
			reason transport.Reason
		}{
			{name: "two", people: []transport.Address{"+15557654321", phone}, want: family},
			{name: "one and the user", people: []transport.Address{romeoNumber, phone}, want: phone},
			{name: "the user alone", people: []transport.Address{romeoNumber}, reason: transport.BadRequest},
			{name: "a short code", people: []transport.Address{phone, "32665;phone-context=us"}, reason: transport.Unacceptable},
			{name: "too many", people: []transport.Address{phone, "+15557654321", "+15557654322"}, reason: transport.Unacceptable},
		}
		for _, tt := range tests {
			got, err := w.link.(transport.Groups).Group(tt.people)
			e, _ := errors.AsType[*transport.Error](err)
			if got != tt.want || tt.want == "" && (e == nil || e.Reason != tt.reason) {
				t.Errorf("%s: got %q, error %v", tt.name, got, err)
			}
		}
	})
}

// crowdCarrier is a provider that carries group texts as such.
type crowdCarrier struct{ *carrier }

func (crowdCarrier) CarriesGroup(string, []string) bool { return true }

func TestGroupIsCarriedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		c.change = func(n *Network) { n.lines.trunk(operatorTrunk).provider = crowdCarrier{c} }
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("g1", family, "supper at nine")
		synctest.Wait()
		if len(c.taken) != 1 || c.taken[0].To != "" || strings.Join(c.taken[0].Group, ",") != string(family) {
			t.Fatalf("sent were %+v", c.taken)
		}
		for range 2 { // the provider tells it twice
			r := provider.Report{ID: c.ids[0], Who: string(phone), Status: transport.Failed, Err: provider.Error(30003, nil)}
			if err := w.network.Report(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		told := w.romeo.statuses("g1")
		last := told[len(told)-1]
		if last.Status != transport.Failed || last.Chat != family || last.Who != phone {
			t.Errorf("told was %+v", last)
		}
		if got := w.states(); len(got) != 1 || got[0] != transport.Sent {
			t.Errorf("the item is in %v, and others may get it yet", got)
		}
		if c, err := w.network.chargeOf(romeo, time.Now(), w.disk.all()); err != nil || c.tally.Texts != 2 {
			t.Errorf("it counts as %+v, error %v", c.tally, err)
		}
	})
}

// strictCarrier carries no group texts after all.
type strictCarrier struct {
	crowdCarrier
	why *transport.Error
}

func (c strictCarrier) Send(ctx context.Context, o provider.Outgoing) (provider.Sent, error) {
	if len(o.Group) > 0 {
		return provider.Sent{}, c.process.around(func() error { return c.why })
	}
	return c.carrier.Send(ctx, o)
}

// What the provider does not take as one goes to each, whenever the process dies.
func TestGroupThatIsRefusedAsOneGoesToEachOnce(t *testing.T) {
	crowd := func(why *transport.Error) *carrier {
		c := &carrier{}
		c.change = func(n *Network) { n.lines.trunk(operatorTrunk).provider = strictCarrier{crowdCarrier{c}, why} }
		return c
	}
	refusal := &transport.Error{Reason: transport.Rejected, Text: "no such group", Code: "50407"}
	for dieAt := 0; ; dieAt++ {
		died := false
		synctest.Test(t, func(t *testing.T) {
			d, c := newDisk(), crowd(refusal)
			w := start(t, d, c, dieAt)
			err := w.sends("g1", family, "supper at nine")
			time.Sleep(time.Minute)
			synctest.Wait()
			died = w.process.isDead()
			w.ends()
			if dieAt > 0 {
				w = start(t, d, c, 0)
				defer w.ends()
				if err != nil {
					w.sends("g1", family, "supper at nine") // the client tries it again
				}
				time.Sleep(time.Hour)
				synctest.Wait()
			}
			to := map[string]int{}
			for _, o := range c.taken {
				to[o.To]++
			}
			if len(to) != 2 || to["+15551234567"] != 1 || to["+15557654321"] != 1 {
				t.Errorf("died at step %d: sent were %+v", dieAt, c.taken)
			}
		})
		if dieAt > 0 && !died {
			break
		}
	}

	// Where the account is at fault, copies would fare no better.
	synctest.Test(t, func(t *testing.T) {
		c := crowd(provider.Error(20003, nil))
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("g1", family, "supper at nine")
		synctest.Wait()
		if told := w.romeo.statuses("g1"); len(c.taken) != 0 || len(told) != 1 || told[0].Status != transport.Failed || told[0].Chat != family {
			t.Errorf("sent %v, told %v", c.taken, told)
		}
	})
	// Each member's copies of a long message are told of together.
	synctest.Test(t, func(t *testing.T) {
		c := crowd(refusal)
		change := c.change
		c.change = func(n *Network) { change(n); n.maxSegments = 1 }
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		w.mustSend("g1", family, strings.Repeat("supper at nine ", 15))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(c.taken) != 4 {
			t.Fatalf("sent were %+v", c.taken)
		}
		delivered := func() (who []transport.Address) {
			for _, s := range w.romeo.statuses("g1") {
				if s.Status == transport.Delivered {
					who = append(who, s.Who)
				}
			}
			return who
		}
		for i, o := range c.taken {
			if o.To == "+15557654321" {
				if got := delivered(); len(got) != 0 {
					t.Errorf("told %v before all of one's texts were delivered", got)
				}
				w.network.Report(t.Context(), provider.Report{ID: c.ids[i], Status: transport.Delivered})
			}
		}
		if got := delivered(); len(got) != 1 || got[0] != "+15557654321" {
			t.Errorf("told %v", got)
		}
	})
}

func TestMemberWhoOptedOutIsLeftOutAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		w := start(t, newDisk(), c, 0)
		defer w.ends()
		if _, err := w.network.setOptOut(t.Context(), romeoNumber, phone, true); err != nil {
			t.Fatal(err)
		}
		w.mustSend("g1", family, "supper at nine")
		synctest.Wait()
		if len(c.taken) != 1 || c.taken[0].To != "+15557654321" {
			t.Errorf("sent were %+v", c.taken)
		}
		var failed []transport.Address
		for _, s := range w.romeo.statuses("g1") {
			if s.Status == transport.Failed {
				failed = append(failed, s.Who)
			}
		}
		if len(failed) != 1 || failed[0] != phone {
			t.Errorf("told was that it did not reach %q", failed)
		}
	})
}
