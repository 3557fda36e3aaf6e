package irc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
)

func member(nick string, r transport.Role, a transport.Affiliation) transport.Member {
	return transport.Member{Nick: nick, Role: r, Affiliation: a, Who: transport.Address(nick + "%net")}
}

func TestTheContractHolds(t *testing.T) {
	transporttest.RunInBubble(t, func(t *testing.T) transporttest.Subject {
		n, err := testOptions().New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		s := newPlainServer(t)
		n.(*network).dial = s.dial
		return transporttest.Subject{
			Network: n,
			Account: transport.Account{User: romeo},
			Person:  "juliet%net",
			Room:    "#garden%net",
			Inbound: s.julietSays,
			Connect: func(ctx context.Context, ts transport.Session) error {
				return ts.(transport.Rooms).Join(ctx, "#balcony%net", "romeo", transport.JoinOptions{})
			},
			Stall: s.stall,
		}
	})
}

func TestARoomIsToldWholeOnceItsNamesAreThere(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo", "PREFIX=(qaohv)~&@%+")
		c.expect("JOIN #garden")
		c.sends(
			":romeo!~romeo@verona.example JOIN #Garden",
			":irc.example.org 332 romeo #Garden :by \x02moonlight\x02",
			":irc.example.org 333 romeo #Garden juliet!j@capulet.example 1700000000",
			":irc.example.org 353 romeo @ #Garden :@+juliet!j@capulet.example ~nurse &tybalt",
			":irc.example.org 353 romeo @ #Garden :%peter +benvolio romeo")
		w.seesNothing()
		c.sends(":irc.example.org 366 romeo #Garden :End of /NAMES list.")
		juliet := member("juliet", transport.Moderator, transport.Admin)
		juliet.Host = "j@capulet.example"
		self := member("romeo", transport.Participant, transport.AffiliationNone)
		self.Host = "~romeo@verona.example"
		c.expect("MODE #Garden")
		c.sends(":irc.example.org 324 romeo #Garden +mntk *")
		self.Role = transport.Visitor // nobody without voice speaks now
		w.sees(transport.RoomJoined{
			Room: garden, Nick: "romeo",
			Subject: transport.Subject{Text: "by *moonlight*", By: "juliet", At: time.Unix(1700000000, 0)},
			Members: []transport.Member{
				member("nurse", transport.Moderator, transport.Owner),
				member("tybalt", transport.Moderator, transport.Owner),
				juliet,
				member("benvolio", transport.Participant, transport.MemberOf),
				member("peter", transport.Moderator, transport.MemberOf),
				self,
			},
			Modes: transport.RoomModes{Moderated: true, SubjectByMods: true, PasswordProtected: true},
		})
	})
}

func TestAJoinDoesNotWaitForModesThatPacingHoldsBack(t *testing.T) {
	o := testOptions()
	o.Throttle = Throttle{Burst: 1, Interval: time.Minute}
	inWorld(t, o, func(w *world) {
		w.joins("#garden%net", "romeo")
		c := w.welcomes("romeo")
		c.expect("JOIN #garden")
		c.sends(":romeo!r@h JOIN #garden", ":s 353 romeo = #garden :romeo", ":s 366 romeo #garden :End of /NAMES list.")
		self := member("romeo", transport.Participant, transport.AffiliationNone)
		self.Host = "r@h"
		w.sees(transport.RoomJoined{Room: garden, Nick: "romeo", Members: []transport.Member{self}})
		c.expect("MODE #garden")
		c.sends(":s 324 romeo #garden +k *")
		w.sees(transport.RoomChanged{Room: garden, Modes: transport.RoomModes{PasswordProtected: true}})
	})
}

