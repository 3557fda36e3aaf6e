package irc

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func (w *world) watches(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := w.session.Watch(context.Background(), transport.Address(name+"%net")); err != nil {
			w.t.Fatal(err)
		}
	}
}

func is(name string, a transport.Availability) transport.PresenceChanged {
	return transport.PresenceChanged{Who: transport.Address(name + "%net"), Availability: a}
}

var (
	there = transport.Availability{Online: true}
	gone  = transport.Availability{}
)

func away(why string) transport.Availability {
	return transport.Availability{Online: true, Show: "away", Status: why}
}

func TestPeopleAreWatchedByMONITOR(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.watches("tybalt") // before there is a link, and none is made for it
		time.Sleep(time.Minute)
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "away-notify account-notify draft/extended-monitor", "MONITOR=3")
		c.expect("JOIN #garden", "MONITOR + tybalt")
		c.admits("romeo", "#garden", "@peter romeo")
		if _, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatal("not joined")
		}
		c.expect("MODE #garden")
		w.watches("juliet", "nurse")
		c.expect("MONITOR + juliet", "MONITOR + nurse")
		c.sends(":s 730 romeo :juliet!j@capulet.example,Tybalt!t@h", ":s 731 romeo :nurse")
		w.sees(is("juliet", there), is("tybalt", there))
		c.sends(":s 730 romeo juliet", ":juliet!j@capulet.example AWAY :asleep", ":juliet!j@capulet.example AWAY :asleep")
		w.sees(is("juliet", away("asleep")))
		c.sends(":juliet!j@capulet.example ACCOUNT capulet", ":tybalt!t@h CHGHOST t cats.example", ":peter!p@h ACCOUNT servant")
		w.sees(transport.ProfileChanged{Who: "juliet%net"}, transport.ProfileChanged{Who: "tybalt%net"})
		if e, ok := w.next().(transport.MemberChanged); !ok || e.Member.Account != "servant" {
			t.Errorf("got %#v", e)
		}
		w.says("tybalt%net", "peace")
		c.expect("PRIVMSG tybalt peace")
		c.sends(":s 301 romeo tybalt :fencing")
		w.sees(is("tybalt", away("fencing")))
		c.sends(":juliet!j@capulet.example AWAY", ":tybalt!t@h PRIVMSG romeo :thou villain")
		w.sees(is("juliet", there), is("tybalt", there))
		if _, ok := w.next().(transport.MessageReceived); !ok {
			t.Error("the message is lost")
		}
		c.sends(":s 731 romeo :juliet")
		w.sees(is("juliet", gone))
		w.session.Unwatch(context.Background(), "juliet%net")
		c.expect("MONITOR - juliet")
		c.sends(":s 730 romeo :juliet!j@h")
		w.seesNothing()
		// one more than the server takes is asked for
		w.watches("juliet", "paris")
		c.expect("MONITOR + juliet", "ISON paris")
		// and what the server has no place for, whatever it said
		c.sends(":s 734 romeo 2 juliet :Monitor list is full.", ":s 303 romeo :Paris")
		w.sees(is("paris", there))
		time.Sleep(time.Second)
		got := c.expectPrefix("ISON ")
		if !strings.Contains(got, "juliet") || !strings.Contains(got, "paris") {
			t.Errorf("got %q", got)
		}
	})
}

func TestWatchesHoldOverALostLink(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.watches("juliet")
		c := w.inGardenOf("MONITOR")
		c.expect("MONITOR + juliet", "MODE #garden")
		c.sends(":s 730 romeo :juliet!j@h")
		w.sees(is("juliet", there))
		c.hangsUp()
		w.sees(is("juliet", gone))
		if e := w.goesDown(); e.Server == "" {
			t.Fatal("the link is not lost")
		}
		c = w.welcomes("romeo", "MONITOR")
		c.expect("JOIN #garden", "MONITOR + juliet")
	})
}

// inGardenOf is inGarden without a look at the lines behind JOIN.
func (w *world) inGardenOf(isupport ...string) *fakeConn {
	w.t.Helper()
	w.joins(garden, "romeo")
	c := w.welcomes("romeo", isupport...)
	c.expect("JOIN #garden")
	c.admits("romeo", "#garden", "@nurse romeo")
	if _, ok := w.next().(transport.RoomJoined); !ok {
		w.t.Fatal("not joined")
	}
	return c
}

func TestPeopleAreWatchedByWATCH(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.watches("juliet")
		c := w.inGardenOf("WATCH=128")
		c.expect("WATCH +juliet", "MODE #garden")
		c.sends(":s 604 romeo juliet j h 1 :is online")
		w.sees(is("juliet", there))
		c.sends(":s 601 romeo juliet j h 1 :logged offline")
		w.sees(is("juliet", gone))
		c.sends(":s 600 romeo juliet j h 1 :logged online")
		w.sees(is("juliet", there))
		w.session.Unwatch(context.Background(), "juliet%net")
		c.expect("WATCH -juliet")
	})
}

func TestPeopleAreAskedForFromTimeToTimeWhereNobodyWatchesThem(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.watches("juliet", "paris")
		c := w.inGardenOf()
		c.expect("MODE #garden")
		got := c.expectPrefix("ISON ")
		if got != "ISON juliet paris" && got != "ISON paris juliet" {
			t.Errorf("got %q", got)
		}
		c.sends(":s 303 romeo :Juliet ")
		w.sees(is("juliet", there))
		start := time.Now()
		c.expectPrefix("ISON ")
		if d := time.Since(start); d < pollInterval || d > 2*pollInterval {
			t.Errorf("asked again after %v", d)
		}
		c.sends(":s 303 romeo :paris")
		for range 2 {
			if e := w.next().(transport.PresenceChanged); e.Online != (e.Who == "paris%net") {
				t.Errorf("got %+v", e)
			}
		}
		// what shows by itself needs no asking
		c.sends(":juliet!j@h JOIN #garden")
		w.sees(is("juliet", there))
		w.next() // in the garden
		c.sends(":juliet!j@h NICK paris")
		if e := w.next().(transport.MemberRenamed); e.Was != "juliet" {
			t.Errorf("got %+v", e)
		}
		w.sees(is("juliet", gone))
		c.sends(":paris!j@h QUIT :bye")
		w.sees(is("paris", gone))
	})
}

func TestAnIsonOnTheConsoleIsAnsweredThere(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.says("net", "ISON juliet")
		c.expect("ISON juliet")
		c.sends(":s 303 romeo :juliet")
		if e, ok := w.next().(transport.MessageReceived); !ok || e.Chat != "net" {
			t.Errorf("got %#v", e)
		}
	})
}

func TestThatSomebodyIsAwayIsToldOnce(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		says := func(want string) {
			t.Helper()
			if e, ok := w.next().(transport.MessageReceived); !ok || e.Chat != "net" || e.Text != want {
				t.Errorf("got %#v", e)
			}
		}
		for range 3 {
			w.says("juliet%net", "wake up")
			c.expect("PRIVMSG juliet :wake up")
			c.sends(":s 301 romeo juliet :asleep")
		}
		says("juliet is away: asleep")
		w.seesNothing()
		c.sends(":s 301 romeo juliet :at mass")
		says("juliet is away: at mass")
	})
}
