package irc

import (
	"context"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

const nameless = modern + " extended-join no-implicit-names"

// registersWith is somebody's way in on a server with capabilities.
func (w *world) registersWith(caps, wanted string) *fakeConn {
	w.t.Helper()
	c := w.accepts()
	c.expect("CAP LS 302", "NICK romeo")
	c.expectPrefix("USER ")
	c.sends(":irc.example.org CAP * LS :" + caps)
	c.expectPrefix("CAP REQ ")
	c.sends(":irc.example.org CAP * ACK :" + wanted)
	c.expect("CAP END")
	c.welcome("romeo", "WHOX")
	w.sees(transport.LinkUp{Server: "net"})
	return c
}

func someone(nick string) transport.Member {
	return transport.Member{Nick: nick, Role: transport.Participant, Who: transport.Address(nick + "%net"), Host: "~" + nick + "@verona.example"}
}

func appeared(m transport.Member) transport.MemberChanged {
	return transport.MemberChanged{Room: garden, Member: m, Joined: true}
}

func TestAHugeChannelIsJoinedAtOnceAndPeopleAppear(t *testing.T) {
	withSettings(t, transport.Values{occupantsSetting: {seenOccupants}}, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registersWith(nameless, nameless)
		c.expect("JOIN #garden")
		c.sends(romeoFull+"JOIN #garden * :romeo", ":irc.example.org 332 romeo #garden :love", ":irc.example.org 324 romeo #garden +nt")
		joined, ok := w.next().(transport.RoomJoined)
		if !ok || len(joined.Members) != 1 || joined.Members[0].Nick != "romeo" || joined.Subject.Text != "love" {
			t.Fatalf("not joined: %#v", joined)
		}
		c.expect("MODE #garden")
		c.sends("@msgid=1 " + julietFull + "PRIVMSG #garden :Ay me!")
		w.sees(appeared(someone("juliet")), juliets("1", "Ay me!"))
		c.sends(":ChanServ!s@services. MODE #garden +o tybalt")
		tybalt := someone("tybalt")
		tybalt.Host = ""
		w.sees(appeared(tybalt), transport.RoomNotice{Room: garden, Text: "Mode #garden [+o tybalt] by ChanServ"})
		tybalt.Role, tybalt.Affiliation = transport.Moderator, transport.Admin
		w.sees(transport.MemberChanged{Room: garden, Member: tybalt, By: "ChanServ"})
		c.sends(":nurse!~nurse@verona.example JOIN #garden * :nurse", ":paris!~p@h PART #garden", ":paris!~p@h QUIT :gone", ":paris!~p@h NICK count")
		w.sees(appeared(someone("nurse")))
		w.seesNothing()
		peter := someone("peter")
		peter.Host = ""
		c.sends(julietFull + "KICK #garden peter :out")
		w.sees(appeared(peter), transport.MemberLeft{Room: garden, Member: peter, Why: transport.Kicked, By: "juliet", Reason: "out"})
		c.sends(":irc.example.org MODE #garden -n", ":stranger!~s@h PRIVMSG #garden :from outside")
		w.next() // the notice
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "stranger", Text: "from outside"}})
		c.expectNothing(time.Minute) // no WHO, no NAMES
	})
}