// A server tells thousands of the JOIN before it answers what came behind it.
func TestALargeRoomDoesNotWaitForItsModes(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo")
		c.autoPong.Store(false)
		c.expect("JOIN #garden")
		c.sends(":romeo!r@h JOIN #garden")
		for i := range modesMembers {
			c.sends(fmt.Sprintf(":s 353 romeo = #garden :guest%d", i))
		}
		c.sends(":s 366 romeo #garden :End of /NAMES list.")
		end := time.Now()
		if joined := w.next().(transport.RoomJoined); len(joined.Members) != modesMembers+1 || time.Since(end) > time.Second {
			t.Errorf("%d members after %v", len(joined.Members), time.Since(end))
		}
		c.sends(":s 324 romeo #garden +mk *")
		w.sees(transport.RoomChanged{Room: garden, Modes: transport.RoomModes{Moderated: true, PasswordProtected: true}})
		for range modesMembers + 1 {
			if e := w.next().(transport.MemberChanged); e.Role != transport.Visitor {
				t.Errorf("%s is %v", e.Nick, e.Role)
			}
		}
		w.seesNothing()
	})
}

func TestWhatHappensInARoomIsTold(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		nurse := member("nurse", transport.Participant, transport.AffiliationNone)
		nurse.Host = "n@capulet.example"
		voiced := nurse
		voiced.Affiliation = transport.MemberOf
		away := voiced
		away.Away, away.Status = true, "asleep"
		moved := voiced
		moved.Host = "n@balcony.example"
		renamed := moved
		renamed.Nick, renamed.Who = "Nurse2", "nurse2%net"
		for _, step := range []struct {
			line string
			want transport.Event
		}{
			{":nurse!n@capulet.example JOIN #GARDEN account :The Nurse", transport.MemberChanged{Room: garden, Member: nurse, Joined: true}},
			{":juliet!j@c MODE #garden +v nurse", transport.MemberChanged{Room: garden, Member: voiced, By: "juliet"}},
			{":nurse!n@c AWAY :asleep", transport.MemberChanged{Room: garden, Member: away}},
			{":nurse!n@c AWAY", transport.MemberChanged{Room: garden, Member: voiced}},
			{":nurse!n@c CHGHOST n balcony.example", transport.MemberChanged{Room: garden, Member: moved}},
			{":nurse!n@c NICK Nurse2", transport.MemberRenamed{Room: garden, Was: "nurse", Member: renamed}},
			{":juliet!j@c TOPIC #garden :", transport.SubjectChanged{Room: garden, Subject: transport.Subject{By: "juliet"}}},
			{":juliet!j@c MODE #garden +ib nurse!*@*", transport.RoomChanged{Room: garden, Modes: transport.RoomModes{MembersOnly: true}}},
			{":NURSE2!n@c PRIVMSG #Garden :\x01ACTION calls\x01", transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "NURSE2", Text: "/me calls"}}},
			{":Nurse2!n@c NOTICE #garden :well", transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "Nurse2", Text: "[notice] well"}}},
			{":chanserv!s@services NOTICE romeo :[#garden] Be nice", transport.MessageReceived{Message: transport.Message{Chat: garden, Nick: "chanserv", Text: "[notice] [#garden] Be nice"}}},
			{":juliet!j@c KICK #garden nurse2 :out", transport.MemberLeft{Room: garden, Member: renamed, Why: transport.Kicked, By: "juliet", Reason: "out"}},
		} {
			c.sends(step.line)
			if _, modes, is := strings.Cut(step.line, " MODE #garden "); is {
				w.sees(transport.RoomNotice{Room: garden, Text: "Mode #garden [" + modes + "] by juliet"})
			}
			w.sees(step.want)
		}
		c.sends(":peter!p@c JOIN #garden", ":peter!p@c PART #garden :gone", ":juliet!j@c QUIT :Quit: night", ":peter!p@c JOIN #garden")
		peter := member("peter", transport.Participant, transport.AffiliationNone)
		peter.Host = "p@c"
		juliet := member("juliet", transport.Moderator, transport.Admin)
		w.sees(
			transport.MemberChanged{Room: garden, Member: peter, Joined: true},
			transport.MemberLeft{Room: garden, Member: peter, Reason: "gone"},
			transport.MemberLeft{Room: garden, Member: juliet, Reason: "Quit: night"},
			transport.MemberChanged{Room: garden, Member: peter, Joined: true},
		)
	})
}

