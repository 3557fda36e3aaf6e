package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// One who reacts without end makes neither a stanza nor a session grow.
func TestReactionsOfOnePersonToOneMessageAreBounded(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msg1"})
		w.settle()
		w.Skip()
		for i := range 3 * stanza.MaxReactions {
			w.verona.tells(romeo, transport.MessageReacted{Reaction: transport.Reaction{Chat: inGarden, Nick: "tybalt", To: "msg1", Add: []string{fmt.Sprintf("r%d", i)}}})
			shown := Values(w.Expect(Message(From(garden+"/tybalt"), Has(reactionsPath+"@id", "msg1"))), reactionsPath+"/reaction")
			if len(shown) > stanza.MaxReactions || shown[len(shown)-1] != fmt.Sprintf("r%d", i) {
				t.Fatalf("after %d reactions %q are shown", i+1, shown)
			}
		}
	})
}

func TestWhatIsNoReactionIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.verona.calls = nil
		many := ""
		for i := range stanza.MaxReactions + 1 {
			many += fmt.Sprintf("<reaction>r%d</reaction>", i)
		}
		for _, payload := range []string{
			`<reactions xmlns='urn:xmpp:reactions:0' id='msg1'>` + many + `</reactions>`,
			`<reactions xmlns='urn:xmpp:reactions:0' id='msg1'><reaction>` + strings.Repeat("x", 300) + `</reaction></reactions>`,
			`<reactions xmlns='urn:xmpp:reactions:0' id='` + strings.Repeat("x", 2000) + `'><reaction>x</reaction></reactions>`,
		} {
			w.says(orchard, `<message to='%s' type='groupchat' id='m1'>%s</message>`, garden, payload)
			w.Expect(Message(ID("m1"), To(orchard), StanzaError("modify", "not-acceptable")))
		}
		w.verona.called(t)
	})
}

// What somebody else wrote in a conversation is neither taken back nor
// corrected, whether memory has it or only the archive.
func TestOnlyOnesOwnWordsAreChangedInAConversation(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		person := "juliet@" + verona
		w.verona.carry(everything)
		w.joins(orchard, garden, "romeo")
		w.Skip()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", ID: "msg1", Text: "Come to the orchard"}})
		theirs := w.Expect(Message(From(person), Body("Come to the orchard"))).ID
		for range 2 {
			w.verona.calls = nil
			w.says(orchard, `<message to='%s' type='chat' id='m1'><retract xmlns='urn:xmpp:message-retract:1' id='%s'/></message>`, person, theirs)
			w.Expect(Message(ID("m1"), To(orchard), StanzaError("auth", "forbidden")))
			w.says(orchard, `<message to='%s' type='chat' id='m2'><body>Come to the tomb</body><replace xmlns='urn:xmpp:message-correct:0' id='%s'/></message>`, person, theirs)
			w.settle()
			w.verona.called(t, "send juliet  * Come to the tomb")
			w.restarts()
			w.verona.carry(everything)
			w.joins(orchard, garden, "romeo")
			w.Skip()
		}
	})
}
