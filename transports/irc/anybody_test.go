package irc

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

func TestNicksThatNoAddressCanBeMadeOf(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		say := func(nick string) error {
			_, err := w.session.Send(context.Background(), transport.Message{Chat: "%net", Nick: nick, Text: "hist"})
			return err
		}
		if err := say("N@ck"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG N@ck hist")
		c.sends(":N@ck!n@capulet.example PRIVMSG romeo :who's there?")
		w.sees(transport.MessageReceived{Message: transport.Message{
			Chat: "%net", Nick: "N@ck", Text: "who's there?", Sender: "n@capulet.example",
		}})
		for _, nick := range []string{"", "#garden", "two words", "a,b", "$*", "@#garden", ":x", "juliet!j@h"} {
			if err := say(nick); err == nil {
				t.Errorf("%q was written to", nick)
			}
		}
	})
}
