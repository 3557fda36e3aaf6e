package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// echo has the network show the last message that was sent.
func (w *world) echo(id transport.MessageID) {
	sent := w.verona.messages()
	m := sent[len(sent)-1]
	m.ID, m.Nick = id, "romeo"
	w.verona.tells(romeo, transport.MessageReceived{Message: m})
}

func TestOwnMessagesAreShownAsTheNetworkShowsThem(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.verona.nextID = transport.Echoed
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>one&#10;two</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>`, garden)
		w.ExpectNothing()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Text: "Ay me!"}})
		w.ExpectInAnyOrder(inRoom(orchard, garden, "juliet", "Ay me!"), inRoom(cell, garden, "juliet", "Ay me!"))
		w.echo("msg1")
		shown := []Matcher{ID("m1"), Has("{urn:xmpp:sid:0}origin-id@id", "o1"), Has("{urn:xmpp:sid:0}stanza-id@id", "msg1")}
		w.ExpectInAnyOrder(inRoom(orchard, garden, "romeo", "one\ntwo", shown...), inRoom(cell, garden, "romeo", "one\ntwo", shown...))
		w.echo("msg2") // from another client on the same connection
		w.ExpectInAnyOrder(inRoom(orchard, garden, "romeo", "one\ntwo", ID("msg2")), inRoom(cell, garden, "romeo", "one\ntwo", ID("msg2")))

		w.speaks(orchard, garden, "refused")
		w.settle()
		w.verona.tells(romeo, transport.MessageStatus{
			Request: w.verona.request(), Chat: inGarden, Status: transport.Failed, Err: because(transport.Forbidden),
		})
		w.Expect(Message(From(garden), To(orchard), ID("m-refused"), StanzaError("auth", "forbidden")))
		w.speaks(orchard, garden, "lost")
		w.pass(3 * time.Minute)
		w.Expect(Message(From(garden), To(orchard), ID("m-lost"), StanzaError("wait", "remote-server-timeout")))
		w.speaks(orchard, garden, "cut short")
		w.settle()
		w.stop()
		w.ExpectInAnyOrder(gone(orchard, garden, "romeo"), gone(cell, garden, "romeo"))
		w.Expect(Message(From(garden), To(orchard), ID("m-cut short"), StanzaError("wait", "remote-server-timeout")))
	})
}

// A correction that others see as several lines is one message to the user.
func TestWhatOthersSeeInOtherWordsIsShownOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.nextID = "msg1"
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>one&#10;tow</body></message>`, garden)
		w.settle()
		w.Skip()
		w.verona.nextID = transport.Echoed
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>one&#10;two</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>`, garden)
		w.settle()
		for i, line := range strings.Split(w.verona.lastText(), "\n") {
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{
				Chat: inGarden, Nick: "romeo", Text: line, ID: transport.MessageID(fmt.Sprint("msg2-", i)), Request: w.verona.request(),
			}})
		}
		w.Expect(inRoom(orchard, garden, "romeo", "one\ntwo", ID("m2"), Has("replace@id", "m1")))
		w.ExpectNothing()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Text: "Ay me!"}})
		w.Expect(inRoom(orchard, garden, "juliet", "Ay me!"))
	})
}

// What comes faster than the network shows it waits; what it does not show for
// long is refused.
func TestAnEchoThatIsBehindIsWaitedFor(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.nextID = transport.Echoed
		for i := range 300 {
			w.speaks(orchard, garden, fmt.Sprint(i))
		}
		w.settle()
		sent := w.verona.messages()
		if len(sent) != 256 {
			t.Fatalf("%d messages were sent before the first was shown", len(sent))
		}
		for i, m := range sent {
			m.ID, m.Nick = transport.MessageID(fmt.Sprint("msg", i)), "romeo"
			w.verona.tells(romeo, transport.MessageReceived{Message: m})
			w.Expect(inRoom(orchard, garden, "romeo", fmt.Sprint(i)))
		}
		w.settle()
		if n := len(w.verona.messages()); n != 300 {
			t.Fatalf("%d of 300 messages were sent once the network had shown the others", n)
		}
		for i := range 256 - (300 - 256) {
			w.speaks(orchard, garden, fmt.Sprint("again ", i))
		}
		w.speaks(orchard, garden, "too many")
		w.ExpectNothing()
		w.pass(5 * time.Second)
		w.Expect(Message(ID("m-too many"), StanzaError("wait", "resource-constraint")))
	})
}

// What the network calls a message to a person is known after a restart too.
func TestThePrivateMessageIsArchivedUnderTheNetworksName(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		w.verona.carry(everything)
		w.verona.nextID = transport.Echoed
		w.says(orchard, `<message to='%s' type='chat' id='m1'><body>psst</body></message>`, person)
		w.settle()
		w.verona.tells(romeo, transport.MessageStatus{Request: w.verona.request(), Chat: "juliet", ID: "msg1", Status: transport.Accepted})
		w.settle()
		w.ExpectNothing()
		w.restarts()
		w.says(orchard, `<presence to='%s'/>`, verona)
		w.says(orchard, `<message to='%s' type='chat' id='m0'><body>again</body></message>`, person)
		w.settle()
		w.verona.calls = nil
		w.says(orchard, `<message to='%s' type='chat' id='m2'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>`, person)
		w.settle()
		w.verona.called(t, "retract juliet  msg1")
		w.Skip()
		w.verona.tells(romeo, transport.MessageReacted{Reaction: transport.Reaction{Chat: "juliet", To: "msg1", Add: []string{"👍"}}})
		w.Expect(Message(From(person), To(romeo), Has(reactionsPath+"@id", "m1")))
	})
}