func TestJoinErrorsRefuseTheJoin(t *testing.T) {
	for numeric, want := range map[string]transport.Reason{
		"403": transport.NotFound, "405": transport.TooMany, "437": transport.Conflict, "471": transport.TooMany,
		"473": transport.MembersOnly, "474": transport.BannedFrom, "475": transport.NotAuthorized,
		"476": transport.BadAddress, "477": transport.MembersOnly, "479": transport.BadAddress,
		"480": transport.RateLimited, "489": transport.NotAllowed, "520": transport.NotAllowed,
	} {
		t.Run(numeric, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				w.joins(garden, "romeo")
				c := w.welcomes("romeo")
				c.expect("JOIN #garden")
				c.sends(":irc.example.org " + numeric + " romeo #garden :Cannot join")
				e := w.next().(transport.RoomLeft)
				err, ok := errors.AsType[*transport.Error](e.Err)
				if e.Room != garden || e.Why != transport.Refused || !ok || err.Reason != want || err.Code != numeric || err.Text != "Cannot join" ||
					(err.RetryAfter > 0) != (numeric == "437") {
					t.Errorf("got %+v, error %+v", e, err)
				}
			})
		})
	}
}

func TestAForwardedJoinRedirects(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo")
		c.expect("JOIN #garden")
		c.sends(":irc.example.org 470 romeo #garden ##garden :Forwarding to another channel", ":romeo!r@h JOIN ##garden")
		w.sees(transport.RoomLeft{
			Room: garden, Why: transport.Refused, Reason: "Forwarding to another channel",
			Err: &transport.Error{Reason: transport.Moved, Redirect: "##garden%net", Code: "470"},
		})
		c.expect("PART ##garden")
		w.seesNothing()
	})
}

func TestAJoinThatIsIgnoredIsRefused(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo")
		c.expect("JOIN #garden") // and the PONG behind it comes without an answer
		if e := w.next().(transport.RoomLeft); e.Room != garden || e.Why != transport.Refused || e.Err == nil {
			t.Errorf("got %+v", e)
		}
	})
}

func TestANickChangeIsAnswered(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		nick := func(to string) {
			if err := w.session.SetNick(context.Background(), garden, to, transport.Request(to)); err != nil {
				t.Fatal(err)
			}
		}
		nick("montague")
		c.expect("NICK montague")
		c.sends(":romeo!r@h NICK montague")
		renamed := member("montague", transport.Participant, transport.AffiliationNone)
		renamed.Host = "~romeo@verona.example"
		w.sees(transport.MemberRenamed{Room: garden, Was: "romeo", Member: renamed}, transport.Answered{Request: "montague"})
		c.autoPong.Store(false)
		nick("juliet")
		c.expect("NICK juliet")
		c.sends(":s 433 montague juliet :Nickname is already in use.")
		w.sees(transport.Answered{Request: "juliet", Err: because(transport.Conflict)})
		c.expectBarrier()
		w.seesNothing()
		if err := w.session.SetNick(context.Background(), garden, "fair juliet", "r"); err == nil {
			t.Error("a nick of two words is not refused")
		}
	})
}

func TestASubjectIsAnswered(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden("TOPICLEN=20")
		set := func(subject string) error {
			return w.session.SetSubject(context.Background(), garden, subject, "r")
		}
		if err := set("*two*\nlines"); err != nil {
			t.Fatal(err)
		}
		c.autoPong.Store(false)
		c.expect("TOPIC #garden :\x02two\x02 lines")
		c.sends(":s 482 romeo #garden :You're not a channel operator")
		w.sees(transport.Answered{Request: "r", Err: because(transport.Forbidden)})
		if err := set(strings.Repeat("x", 21)); err == nil {
			t.Error("a topic over TOPICLEN is not refused")
		}
	})
}

