package irc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// hasNotice waits for what a room is told.
func (w *world) hasNotice(words string) {
	w.t.Helper()
	e, ok := w.next().(transport.RoomNotice)
	if !ok || e.Room != garden || !strings.Contains(e.Text, words) {
		w.t.Fatalf("got %#v, want a notice with %q", e, words)
	}
}

func TestARoomIsToldOnceThatTheConnectionIsLostAndOnceThatItIsBack(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":nurse!n@capulet.example JOIN #garden")
		w.sees(transport.MemberChanged{Room: garden, Joined: true, Member: func() transport.Member {
			m := member("nurse", transport.Participant, transport.AffiliationNone)
			m.Host, m.Identity = "n@capulet.example", "host:n@capulet.example"
			return m
		}()})
		c.sends("ERROR :Closing link: (romeo@verona.example) [Ping timeout]")
		w.hasNotice("closed the connection: Ping timeout. The connection is being made again")
		w.goesDown()
		w.refuses(errors.New("no route"))
		for range 3 {
			if e, ok := w.next().(transport.LinkDown); !ok || e.RetryIn == 0 {
				t.Errorf("got %#v", e)
			}
		}
		w.refuses(nil)
		w.welcomes("romeo").expect("JOIN #garden")
		w.conns[len(w.conns)-1].admits("romeo", "#garden", "@juliet romeo")
		left := w.next().(transport.MemberLeft)
		if left.Nick != "nurse" || left.Room != garden {
			t.Errorf("got %+v", left)
		}
		if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 2 {
			t.Errorf("got %#v", e)
		}
		w.hasNotice("is back")
		w.seesNothing()
	})
}

func TestRoomsAreLeftOnceTheConnectionStaysAway(t *testing.T) {
	o := testOptions()
	o.ReconnectGrace = 10 * time.Minute
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		lost := time.Now()
		w.refuses(errors.New("no route"))
		c.hangsUp()
		w.hasNotice("closed the connection")
		for {
			e := w.next()
			if down, ok := e.(transport.LinkDown); ok && down.RetryIn > 0 {
				continue
			}
			if left, ok := e.(transport.RoomLeft); !ok || left.Room != garden || left.Why != transport.LinkLost {
				t.Fatalf("got %#v", e)
			}
			break
		}
		if took := time.Since(lost); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("the room was kept for %v", took)
		}
		w.sees(transport.LinkDown{Server: "net", Err: because(transport.Unreachable)})
		time.Sleep(time.Hour)
		w.seesNothing()

		// Whoever comes back has the room at once.
		w.refuses(nil)
		w.joins(garden, "romeo")
		w.welcomes("romeo").expect("JOIN #garden")
	})
}

func TestRoomsAreNotKeptForLongerWhereTheServerTakesNobody(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden().sends("ERROR :Closing Link: h (Too many connections from your host)")
		w.hasNotice("Too many connections")
		w.goesDown()
		g := &w.network.gates
		g.mu.Lock() // the server asks for more and more time
		g.byHost["irc.example.org"].closed = time.Now().Add(time.Hour)
		g.mu.Unlock()
		start := time.Now()
		time.Sleep(6 * time.Minute)
		w.sees(transport.RoomLeft{Room: garden, Why: transport.LinkLost, Err: because(transport.Unreachable)})
		if took := time.Since(start); took > 15*time.Minute+time.Second {
			t.Errorf("the room was kept for %v", took)
		}
	})
}

func TestAKickIsForGoodUnlessTheConfigSaysOtherwise(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.inGarden().sends(":juliet!j@c KICK #garden romeo :go")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Kicked, By: "juliet", Reason: "go"})
		time.Sleep(time.Minute)
		w.seesNothing()
	})
	o := testOptions()
	o.RejoinAfterKick = 30 * time.Second
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		for range kicksBorne {
			c.sends(":juliet!j@c KICK #garden romeo :go")
			w.hasNotice("juliet has kicked you: go. You join again in 30s.")
			if err := w.says(garden, "but"); err == nil {
				t.Error("a message is taken while romeo is out")
			}
			start := time.Now()
			c.expect("JOIN #garden")
			if took := time.Since(start); took != 30*time.Second {
				t.Errorf("back after %v", took)
			}
			c.admits("romeo", "#garden", "@juliet romeo")
			if e, ok := w.next().(transport.RoomJoined); !ok {
				t.Errorf("got %#v", e)
			}
			c.expect("MODE #garden")
		}
		c.sends(":juliet!j@c KICK #garden romeo :go!")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Kicked, By: "juliet", Reason: "go!"})
	})
}

func TestAKickFollowedByABanIsForGood(t *testing.T) {
	o := testOptions()
	o.RejoinAfterKick = 30 * time.Second
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@c KICK #garden romeo :go")
		w.hasNotice("kicked")
		c.expect("JOIN #garden")
		c.sends(":irc.example.org 474 romeo #garden :Cannot join channel (+b)")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.LinkLost, Reason: "Cannot join channel (+b)", Err: because(transport.BannedFrom)})
	})
}

func TestWhoDoesNothingForLongIsDisconnected(t *testing.T) {
	o := testOptions()
	o.IdleAfter = 2 * time.Hour
	inWorld(t, o, func(w *world) {
		c := w.inGarden()
		keepAlive := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Minute) {
				c.sends("PING :x", ":juliet!j@c PRIVMSG #garden :romeo?")
			}
		}
		keepAlive(time.Hour + 50*time.Minute)
		if err := w.says(garden, "here"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		go keepAlive(2 * time.Hour)
		for {
			e := w.next()
			if _, ok := e.(transport.MessageReceived); ok {
				continue
			}
			if left, ok := e.(transport.RoomLeft); !ok || left.Why != transport.Parted || !strings.Contains(left.Reason, "nothing") {
				t.Fatalf("got %#v", e)
			}
			break
		}
		if took := time.Since(start); took != 2*time.Hour {
			t.Errorf("that took %v", took)
		}
		w.sees(transport.LinkDown{Server: "net"})
		w.session.Leave(context.Background(), garden, "")
		time.Sleep(2 * time.Hour)
	})
}

func TestWhoIsPutIntoAChannelIsInvited(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.admits("romeo", "#court", "@prince romeo")
		w.sees(transport.Invited{Room: "#court%net", Reason: "net wanted you to be there."})
		c.expect("PART #court")
		c.sends(":romeo!r@h PART #court")
		w.seesNothing()
	})
}
