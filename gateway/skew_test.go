package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// A server's clock may be wrong by more than messages are told apart by.
func TestWhatWasHeardIsNotShownAgainByAServerWhoseClockIsWrong(t *testing.T) {
	for _, skew := range []time.Duration{40 * time.Second, -40 * time.Second} {
		pastStory(t, func(t *testing.T, w *world, p *pastServer) {
			w.entersGarden(p)
			for _, text := range []string{"a", "b"} {
				w.pass(time.Second)
				said := transport.Message{ID: transport.MessageID(text), Chat: inGarden, Nick: "juliet", Text: text, Sent: time.Now().Add(skew)}
				w.verona.speaks(inGarden, said)
				p.said[inGarden] = append(p.said[inGarden], transport.HistoryItem{At: said.Sent, Event: transport.MessageReceived{Message: said}})
				w.Expect(Message(From(garden+"/juliet"), Body(text)))
			}
			w.loses(p, func() {})
			w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
			w.Expect(subject(orchard, garden, ""))
			w.ExpectNothing()
			w.same("the archive", w.reads(orchard, garden, "<before/>"), "a b")
		})
	}
}
