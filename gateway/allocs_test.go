//go:build !race

package gateway_test

import (
	"testing"

	"gatehouse/gateway/transport"
)

func TestMessagesAllocateLittle(t *testing.T) {
	w := newBenchWorld(t)
	w.joined()
	sink := <-w.network.sink
	heard := transport.Event(transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Text: "O Romeo", ID: "m2", Sender: "juliet"}})
	said := received(t, message(garden, "groupchat"))
	for _, way := range []struct {
		name string
		one  func()
		most float64
	}{
		{"from a room to a client", func() {
			if sink.Deliver(t.Context(), heard) == nil {
				<-w.stream.sent
			}
		}, 0},
		{"to a room and back", func() { // it has a note with a name
			w.gateway.Route(said)
			<-w.network.sent
			<-w.stream.sent
		}, 1},
	} {
		way.one()
		n := testing.AllocsPerRun(200, way.one)
		for range 4 { // others of this process may be at work
			n = min(n, testing.AllocsPerRun(200, way.one))
		}
		if n > way.most {
			t.Errorf("%s: %v allocations, more than %v", way.name, n, way.most)
		}
	}
}
