package irc

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// readers says what the link's goroutine has on its stack: all that it needs for
// lines, or the wait alone.
func readers() (deep, shallow bool) {
	b := make([]byte, 1<<20)
	stacks := string(b[:runtime.Stack(b, true)])
	return strings.Contains(stacks, "irc.(*link).read("), strings.Contains(stacks, "irc.(*link).waitFor(")
}

func TestALinkAtRestWaitsWithAShortStack(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		if deep, shallow := readers(); !deep || shallow {
			t.Error("a link that has just been let in rests")
		}
		time.Sleep(restAfter + time.Second)
		if deep, shallow := readers(); deep || !shallow {
			t.Error("a link that hears nothing does not rest")
		}
		for i := range 10 { // with what it does at its times, too
			c.expect("PING gatehouse")
			if i%2 == 0 {
				c.sends(":s PONG s :gatehouse")
			} else {
				c.sends(":juliet!j@c PRIVMSG #garden :still here")
				w.next()
			}
			time.Sleep(restAfter + time.Second)
			if deep, shallow := readers(); deep || !shallow {
				t.Fatal("a link that hears nothing any more does not rest again")
			}
		}
	})
}

// Lines come at the moment when the link begins to rest, and in pieces.
func TestALinkThatBeginsToRestMissesNothing(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		say := func(text string) string { return ":juliet!j@c PRIVMSG #garden :" + text }
		for range 50 {
			time.Sleep(restAfter)
			c.sends(say("whole"))
			if m, ok := w.next().(transport.MessageReceived); !ok || m.Message.Text != "whole" {
				t.Fatalf("got %+v", m)
			}
			line := say("in pieces") + "\r\n"
			if _, err := c.conn.Write([]byte(line[:20])); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * restAfter)
			if _, err := c.conn.Write([]byte(line[20:])); err != nil {
				t.Fatal(err)
			}
			if m, ok := w.next().(transport.MessageReceived); !ok || m.Message.Text != "in pieces" {
				t.Fatalf("got %+v", m)
			}
		}
	})
}

func TestAChannelAtRestTakesNoMoreRoomThanItsPeople(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inCrowd(33)
		room := func() int {
			w.session.mu.Lock()
			defer w.session.mu.Unlock()
			few := w.session.links[w.network.servers["net"]].channel("#garden").members.few
			return cap(few) - len(few)
		}
		if room() < 10 {
			t.Error("the list does not grow ahead: this shows nothing")
		}
		time.Sleep(restAfter + time.Second)
		if n := room(); n > 3 {
			t.Errorf("there is room for %d more", n)
		}
		c.sends(":tybalt!t@c JOIN #garden")
		w.next()
		time.Sleep(restAfter + time.Second)
		if n := room(); n > 3 {
			t.Errorf("there is room for %d more behind somebody who came", n)
		}
	})
}
