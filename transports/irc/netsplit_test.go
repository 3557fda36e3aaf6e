package irc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// inCrowd is a link with one room and many people in it.
func (w *world) inCrowd(people int, isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.welcomes("romeo", isupport...)
	c.expect("JOIN #garden")
	c.sends(":romeo!r@h JOIN #garden")
	for i := range people {
		c.sends(fmt.Sprintf(":s 353 romeo = #garden :@n%d", i))
	}
	c.sends(":s 353 romeo = #garden :romeo", ":s 366 romeo #garden :End")
	if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != people+1 {
		w.t.Fatalf("not joined: %#v", e)
	}
	c.expect("MODE #garden")
	return c
}

func (w *world) notice(text string) {
	w.t.Helper()
	w.sees(transport.RoomNotice{Room: garden, Text: text})
}

func TestANetsplitIsOneLine(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inCrowd(500)
		for i := range 500 {
			c.sends(fmt.Sprintf(":n%d!n@h QUIT :one.verona.example two.verona.example", i))
		}
		w.notice("Netsplit (one.verona.example two.verona.example): 500 people are gone for now.")
		// nobody claims that they are there
		if members := w.session.Members(garden); len(members) != 1 {
			t.Errorf("%d members", len(members))
		}
		w.seesNothing()
		for i := range 498 {
			c.sends(fmt.Sprintf(":n%d!n@h JOIN #garden", i), fmt.Sprintf(":two.verona.example MODE #garden +o n%d", i))
		}
		// those who were operators are again
		operators := 0
		for range 2 * 498 {
			if e := w.next().(transport.MemberChanged); e.Role == transport.Moderator {
				operators++
			}
		}
		if operators != 498 {
			t.Errorf("%d operators", operators)
		}
		w.notice("The netsplit is over for 498 people.")
		start := time.Now()
		for range 4 {
			time.Sleep(time.Minute)
			c.sends(":s PONG s gatehouse")
		}
		w.sees(transport.MemberLeft{Room: garden, Member: transport.Member{
			Nick: "n498", Role: transport.Moderator, Affiliation: transport.Admin, Who: "n498%net",
		}, Reason: "one.verona.example two.verona.example"})
		if _, ok := w.next().(transport.MemberLeft); !ok {
			t.Error("who never came back has not left")
		}
		if d := time.Since(start); d < splitHold/2 || d > 2*splitHold {
			t.Errorf("after %v", d)
		}
		w.seesNothing()
	})
}

func TestWhoComesBackAsTheyWereIsNotShown(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":nurse!n@h JOIN #garden")
		before := w.next().(transport.MemberChanged)
		c.sends(":nurse!n@h QUIT :*.net *.split")
		w.notice("Netsplit (*.net *.split): nurse is gone for now.")
		c.sends(":nurse!n@h JOIN #garden")
		w.notice("The netsplit is over for nurse.")
		w.seesNothing()
		c.sends(":nurse!n@h PRIVMSG #garden :Anon!")
		if e := w.next().(transport.MessageReceived); e.Sender != before.Identity {
			t.Errorf("the nurse is %q now", e.Sender)
		}
		// a moment is no news at all
		c.sends(":nurse!n@h QUIT :*.net *.split", ":nurse!n@h JOIN #garden")
		time.Sleep(time.Minute)
		w.seesNothing()
	})
}

func TestWhoComesBackIsWhoTheyWere(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.alsoIn(c, "#balcony", "romeo")
		c.sends(":juliet!j@h QUIT :*.net *.split")
		w.notice("Netsplit (*.net *.split): juliet is gone for now.")
		c.sends(":juliet!j@h JOIN #balcony", ":juliet!j@h JOIN #garden")
		if e := w.next().(transport.MemberChanged); e.Room != "#balcony%net" || e.Identity != "host:j@h" {
			t.Errorf("got %#v", e)
		}
		for _, host := range []string{"j@h", "j@cloak.example"} {
			c.sends(":juliet!j@h CHGHOST j "+strings.TrimPrefix(host, "j@"), ":juliet!"+host+" PRIVMSG #garden :Ay me!")
			for said := false; !said; {
				switch e := w.next().(type) {
				case transport.MemberChanged:
					if e.Room == garden && e.Identity != "nick:juliet" {
						t.Errorf("from %s she is %q", host, e.Identity)
					}
				case transport.MessageReceived:
					if said = e.Text == "Ay me!"; said && e.Sender != "nick:juliet" {
						t.Errorf("from %s she is %q", host, e.Sender)
					}
				}
			}
		}
	})
}

func TestAnAbsentPersonsNickGoesToAnother(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		left := func() {
			t.Helper()
			if e, ok := w.next().(transport.MemberLeft); !ok || e.Nick != "nurse" || e.Host != "n@h" {
				t.Errorf("got %#v", e)
			}
		}
		c.sends(":nurse!n@h JOIN #garden")
		w.next()
		c.sends(":nurse!n@h QUIT :a.example b.example")
		w.notice("Netsplit (a.example b.example): nurse is gone for now.")
		c.sends(":nurse!other@elsewhere JOIN #garden")
		left()
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Host != "other@elsewhere" {
			t.Errorf("got %#v", e)
		}
		c.sends(":nurse!other@elsewhere QUIT :bye", ":nurse!n@h JOIN #garden")
		w.next()
		w.next()
		c.sends(":nurse!n@h QUIT :a.example b.example")
		w.notice("Netsplit (a.example b.example): nurse is gone for now.")
		c.sends(":juliet!j@h NICK nurse")
		left()
		if e, ok := w.next().(transport.MemberRenamed); !ok || e.Nick != "nurse" {
			t.Errorf("got %#v", e)
		}
	})
}

func TestWhoComesInDuringANetsplitSeesThoseWhoComeBack(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":nurse!n@h JOIN #garden")
		w.next()
		c.sends(":nurse!n@h QUIT :a.example b.example")
		w.notice("Netsplit (a.example b.example): nurse is gone for now.")
		w.joins(garden, "romeo") // with another client
		if e := w.next().(transport.RoomJoined); len(e.Members) != 2 {
			t.Errorf("%d members", len(e.Members))
		}
		c.sends(":nurse!n@h JOIN #garden")
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Nick != "nurse" {
			t.Errorf("got %#v", e)
		}
	})
}

func TestANetsplitInABatchNeedsNoReason(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "batch message-tags")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "juliet romeo")
		w.next()
		c.sends(":s BATCH +x netsplit a.example b.example", "@batch=x :juliet!j@h QUIT :gone", ":s BATCH -x")
		w.notice("Netsplit (gone): juliet is gone for now.")
	})
}

func TestWhatLooksLikeANetsplit(t *testing.T) {
	for reason, want := range map[string]bool{
		"a.example b.example": true, "*.net *.split": true, "irc-1.example.org hub.example.net": true,
		"Quit: a.example b.example": false, "a.example": false, "see example.org": false, "a.example  b.example": false,
		"a.example b.example c.example": false, "http://a.example b.example": false, "": false,
	} {
		if splitReason.MatchString(reason) != want {
			t.Errorf("%q is a netsplit: %v", reason, !want)
		}
	}
}
