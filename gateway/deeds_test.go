package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// What one does to messages, where the network refuses some of it, or somebody
// else does it.

func TestEachRefusedReactionIsTakenBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		react := func(id, emoji string) {
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'><reactions xmlns='urn:xmpp:reactions:0' id='msg1'>%s</reactions></message>`, garden, id, emoji)
			w.settle()
		}
		const thumb, heart, turtle = "<reaction>👍</reaction>", "<reaction>❤</reaction>", "<reaction>🐢</reaction>"
		react("m1", thumb)
		react("m2", thumb+heart)
		react("m3", heart+turtle)
		w.verona.change(func() { w.verona.calls = nil })
		wishes := w.verona.wishes
		fails := func(i int) {
			w.verona.tells(romeo, transport.MessageStatus{Request: wishes[i], Chat: inGarden, Status: transport.Failed, Err: because(transport.Forbidden)})
			w.Expect(Message(To(orchard), ID(fmt.Sprintf("m%d", i+1)), StanzaError("auth", "forbidden")))
		}
		fails(0) // the thumb never was there
		fails(1) // nor the heart
		w.verona.tells(romeo, transport.Answered{Request: wishes[2]})
		w.settle()
		react("m4", thumb+heart+turtle)
		w.verona.called(t, "react #garden  msg1 + [👍 ❤] - []")
	})
}

func TestACorrectionThatIsRefusedLeavesWhatWasSaid(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(transport.CarriesActions | transport.CarriesRetractions)
		w.verona.prefers.Corrections = transport.CorrectByRepeat
		w.joins(orchard, garden, "romeo")
		say := func(id, text, replaces string) {
			w.says(orchard, `<message to='%s' type='groupchat' id='%s'><body>%s</body>%s</message>`, garden, id, text, replaces)
			w.settle()
		}
		const ofFirst = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"
		w.verona.change(func() { w.verona.nextID = "msg1" })
		say("m1", "one", "")
		w.Skip()
		w.verona.change(func() { w.verona.calls = nil })
		w.verona.refuses("send", because(transport.TooLong))
		say("m2", "two", ofFirst)
		w.Expect(Message(ID("m2"), Type("error")))
		w.verona.called(t, "send #garden  two")

		w.verona.refuses("send", nil) // and where the network shows what it took
		w.verona.change(func() { w.verona.nextID = transport.Echoed })
		say("m3", "three", ofFirst)
		w.verona.called(t, "send #garden  three")
		w.verona.tells(romeo, transport.MessageStatus{Request: w.verona.request(), Chat: inGarden, Status: transport.Failed, Err: because(transport.Forbidden)})
		w.Expect(Message(ID("m3"), Type("error")))
		w.verona.called(t)
		say("m4", "four", ofFirst)
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "romeo", ID: "msg4", Text: "four", Request: w.verona.request()}})
		w.Expect(inRoom(orchard, garden, "romeo", "four", Has("replace@id", "m1")))
		w.verona.called(t, "send #garden  four", "retract #garden  msg1")
	})
}

