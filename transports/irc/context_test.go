package irc

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

// channel-context's own example: a bot answers privately, in the channel.
func TestWhatIsSaidAsideBelongsInTheChannel(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern)
		said := func(text string, room transport.Address) transport.MessageReceived {
			return transport.MessageReceived{Message: transport.Message{Chat: "juliet%net", Room: room, Text: text}}
		}
		answer := func() {
			t.Helper()
			_, err := w.session.Send(context.Background(), transport.Message{Chat: garden, Nick: "juliet", Text: "more"})
			if err != nil {
				t.Fatal(err)
			}
		}
		answer()
		c.expect("@label=g1 PRIVMSG juliet more") // nothing was said aside
		c.sends("@+channel-context=#garden "+julietFull+"NOTICE romeo :I'm helping.", "@+draft/channel-context=#Garden "+julietFull+"PRIVMSG romeo :And more.",
			"@+channel-context=#elsewhere "+julietFull+"PRIVMSG romeo :Where?", "@+channel-context=romeo "+julietFull+"PRIVMSG romeo :Who?",
			"@+channel-context=#garden "+julietFull+"PRIVMSG #garden :Aloud")
		w.sees(said("I'm helping.", garden), said("And more.", garden), said("Where?", ""), said("Who?", ""), juliets("", "Aloud"))
		answer()
		c.expect("@label=g2;+channel-context=#garden;+draft/channel-context=#garden PRIVMSG juliet more")
		if _, err := w.session.Send(context.Background(), transport.Message{Chat: "juliet%net", Text: "in private"}); err != nil {
			t.Fatal(err)
		}
		c.expect("@label=g3 PRIVMSG juliet :in private")
		c.sends("@+channel-context=#garden :tybalt!~t@verona.example NOTICE romeo :I am not there.", "@+channel-context=#garden :tybalt!~t@verona.example PRIVMSG romeo :Nor now.")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "net", Text: "tybalt: I am not there."}},
			transport.MessageReceived{Message: transport.Message{Chat: "tybalt%net", Text: "Nor now."}})
	})
}

func TestTheContextIsNotToldWhereTheServerDeniesIt(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern, "CLIENTTAGDENY=*,-draft/channel-context")
		c.sends("@+channel-context=#garden " + julietFull + "PRIVMSG romeo :psst")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: "juliet%net", Room: garden, Text: "psst"}})
		if _, err := w.session.Send(context.Background(), transport.Message{Chat: garden, Nick: "juliet", Text: "what?"}); err != nil {
			t.Fatal(err)
		}
		c.expect("@label=g1;+draft/channel-context=#garden PRIVMSG juliet what?")
	})
}
