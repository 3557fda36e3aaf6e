package irc

import (
	"context"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestMasksMatch(t *testing.T) {
	for _, tt := range []struct {
		mask, text string
		want       bool
	}{
		{"*!*@capulet.example", "tybalt!t@capulet.example", true},
		{"*!*@capulet.example", "tybalt!t@montague.example", false},
		{"ty?alt!*@*", "tybalt!t@x", true},
		{"tybalt", "tybalt!t@x", false},
		{"**t*!*", "tybalt!t@x", true},
		{"", "", true},
		{"?", "", false},
		{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := matches(tt.mask, tt.text); got != tt.want {
			t.Errorf("%q and %q: %v", tt.mask, tt.text, got)
		}
	}
}

func TestBansAndQuietsAreListed(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("CHANMODES=beIq,k,l,imnpst")
		ask := func(r transport.Request) {
			if err := w.session.ListBans(context.Background(), garden, r); err != nil {
				t.Fatal(err)
			}
			c.expect("MODE #garden b", "MODE #garden q")
		}
		ask("1")
		c.sends(
			":s 367 romeo #garden *!*@Capulet.example juliet!j@c 1700000000",
			":s 367 romeo #garden paris!*@*",
			":s 368 romeo #garden :End of Channel Ban List",
			":s 728 romeo #garden q nurse!*@* juliet 1700000000",
			":s 729 romeo #garden q :End of Channel Quiet List",
		)
		w.sees(transport.BansListed{Request: "1", Room: garden, Bans: []transport.Ban{
			{Mask: "*!*@Capulet.example", Who: "*!*@capulet.example%net", By: "juliet", At: time.Unix(1700000000, 0)},
			{Mask: "paris!*@*", Who: "paris!*@*%net"},
			{Mask: "nurse!*@*", Who: "~q:nurse!*@*%net", Mute: true, By: "juliet"},
		}})
		ask("2")
		c.sends(":s 482 romeo #garden :You're not channel operator")
		w.sees(transport.Answered{Request: "2", Err: because(transport.Forbidden)})

		none, outcast := transport.AffiliationNone, transport.Outcast
		for _, tt := range []struct {
			a    transport.Action
			want string
		}{
			{transport.Action{Who: "*!*@capulet.example%net", Affiliation: &none}, "MODE #garden -b *!*@capulet.example"},
			{transport.Action{Who: "~q:nurse!*@*%net", Affiliation: &none}, "MODE #garden -q nurse!*@*"},
			{transport.Action{Mask: "*!*@mantua.example", Affiliation: &outcast}, "MODE #garden +b *!*@mantua.example"},
		} {
			tt.a.Request = "3"
			if err := w.session.Moderate(context.Background(), garden, tt.a); err != nil {
				t.Fatal(err)
			}
			c.expect(tt.want)
			w.sees(transport.Answered{Request: "3"})
		}
		for _, mask := range []string{"juliet@example.org", "a!b@c d", "a!b@c,d", ":a!b@c"} {
			err := w.session.Moderate(context.Background(), garden, transport.Action{Mask: mask, Affiliation: &outcast})
			if reasonOf(err) != transport.BadRequest {
				t.Errorf("%q: %v", mask, err)
			}
		}
	})
}

func TestABanThatFailsIsTold(t *testing.T) {
	outcast := transport.Outcast
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		for _, tt := range []struct {
			lines []string
			want  transport.Reason
		}{
			{[]string{":s 478 romeo #garden b :Channel ban list is full"}, transport.TooMany},
			{[]string{":s 482 romeo #garden :You're not channel operator", ":s 482 romeo #garden :You're not channel operator"}, transport.Forbidden},
		} {
			if err := w.session.Moderate(context.Background(), garden, transport.Action{Nick: "juliet", Affiliation: &outcast, Request: "1"}); err != nil {
				t.Fatal(err)
			}
			c.expect("MODE #garden +b juliet!*@*", "KICK #garden juliet")
			c.sends(tt.lines...)
			w.sees(transport.Answered{Request: "1", Err: because(tt.want)})
		}
		w.seesNothing()
	})
}

func TestWhoIsKickedAfterABanWasBanned(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":tybalt!t@capulet.example JOIN #garden", ":paris!p@mantua.example JOIN #garden")
		w.next()
		w.next()
		c.sends(":juliet!j@c MODE #garden +b-b *!*@capulet.example *!*@mantua.example", ":juliet!j@c KICK #garden tybalt :out", ":juliet!j@c KICK #garden paris :out")
		if _, ok := w.next().(transport.RoomNotice); !ok {
			t.Error("the ban is not shown")
		}
		for _, want := range []transport.Departure{transport.Banned, transport.Kicked} {
			if e := w.next().(transport.MemberLeft); e.Why != want || e.By != "juliet" {
				t.Errorf("got %+v", e)
			}
		}
		c.sends(":irc.example.org MODE #garden +o romeo", ":juliet!j@c MODE #garden +b romeo!*@*", ":juliet!j@c KICK #garden romeo :out")
		w.next() // what a server gives is no notice, but a role
		w.next()
		e := w.next().(transport.RoomLeft)
		if e.Why != transport.Banned || e.Affiliation != transport.Admin {
			t.Errorf("got %+v", e)
		}
	})
}

func TestVisitorsAreThoseWhoMayNotSpeak(t *testing.T) {
	visitor, participant := transport.Visitor, transport.Participant
	for name, tt := range map[string]struct {
		isupport  []string
		add, take string
	}{
		"a list of its own": {[]string{"CHANMODES=bq,k,l,imnpst"}, "+q juliet!*@*", "-q juliet!*@*"},
		"an extended ban":   {[]string{"EXTBAN=,Cm"}, "+b m:juliet!*@*", "-b m:juliet!*@*"},
		"neither":           {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGarden(tt.isupport...)
				c.sends(":juliet!j@c MODE #garden -o juliet")
				w.next()
				w.next()
				moderate := func(r *transport.Role) error {
					return w.session.Moderate(context.Background(), garden, transport.Action{Nick: "juliet", Role: r, Request: "1"})
				}
				err := moderate(&visitor)
				if tt.add == "" {
					if reasonOf(err) != transport.Unsupported {
						t.Errorf("got %v", err)
					}
					return
				}
				c.expect("MODE #garden " + tt.add)
				c.sends(":romeo!r@h MODE #garden " + tt.add)
				if _, ok := w.next().(transport.RoomNotice); !ok {
					t.Error("no notice")
				}
				if e, ok := w.next().(transport.MemberChanged); !ok || e.Role != transport.Visitor {
					t.Errorf("got %+v", e)
				}
				w.sees(transport.Answered{Request: "1"})
				if err := moderate(&participant); err != nil {
					t.Fatal(err)
				}
				c.expect("MODE #garden " + tt.take)
				c.sends(":romeo!r@h MODE #garden " + tt.take)
				w.next()
				if e := w.next().(transport.MemberChanged); e.Role != transport.Participant {
					t.Errorf("got %+v", e)
				}
			})
		})
	}
}
