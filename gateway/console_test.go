package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// There are passwords in what a console is told.
func TestNothingOfAConsoleIsArchived(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='%s' type='chat' id='c'><body>OPER romeo secret</body></message>`, consoleOfVerona)
		w.says(orchard, `<message to='juliet@%s' type='chat' id='m'><body>hello</body></message>`, verona)
		w.settle()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "verona", Text: "You are an operator"}})
		w.Expect(Message(From(consoleOfVerona), To(romeo), Body("You are an operator")))
		w.pass(time.Second)
		w.same("all conversations", w.reads(orchard, verona, "", "with=juliet@"+verona), "hello")
		_, _, any, err := w.store.Archive().Ends(t.Context(), verona, romeo, "verona")
		if any || err != nil {
			t.Errorf("something of the console is kept (%v)", err)
		}
	})
}