func TestACommandThatNobodyAnswersEndsAfterAWhile(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.autoPong.Store(false)
		if err := w.session.SetSubject(context.Background(), garden, "x", "r"); err != nil {
			t.Fatal(err)
		}
		c.expect("TOPIC #garden x")
		start := time.Now()
		w.sees(transport.Answered{Request: "r", Err: because(transport.Unreachable)})
		if took := time.Since(start); took != barrierLimit {
			t.Errorf("that took %v", took)
		}
	})
}

func TestLeavingIsTwoSteps(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		if err := w.session.Leave(context.Background(), garden, "good night"); err != nil {
			t.Fatal(err)
		}
		c.expect("PART #garden :good night")
		w.seesNothing()
		c.sends(":romeo!r@h PART #garden :good night")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Parted}, transport.LinkDown{Server: "net"})
		c.expect("QUIT Gatehouse")
	})
}

func TestARoomCanBeJoinedWhileItIsLeft(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.session.Leave(context.Background(), garden, "")
		c.expect("PART #garden")
		w.joins(garden, "romeo")
		c.sends(":romeo!r@h PART #garden")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Parted})
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "romeo")
		if _, ok := w.next().(transport.RoomJoined); !ok {
			t.Error("not joined again")
		}
	})
}

func TestOneChannelHasOneAddress(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		w.joins("#a[b%net", "romeo")
		c.expect("JOIN #a[b")
		c.admits("romeo", "#A[b", "romeo")
		w.next()
		err := w.session.Join(context.Background(), "#a{b%net", "romeo", transport.JoinOptions{})
		if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.Moved || e.Redirect != "#a[b%net" {
			t.Errorf("got %v", err)
		}
	})
}

func TestBeingKickedEndsTheStay(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@c KICK #garden romeo :go")
		w.sees(transport.RoomLeft{Room: garden, Why: transport.Kicked, By: "juliet", Reason: "go"})
		c.expectNothing(time.Minute)
		if err := w.says(garden, "why?"); err == nil {
			t.Error("a message to a room that was left is not refused")
		}
	})
}

func TestManyRoomsAreJoinedInFewLines(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		for i := range 100 {
			o := transport.JoinOptions{}
			if i%10 == 0 {
				o.Password = "key"
			}
			if err := w.session.Join(context.Background(), transport.Address(fmt.Sprintf("#room%02d%%net", i)), "romeo", o); err != nil {
				t.Fatal(err)
			}
		}
		c := w.welcomes("romeo", "TARGMAX=JOIN:40")
		joined := map[string]string{}
		for len(joined) < 100 {
			f := strings.Fields(c.expectPrefix("JOIN ") + " .")
			keys := strings.Split(strings.TrimSuffix(f[2], "."), ",")
			names := strings.Split(f[1], ",")
			if len(names) > 40 {
				t.Errorf("%d channels in one JOIN", len(names))
			}
			for i, name := range names {
				key := ""
				if i < len(keys) {
					key = keys[i]
				}
				joined[name] = key
			}
		}
		for name, key := range joined {
			if (name[len(name)-1] == '0') != (key == "key") {
				t.Errorf("%s joined with the key %q", name, key)
			}
		}
	})
}

func TestAServerHasAllOfTheGraceToTakeAQuit(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(":juliet!j@h PRIVMSG #garden :hi")
		time.Sleep(restAfter - time.Millisecond) // the reader is about to look up
		start := time.Now()
		go w.session.Close(context.Background(), "stopping")
		said := false
		for l := range c.lines {
			said = said || strings.HasPrefix(l, "QUIT")
		}
		if took := time.Since(start); !said || took < quitGrace {
			t.Errorf("QUIT was said: %v, and the connection ended after %v", said, took)
		}
	})
}

func TestCloseSaysQuitAndWaits(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		start := time.Now()
		go func() {
			for l := range c.lines {
				if strings.HasPrefix(l, "QUIT") {
					c.sends("ERROR :Closing Link")
					c.hangsUp()
				}
			}
		}()
		w.session.Close(context.Background(), "stopping")
		if took := time.Since(start); took > quitGrace {
			t.Errorf("Close took %v", took)
		}
		synctest.Wait()
		w.seesNothing()
	})
}
