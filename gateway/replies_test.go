package gateway_test

import (
	"fmt"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// What a reply answers is known after a restart too, and nothing that is said
// after the reply is shown before it.
func TestRepliesToWhatOnlyTheArchiveHas(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		const reply = "{urn:xmpp:reply:0}reply"
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", ID: "msg2", Text: "Come to the orchard"}})
		theirs := w.ExpectInAnyOrder(
			Message(From(person), Body("Come to the orchard")), inRoom(orchard, garden, "juliet", "O Romeo"),
		)[0].ID
		w.verona.nextID = transport.Echoed
		w.says(orchard, `<message to='%s' type='chat' id='m3'><body>I come</body></message>`, person)
		w.settle()
		w.verona.tells(romeo, transport.MessageStatus{Request: w.verona.request(), Chat: "juliet", ID: "msg3", Status: transport.Accepted})
		w.settle()
		w.restarts()
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.settle()
		w.Skip()
		says := func(chat transport.Address, nick, text string, to transport.MessageID) {
			m := transport.Message{Chat: chat, Nick: nick, Text: text}
			if to != "" {
				m.ReplyTo = &transport.Reply{ID: to}
			}
			w.verona.tells(romeo, transport.MessageReceived{Message: m})
		}
		says("juliet", "", "Soon", "msg2")
		says("juliet", "", "Hush", "")
		w.Expect(Message(From(person), Body("> Come to the orchard\nSoon"), Has(reply+"@id", theirs), Has(reply+"@to", person)))
		w.Expect(Message(From(person), Body("Hush"), HasNot(reply)))
		says("juliet", "", "At last", "msg3")
		w.Expect(Message(From(person), Body("> I come\nAt last"), Has(reply+"@id", "m3"), Has(reply+"@to", romeo)))
		says(inGarden, "nurse", "Anon!", "msg1")
		says(inGarden, "nurse", "Madam!", "")
		w.Expect(inRoom(orchard, garden, "nurse", "> O Romeo\nAnon!", Has(reply+"@id", "msg1"), Has(reply+"@to", garden+"/juliet")))
		w.Expect(inRoom(orchard, garden, "nurse", "Madam!", HasNot(reply)))
		for i := range 3 { // what nobody knows holds up nothing
			says(inGarden, "nurse", fmt.Sprint("What? ", i), "msg9")
			w.Expect(inRoom(orchard, garden, "nurse", fmt.Sprint("What? ", i), Has(reply+"@id", "msg9")))
		}
	})
}
