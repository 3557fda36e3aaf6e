package irc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

const (
	relaying  = modern + " draft/relaymsg=/"
	relayFull = ":nurse/xmpp!~u@verona.example "
)

func (w *world) relays(as, text string, r transport.Request) (transport.MessageID, error) {
	return w.session.Send(context.Background(), transport.Message{Chat: garden, As: as, Text: text, Request: r})
}

// Answers are as Ergo gives them.
func TestOthersWordsAreRelayedUnderTheirNick(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(relaying)
		if !w.session.Carries(garden).Has(transport.CarriesNames) || w.session.Carries("juliet%net").Has(transport.CarriesNames) {
			t.Error("names are carried in channels, and nowhere else")
		}
		for i, said := range []struct{ as, text, line, shown string }{
			{"nurse", "Peter, my *fan*", "nurse/xmpp :Peter, my \x02fan\x02", "Peter, my *fan*"},
			{"Nurse Angelica!", "/me sighs", "Nurse_Angelica_/xmpp :\x01ACTION sighs\x01", "/me sighs"},
			{"a/b", "/mode +o nurse", "a_b/xmpp :/mode +o nurse", "/mode +o nurse"},
			{"7", "one", "_7/xmpp one", "one"},
			{"Ромео", "one", "somebody/xmpp one", "one"},
			{strings.Repeat("n", 99), "one", strings.Repeat("n", 25) + "/xmpp one", "one"},
		} {
			r := transport.Request("m" + string(rune('1'+i)))
			label := "@label=g" + string(rune('1'+i))
			id, err := w.relays(said.as, said.text, r)
			if id != transport.Echoed || err != nil {
				t.Fatal(said.as, id, err)
			}
			c.expect(label + " RELAYMSG #garden " + said.line)
			_, text, colon := strings.Cut(said.line, " :")
			if !colon {
				_, text, _ = strings.Cut(said.line, " ")
			}
			c.sends(label + ";draft/relaymsg=romeo;msgid=" + string(r) + " " + relayFull + "PRIVMSG #garden :" + text)
			w.sees(ownMessage(transport.MessageID(r), r, said.shown))
		}
		time.Sleep(time.Minute)
		w.seesNothing()
		c.sends("@draft/relaymsg=juliet;msgid=j1 " + relayFull + "PRIVMSG #garden :elsewhere") // by another relayer
		w.sees(transport.MessageReceived{Message: transport.Message{ID: "j1", Chat: garden, Nick: "nurse/xmpp", Text: "elsewhere"}})
		c.sends("@draft/relaymsg=romeo;msgid=late " + relayFull + "PRIVMSG #garden :late") // ours, that nobody waits for
		w.seesNothing()
	})
}

// Without echo-message the relayer is shown what was relayed, too.
func TestRelayingNeedsNoOtherCapability(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith("draft/relaymsg=/+")
		if id, err := w.relays("nurse", "Peter!", "m1"); id != transport.Echoed || err != nil {
			t.Fatal(id, err)
		}
		c.expect("RELAYMSG #garden nurse/xmpp Peter!")
		c.sends("@draft/relaymsg=romeo " + relayFull + "PRIVMSG #garden Peter!")
		w.sees(ownMessage("", "m1", "Peter!"))
	})
}

func TestLongRelayedLinesFitBothWays(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(relaying)
		if _, err := w.relays(strings.Repeat("n", 20), strings.Repeat("x", 900), "m1"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			sent := c.expectPrefix("@label=g")
			_, sent, _ = strings.Cut(sent, " ")
			shown := ":" + strings.Repeat("n", 20) + "/xmpp!~u@verona.example PRIVMSG #garden :" + sent[strings.LastIndexByte(sent, ' ')+1:]
			if len(sent)+2 > 512 || len(shown)+2 > 512 {
				t.Errorf("%d and %d bytes", len(sent)+2, len(shown)+2)
			}
		}
	})
}

func TestRefusedRelayingIsNotTriedAgainForAWhile(t *testing.T) {
	for _, row := range []struct {
		code   string
		reason transport.Reason
		rests  bool
	}{
		{"PRIVS_NEEDED", transport.Unsupported, true},
		{"NOT_ENABLED", transport.Unsupported, true},
		{"INVALID_NICK", transport.Unsupported, true},
		{"BANNED", transport.Policy, false},
		{"BLANK_MSG", transport.BadRequest, false},
	} {
		t.Run(row.code, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				c := w.inGardenWith(relaying)
				if _, err := w.relays("nurse", "Peter!", "m1"); err != nil {
					t.Fatal(err)
				}
				c.expect("@label=g1 RELAYMSG #garden nurse/xmpp Peter!")
				c.sends("@label=g1 :irc.example.org FAIL RELAYMSG " + row.code + " :You cannot")
				w.sees(transport.MessageStatus{Request: "m1", Chat: garden, Status: transport.Failed, Err: because(row.reason)})
				if got := w.session.Carries(garden).Has(transport.CarriesNames); got == row.rests {
					t.Errorf("names carried: %v", got)
				}
				if !row.rests {
					return
				}
				_, err := w.relays("nurse", "Peter!", "m2")
				if e, ok := err.(*transport.Error); !ok || e.Reason != transport.Unsupported {
					t.Errorf("said all the same, or refused otherwise: %v", err)
				}
				c.sends(":juliet!~juliet@verona.example MODE #garden +o romeo")
				w.next()
				synctest.Wait()
				if !w.session.Carries(garden).Has(transport.CarriesNames) {
					t.Error("an operator does not try again")
				}
			})
		})
	}
}
