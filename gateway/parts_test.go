package gateway_test

import (
	"fmt"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// What became several messages to a person is one for clients, whichever of
// them others mean, and is taken back as a whole.
func TestAPrivateMessageOfSeveralPartsIsOne(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		w.verona.carry(everything)
		w.verona.nextID = transport.Echoed
		w.says(orchard, `<message to='%s' type='chat' id='m1'><body>one&#10;two&#10;three</body></message>`, person)
		w.settle()
		for i := range 50 {
			w.verona.tells(romeo, transport.MessageStatus{
				Request: w.verona.request(), Chat: "juliet", ID: transport.MessageID(fmt.Sprint("msg", i)), Status: transport.Accepted,
			})
		}
		w.settle()
		w.ExpectNothing()
		w.verona.tells(romeo, transport.MessageReacted{Reaction: transport.Reaction{Chat: "juliet", To: "msg2", Add: []string{"👍"}}})
		w.Expect(Message(From(person), Has(reactionsPath+"@id", "m1"), Has(reactionsPath+"/reaction", "👍")))
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: "Ay", ReplyTo: &transport.Reply{ID: "msg1"}}})
		w.Expect(Message(From(person), Has("{urn:xmpp:reply:0}reply@id", "m1")))
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: "juliet", ID: "msg2"}})
		w.Expect(Message(From(person), Has(retractPath+"@id", "m1")))
		w.verona.calls = nil
		w.says(orchard, `<message to='%s' type='chat' id='m2'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>`, person)
		w.settle()
		var want []string
		for i := range 33 { // and no more are remembered
			want = append(want, fmt.Sprint("retract juliet  msg", i))
		}
		w.verona.called(t, want...)
	})
}

// In a room the lines of a message are taken back together: by its author, and
// by a correction that is sent in its place.
func TestAllPartsOfAMessageToARoomAreTakenBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(transport.CarriesActions | transport.CarriesRetractions)
		w.verona.prefers.Corrections = transport.CorrectByRepeat
		w.joins(orchard, garden, "romeo")
		w.verona.nextID = transport.Echoed
		shows := func(id string, lines ...string) {
			for i, line := range lines {
				w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{
					Chat: inGarden, Nick: "romeo", Text: line, ID: transport.MessageID(fmt.Sprint(id, "-", i)), Request: w.verona.request(),
				}})
			}
			w.settle()
		}
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>one&#10;two</body></message>`, garden)
		w.settle()
		shows("msg1", "one", "two")
		w.Skip()
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>three&#10;four</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>`, garden)
		w.settle()
		w.verona.calls = nil
		shows("msg2", "three", "four")
		w.verona.called(t, "retract #garden  msg1-0", "retract #garden  msg1-1")
		w.Expect(inRoom(orchard, garden, "romeo", "three\nfour", ID("m2"), Has("replace@id", "m1")))
		w.verona.calls = nil
		w.says(orchard, `<message to='%s' type='groupchat' id='m3'><retract xmlns='urn:xmpp:message-retract:1' id='msg2-0'/></message>`, garden)
		w.settle()
		w.verona.called(t, "retract #garden  msg2-0", "retract #garden  msg2-1")
		w.ExpectNothing()
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg2-1", By: "romeo"}})
		w.Expect(Message(From(garden+"/romeo"), Has(retractPath+"@id", "msg2-0"))) // which is what the client knows
	})
}
