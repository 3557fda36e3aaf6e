package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// What was taken back by who may is a tombstone in the archive, and not shown to
// those who come later.
func TestWhatIsTakenBackIsATombstone(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden, discoInfo)
		w.Expect(result(garden, orchard, Has("query/feature@var", "urn:xmpp:message-retract:1#tombstone")))
		say := func(id transport.MessageID, text string) {
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Sender: "account:capulet", Text: text, ID: id}})
			w.Expect(inRoom(orchard, garden, "juliet", text))
		}
		say("msg1", "O Romeo")
		say("msg2", "wherefore")
		say("msg3", "art thou")
		take := func(id transport.MessageID, by, sender string) string {
			w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: id, By: by, Sender: sender}})
			return w.Expect(Message(To(orchard), Has(retractPath+"@id", string(id)))).ID
		}
		first := take("msg1", "juliet", "account:capulet")
		take("msg2", "nurse", "account:angelica")
		w.settle()
		p := w.reads(orchard, garden, "")
		if len(p.forwarded) != 5 {
			t.Fatalf("the archive has %d messages", len(p.forwarded))
		}
		for i, m := range []Matcher{
			All(Has(messagePath+"/"+retractedPath+"@id", first), Has(messagePath+"/"+retractedPath+"@stamp"), HasNot(messagePath+"/"+retractedPath+"/moderated"),
				HasNot(messagePath+"/body"), Has(messagePath+"/occupant-id"), Has(messagePath+"@id", "msg1")),
			All(Has(messagePath+"/"+retractedPath+"/moderated@by", garden+"/nurse"), HasNot(messagePath+"/body")),
			Has(messagePath+"/body", "art thou"),
			Has(messagePath+"/"+retractPath+"@id", "msg1"), Has(messagePath+"/"+retractPath+"@id", "msg2"),
		} {
			if wrong := Wrong(p.forwarded[i], m); wrong != "" {
				t.Errorf("%d: %s", i, wrong)
			}
		}
		w.asksToJoin(cell, garden, "romeo")
		w.settle()
		w.Expect(occupant(cell, garden, "romeo"))
		w.Expect(inRoom(cell, garden, "juliet", "art thou", Has("delay"))) // the first of what is left
	})
}

// In a conversation each takes back their own, once the network has done so.
func TestWhatIsTakenBackInAConversationIsATombstone(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		w.verona.carry(everything)
		w.verona.change(func() { w.verona.nextID = "msg1" })
		w.says(orchard, `<message to='%s' type='chat' id='m1'><body>my secret</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>`, person)
		w.settle()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", ID: "msg2", Text: "her secret"}})
		w.Expect(Message(From(person), Body("her secret")))
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: "juliet", ID: "msg2"}})
		w.Expect(Message(From(person), Has(retractPath)))
		bodies := func() (texts []string) {
			for _, f := range w.reads(orchard, person, "").forwarded {
				texts = append(texts, Values(f, messagePath+"/body")...)
			}
			return texts
		}
		retract := func(id string) {
			w.says(orchard, `<message to='%s' type='chat' id='%s'><retract xmlns='urn:xmpp:message-retract:1' id='o1'/></message>`, person, id)
			w.settle()
		}
		retract("r1")
		w.verona.tells(romeo, transport.Answered{Request: w.verona.lastWish(), Err: because(transport.Forbidden)})
		w.Expect(Message(ID("r1"), StanzaError("auth", "forbidden")))
		w.settle()
		if got := bodies(); len(got) != 1 || got[0] != "my secret" {
			t.Errorf("the archive has %q, of which his own could not be taken back", got)
		}
		retract("r2")
		w.verona.tells(romeo, transport.Answered{Request: w.verona.lastWish()})
		w.settle()
		if got := bodies(); len(got) != 0 {
			t.Errorf("the archive still has %q", got)
		}
	})
}

// A correction is taken back with what it corrects.
func TestCorrectionsAreBuriedWithWhatTheyCorrect(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		say := func(id, text, replaces string, name transport.MessageID) {
			w.verona.change(func() { w.verona.nextID = name })
			if replaces != "" {
				replaces = "<replace xmlns='urn:xmpp:message-correct:0' id='" + replaces + "'/>"
			}
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'><body>%s</body>%s</message>`, garden, id, text, replaces)
			w.Expect(inRoom(orchard, garden, "romeo", text, ID(id)))
		}
		say("m1", "my secrit", "", "msg1")
		say("m2", "my secret", "m1", "msg2")
		say("m3", "my secrets", "m1", "msg3")
		say("m4", "hello", "", "msg4")
		w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: "msg3", By: "romeo"}})
		w.Expect(Message(To(orchard), Has(retractPath)))
		w.settle()
		var texts []string
		p := w.reads(orchard, garden, "")
		for _, f := range p.forwarded {
			texts = append(texts, Values(f, messagePath+"/body")...)
		}
		if len(p.forwarded) != 5 || len(texts) != 1 || texts[0] != "hello" {
			t.Errorf("of %d messages the archive has the texts %q", len(p.forwarded), texts)
		}
	})
}