// What is sent after a message that has to be looked up comes after it.
func TestWhatWaitsForTheDiskIsNotOvertaken(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(transport.CarriesActions)
		w.verona.prefers.Corrections = transport.CorrectByDiff
		w.joins(orchard, garden, "romeo")
		w.speaks(orchard, garden, "hire")
		w.settle()
		w.Skip()
		w.verona.change(func() { w.verona.calls = nil })
		gate := make(chan struct{})
		w.verona.change(func() { w.verona.considers = gate })
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>here</body><replace xmlns='urn:xmpp:message-correct:0' id='m-hire'/></message>`, garden)
		w.speaks(orchard, garden, "second")
		w.says(orchard, `<message to='%s' type='groupchat' id='m3'><body>third</body><replace xmlns='urn:xmpp:message-correct:0' id='m-second'/></message>`, garden)
		w.speaks(orchard, garden, "fourth")
		w.says(orchard, `<message to='juliet@%s' type='chat' id='p1'><body>psst</body></message>`, verona)
		w.settle()
		w.verona.called(t, "send juliet  psst") // others don't wait
		close(gate)
		w.settle()
		w.verona.called(t, "send #garden  * here", "send #garden  second", "send #garden  * third", "send #garden  fourth")
		w.Skip()

		gate = make(chan struct{})
		w.verona.change(func() { w.verona.considers = gate })
		w.says(orchard, `<message to='%s' type='groupchat' id='m4'><body>last</body><replace xmlns='urn:xmpp:message-correct:0' id='m-fourth'/></message>`, garden)
		for i := range 70 {
			w.says(orchard, `<message to='%s' type='groupchat' id='n%d'><body>more</body></message>`, garden, i)
			w.pass(time.Millisecond)
		}
		for i := range 6 { // there is an end to what waits
			w.Expect(Message(ID(fmt.Sprintf("n%d", 64+i)), StanzaError("wait", "resource-constraint")))
		}
		close(gate)
		w.settle()
		if n := w.verona.callsOf("send"); n != 65 {
			t.Errorf("%d messages were sent", n)
		}
	})
}

func TestAuthorsStayAuthorsUnderAnotherNick(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		say := func(id transport.MessageID, nick, sender, text string) {
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: nick, Sender: sender, Text: text, ID: id}})
			w.Expect(inRoom(orchard, garden, nick, text))
		}
		say("msg1", "juliet", "account:capulet", "O Romeo")
		say("msg2", "juliet", "account:capulet", "wherefore")
		say("msg3", "nurse", "account:angelica", "Madam!")
		retract := func(id transport.MessageID, by, sender string, shown ...Matcher) {
			t.Helper()
			w.verona.tells(romeo, transport.MessageRetracted{Retraction: transport.Retraction{Chat: inGarden, ID: id, By: by, Sender: sender}})
			w.Expect(Message(append(shown, To(orchard), Has(retractPath+"@id", string(id)))...))
		}
		retract("msg1", "capulet", "account:capulet", From(garden+"/capulet"), HasNot(retractPath+"/moderated")) // who was juliet
		retract("msg2", "juliet", "account:tybalt", From(garden), Has(retractPath+"/moderated@by", garden+"/juliet"))
		correct := func(of transport.MessageID, nick, sender, text string, shown Matcher) {
			t.Helper()
			w.verona.tells(romeo, transport.MessageCorrected{Of: of, Message: transport.Message{Chat: inGarden, Nick: nick, Sender: sender, Text: text}})
			w.Expect(inRoom(orchard, garden, nick, text, shown))
		}
		correct("msg3", "angelica", "account:angelica", "Lady!", Has("replace@id", "msg3"))
		correct("msg3", "nurse", "account:tybalt", "Fie!", HasNot("replace"))
		correct("never", "nurse", "account:angelica", "Anon!", HasNot("replace"))
	})
}

// A name that the network makes never is one of ours.
func TestNamesOfTheNetworkAreNoneOfOurs(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.speaks(orchard, garden, "mine")
		ours := Values(w.Expect(inRoom(orchard, garden, "romeo", "mine")), "stanza-id@id")[0]
		if !strings.HasPrefix(ours, "gw:") {
			t.Fatalf("our name is %q", ours)
		}
		w.verona.speaks(inGarden, transport.Message{Nick: "tybalt", Text: "thou villain", ID: transport.MessageID(ours)})
		st := w.Expect(inRoom(orchard, garden, "tybalt", "thou villain"))
		if theirs := Values(st, "stanza-id@id")[0]; theirs == ours || !strings.HasPrefix(theirs, "gw:") {
			t.Errorf("tybalt's message has the name %q", theirs)
		}
		w.settle()
		if p := w.reads(orchard, garden, ""); len(p.forwarded) != 2 {
			t.Errorf("the archive has %d messages", len(p.forwarded))
		}
		w.verona.change(func() { w.verona.calls = nil })
		w.asks(orchard, "set", garden, `<moderate xmlns='urn:xmpp:message-moderate:1' id='`+ours+`'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>`)
		w.Expect(answer(garden, orchard, StanzaError("cancel", "item-not-found")))
		w.restarts()
		w.joins(orchard, garden, "romeo")
		w.Skip()
		w.verona.change(func() { w.verona.calls = nil })
		w.says(orchard, `<message to='%s' type='groupchat' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='%s'/></message>`, garden, ours)
		w.Expect(Message(ID("r1"), StanzaError("cancel", "item-not-found")))
		w.verona.called(t) // it does not know our names
	})
}