func TestOthersWhoAreNotSeenAreNamed(t *testing.T) {
	withSettings(t, transport.Values{occupantsSetting: {seenOccupants}}, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.registersWith(nameless, nameless)
		c.expect("JOIN #garden")
		c.sends(romeoFull+"JOIN #garden * :romeo", ":irc.example.org 324 romeo #garden +nt")
		w.next()
		c.expect("MODE #garden")
		ctx := context.Background()
		role, admin := transport.RoleNone, transport.Admin
		if err := w.session.Moderate(ctx, garden, transport.Action{Nick: "tybalt", Role: &role, Reason: "out", Request: "k"}); err != nil {
			t.Fatal(err)
		}
		if err := w.session.Moderate(ctx, garden, transport.Action{Nick: "juliet", Affiliation: &admin, Request: "a"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.session.Send(ctx, transport.Message{Chat: garden, Nick: "nurse", Text: "psst"}); err != nil {
			t.Fatal(err)
		}
		c.expect("@label=g1 KICK #garden tybalt out", "@label=g2 MODE #garden +o juliet", "@label=g3 PRIVMSG nurse psst")
		c.sends("@label=g1 :irc.example.org 441 romeo tybalt #garden :They aren't on that channel", "@label=g2 "+romeoFull+"MODE #garden +o juliet")
		juliet := someone("juliet")
		juliet.Host = ""
		w.sees(transport.Answered{Request: "k", Err: because(transport.NotFound)}, appeared(juliet), transport.RoomNotice{Room: garden, Text: "Mode #garden [+o juliet] by romeo"})
		juliet.Role, juliet.Affiliation = transport.Moderator, transport.Admin
		w.sees(transport.MemberChanged{Room: garden, Member: juliet, By: "romeo"}, transport.Answered{Request: "a"})

		if err := w.session.Count(ctx, garden, "c"); err != nil {
			t.Fatal(err)
		}
		c.expect("NAMES #garden")
		c.sends(":irc.example.org 353 romeo = #garden :@juliet @romeo nurse", ":irc.example.org 366 romeo #garden :End of NAMES list")
		nurse := someone("nurse")
		nurse.Host = ""
		self := someone("romeo")
		self.Role, self.Affiliation = transport.Moderator, transport.Admin
		w.sees(transport.MemberChanged{Room: garden, Member: self}, appeared(nurse), transport.Answered{Request: "c"})
		if got := w.session.Members(garden); len(got) != 3 {
			t.Errorf("there are %v", got)
		}
		if err := w.session.Count(ctx, garden, "c2"); err != nil { // now all are known
			t.Fatal(err)
		}
		w.sees(transport.Answered{Request: "c2"})
	})
}

// The capability holds for the connection: others' names are asked for.
func TestOtherChannelsHaveTheirNames(t *testing.T) {
	withSettings(t, nil, func(w *world, set *fakeSettings) {
		set.set("#huge%net", transport.Values{occupantsSetting: {seenOccupants}})
		w.joins(garden, "romeo")
		c := w.registersWith(nameless, modern+" extended-join")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "@juliet romeo")
		if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 2 {
			t.Fatalf("not joined: %#v", e)
		}
		c.expect("MODE #garden", "WHO #garden %tcuhnfa,47")
		c.sends(":irc.example.org 315 romeo #garden :End")

		w.joins("#huge%net", "romeo")
		c.expect("CAP REQ no-implicit-names", "JOIN #huge")
		c.sends(":irc.example.org CAP romeo ACK :no-implicit-names", romeoFull+"JOIN #huge * :romeo", ":irc.example.org 324 romeo #huge +nt")
		if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 1 {
			t.Fatalf("not joined: %#v", e)
		}
		c.expect("MODE #huge")
		w.joins("#balcony%net", "romeo")
		c.expect("JOIN #balcony")
		c.sends(romeoFull + "JOIN #balcony * :romeo")
		c.expect("MODE #balcony", "NAMES #balcony")
		time.Sleep(time.Second) // the server takes its time, and the barrier behind the JOIN is over
		c.sends(":irc.example.org 324 romeo #balcony +nt", ":irc.example.org 353 romeo = #balcony :@juliet romeo", ":irc.example.org 366 romeo #balcony :End")
		c.expect("WHO #balcony %tcuhnfa,47")
		c.sends(":irc.example.org 315 romeo #balcony :End")
		if e, ok := w.next().(transport.RoomJoined); !ok || len(e.Members) != 2 {
			t.Fatalf("not joined: %#v", e)
		}
	})
}

func TestWithoutTheCapabilityAllAreShown(t *testing.T) {
	withSettings(t, transport.Values{occupantsSetting: {seenOccupants}}, func(w *world, _ *fakeSettings) {
		c := w.inGardenWith(modern)
		if got := w.session.Members(garden); len(got) != 2 {
			t.Errorf("there are %v", got)
		}
		c.sends(":stranger!~s@h PRIVMSG #garden :hello")
		w.sees(transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "stranger", Text: "hello"}})
	})
}
