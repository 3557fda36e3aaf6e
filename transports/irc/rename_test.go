package irc

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

// The examples are those of IRCv3 channel-rename.
func TestARenamedChannelIsTheSameUnderAnotherAddress(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		const orchard = transport.Address("#orchard%net")
		c := w.inGardenWith(modern + " " + renameCap)
		w.sendsEchoed(garden, "But, soft!", "m1")
		c.expect("@label=g1 PRIVMSG #garden :But, soft!")
		c.sends(julietFull+"RENAME #garden #Garden :", // the same channel
			julietFull+"RENAME #GARDEN #orchard :It has trees", "@label=g1;msgid=r1 "+romeoFull+"PRIVMSG #orchard :But, soft!",
			"@msgid=j1 "+julietFull+"PRIVMSG #orchard :Ay me!")
		mine, theirs := ownMessage("r1", "m1", "But, soft!"), juliets("j1", "Ay me!")
		mine.Chat, theirs.Chat = orchard, orchard
		w.sees(transport.RoomRenamed{Room: garden, To: orchard, By: "juliet", Reason: "It has trees"}, mine, theirs)
		if n := len(w.session.Members(orchard)); n != 2 {
			t.Errorf("%d are there", n)
		}
		if len(w.session.Members(garden)) != 0 {
			t.Error("somebody is there still")
		}
		w.joins(orchard, "romeo")
		if e, ok := w.next().(transport.RoomJoined); !ok || e.Room != orchard || len(e.Members) != 2 {
			t.Errorf("got %+v", e)
		}
		w.joins(garden, "romeo")
		c.expect("JOIN #garden")
		c.sends("FAIL JOIN CHANNEL_RENAMED #garden #orchard :The channel has been renamed")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Refused, Reason: "The channel has been renamed",
			Err: &transport.Error{Reason: transport.Moved, Redirect: orchard, Code: "CHANNEL_RENAMED"}})
		if err := w.session.Leave(context.Background(), orchard, ""); err != nil {
			t.Fatal(err)
		}
		c.expect("PART #orchard")
		c.sends(julietFull + "RENAME #orchard #grove")
		c.expect("PART #grove")
		c.sends(romeoFull + "PART #grove")
		w.sees(transport.RoomLeft{Room: orchard, Why: transport.Parted})
	})
}

func TestAnOperatorRenamesAChannel(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGardenWith(modern + " " + renameCap)
		renames := func(name string, r transport.Request) error {
			return w.session.RenameRoom(context.Background(), garden, name, "", r)
		}
		if w.session.Carries(garden).Has(transport.CarriesRenaming) {
			t.Error("who is no operator may rename it")
		}
		c.sends(julietFull + "MODE #garden +o romeo")
		w.next()
		w.next()
		if !w.session.Carries(garden).Has(transport.CarriesRenaming) {
			t.Error("an operator may not rename it")
		}
		for _, r := range []transport.Request{"1", "2", "3", "4"} {
			if err := renames("orchard", r); err != nil {
				t.Fatal(err)
			}
		}
		c.expect("@label=g1 RENAME #garden #orchard", "@label=g2 RENAME #garden #orchard", "@label=g3 RENAME #garden #orchard", "@label=g4 RENAME #garden #orchard")
		c.sends("@label=g1 :irc.example.org FAIL RENAME CHANNEL_NAME_IN_USE #garden #orchard :Channel already exists",
			"@label=g2 :irc.example.org FAIL RENAME CANNOT_RENAME #garden #orchard :This channel has been renamed recently",
			"@label=g3 :irc.example.org 482 romeo #garden :You must be a channel operator",
			"@label=g4 "+romeoFull+"RENAME #garden #orchard :")
		w.sees(transport.Answered{Request: "1", Err: because(transport.Conflict)}, transport.Answered{Request: "2", Err: because(transport.NotAllowed)},
			transport.Answered{Request: "3", Err: because(transport.Forbidden)}, transport.Answered{Request: "4"},
			transport.RoomRenamed{Room: garden, To: "#orchard%net", By: "romeo"})
		if err := renames("x", "5"); reasonOf(err) != transport.NotJoined {
			t.Errorf("the old one: %v", err)
		}
		if err := w.session.RenameRoom(context.Background(), "#orchard%net", "a b", "", "6"); reasonOf(err) != transport.BadRequest {
			t.Errorf("a name with a space: %v", err)
		}
	})
}
