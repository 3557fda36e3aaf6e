package gateway_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// running counts the goroutines of sessions.
func running() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "gateway.(*session).run(")
}

func TestASessionAtRestHasNoGoroutine(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, balcony, "romeo")
		if running() == 0 {
			t.Error("no session runs, although one has just let somebody in")
		}
		w.pass(5 * time.Second)
		if n := running(); n != 0 {
			t.Errorf("%d sessions run, and have nothing to do", n)
		}
		w.pass(10 * time.Minute) // in which they look after themselves
		if n := running(); n != 0 {
			t.Errorf("%d sessions run, and have had nothing to do for long", n)
		}
		w.Skip()
		w.speaks(orchard, garden, "awake")
		w.Expect(inRoom(orchard, garden, "romeo", "awake"))
	})
}

// Everything comes at the moment when the session is about to lie down.
func TestASessionThatLiesDownMissesNothing(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.pass(0)
		w.Skip()
		for i := range 300 {
			time.Sleep(time.Duration(1+i%3) * 1500 * time.Millisecond) // when it looks whether there was anything
			text := fmt.Sprintf("number %d", i)
			if i%2 == 0 {
				w.speaks(orchard, garden, text)
			} else {
				w.verona.speaks("#garden", transport.Message{Nick: "romeo", Text: text})
			}
			w.Expect(inRoom(orchard, garden, "romeo", text))
		}
	})
}

func TestASessionThatIsWokenAgainAndAgainWaitsLonger(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for range 60 {
			w.pass(2 * time.Second)
			w.Skip()
			w.speaks(orchard, garden, "again")
			w.Expect(inRoom(orchard, garden, "romeo", "again"))
		}
		w.pass(2 * time.Second)
		if running() == 0 {
			t.Error("it lies down although somebody writes every other second")
		}
		w.pass(2 * time.Minute)
		if n := running(); n != 0 {
			t.Errorf("%d sessions run two minutes later", n)
		}
		w.speaks(orchard, garden, "much later")
		w.pass(2 * time.Second)
		if running() != 0 {
			t.Error("a session that is seldom woken waits long")
		}
	})
}
