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
			time.Sleep(time.Second)
			text := fmt.Sprintf("at second %d", i)
			switch i % 3 {
			case 0: // a stanza; then there are two looks until the session lies down
				w.speaks(orchard, garden, text)
				w.Expect(inRoom(orchard, garden, "romeo", text))
			case 2: // an event
				w.verona.speaks("#garden", transport.Message{Nick: "romeo", Text: text})
				w.Expect(inRoom(orchard, garden, "romeo", text))
			}
		}
	})
}
