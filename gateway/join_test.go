package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func TestJoinShowsOccupantsThenOneselfThenTheSubject(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(XML(`<presence from='#garden@verona.example.org/juliet' to='romeo@example.org/orchard'>
			<occupant-id xmlns='urn:xmpp:occupant-id:0' id='*'/>
			<x xmlns='http://jabber.org/protocol/muc#user'>
				<item affiliation='none' role='participant' jid='juliet@verona.example.org/capulet.example'/>
			</x></presence>`))
		w.Expect(XML(`<presence from='#garden@verona.example.org/romeo' to='romeo@example.org/orchard'>
			<occupant-id xmlns='urn:xmpp:occupant-id:0' id='*'/>
			<x xmlns='http://jabber.org/protocol/muc#user'>
				<item affiliation='none' role='participant' jid='romeo@verona.example.org/montague.example'/>
				<status code='110'/>
			</x></presence>`))
		w.Expect(XML(`<message from='#garden@verona.example.org' to='romeo@example.org/orchard' type='groupchat' id='*'><subject/></message>`))
		w.ExpectNothing()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
	})
}

func TestJoinTellsWhoSetTheSubjectAndWhen(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.change(func() {
			w.verona.room(inGarden).subject = transport.Subject{
				Text: "roses", By: "juliet", At: time.Date(1597, 5, 1, 20, 30, 0, 0, time.UTC),
			}
		})
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden+"/juliet", "roses",
			Has("{urn:xmpp:delay}delay@stamp", "1597-05-01T20:30:00.000000Z"), Has("delay@from", garden)))
	})
}

func TestJoinUnderATakenNickTellsTheNewOne(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.asksToJoin(orchard, garden, "juliet")
		w.Expect(occupant(orchard, garden, "juliet", StatusCodes(), Has("x/item@jid", "juliet@"+verona+"/capulet.example")))
		w.Expect(occupant(orchard, garden, "juliet_", StatusCodes("110", "210"), Has("x/item@jid", "juliet_@"+verona+"/montague.example")))
	})
}

func TestJoinWithoutNickIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s' id='join'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, garden)
		w.Expect(joinError(orchard, garden, "modify", "jid-malformed"), ID("join"))
		w.verona.called(t)
	})
}

func TestJoinPassesThePasswordOn(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'><password>rose</password></x></presence>`, garden)
		w.settle()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo rose")
	})
}

func TestJoinThatTheNetworkRefusesIsAnError(t *testing.T) {
	for _, tt := range []struct {
		name             string
		reason           transport.Reason
		class, condition string
	}{
		{"wrong password", transport.NotAuthorized, "auth", "not-authorized"},
		{"banned", transport.BannedFrom, "auth", "forbidden"},
		{"members only", transport.MembersOnly, "auth", "registration-required"},
		{"nick in use", transport.Conflict, "cancel", "conflict"},
		{"impossible nick", transport.BadNick, "modify", "not-acceptable"},
		{"room full", transport.TooMany, "wait", "service-unavailable"},
		{"no such room", transport.NotFound, "cancel", "item-not-found"},
		{"joining too fast", transport.RateLimited, "wait", "resource-constraint"},
		{"server does not answer", transport.Unreachable, "wait", "remote-server-timeout"},
		{"nobody may", transport.NotAllowed, "cancel", "not-allowed"},
		{"refused without a reason", transport.Rejected, "cancel", "undefined-condition"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				w.verona.denies("join", because(tt.reason))
				w.asksToJoin(orchard, garden, "romeo")
				w.Expect(joinError(orchard, garden+"/romeo", tt.class, tt.condition), Has("error/text", "so it is"))

				w.verona.refuses("join", because(tt.reason))
				w.asksToJoin(orchard, garden, "romeo")
				w.Expect(joinError(orchard, garden+"/romeo", tt.class, tt.condition), ID("join"))
				w.ExpectNothing()
			})
		})
	}
}

func TestJoinThatMaySucceedLaterSaysSo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.denies("join", &transport.Error{Reason: transport.Conflict, RetryAfter: time.Minute})
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "wait", "conflict"))
	})
}

func TestForwardedJoinTellsTheOtherRoom(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.denies("join", &transport.Error{Reason: transport.Moved, Redirect: "##garden+%"})
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "cancel", "gone"), Has("error/gone", "xmpp:%23%23garden+%25@verona.example.org"))
	})
}

func TestUnansweredJoinTimesOutAndIsTakenBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.ignores("join")
		w.asksToJoin(orchard, garden, "romeo")
		w.pass(3 * time.Minute)
		w.Expect(joinError(orchard, garden+"/romeo", "wait", "remote-server-timeout"))
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "leave #garden")
	})
}

func TestJoinOfARoomWrittenOtherwiseTellsItsOneSpelling(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asksToJoin(orchard, "#capulet_garden@"+verona, "romeo")
		w.Expect(joinError(orchard, "#capulet_garden@"+verona+"/romeo", "cancel", "gone"),
			Has("error/gone", "xmpp:%23capulet-garden@verona.example.org"))
		w.asksToJoin(orchard, "#CAPULET-Garden@"+verona, "romeo")
		w.Expect(occupant(orchard, "#capulet-garden@"+verona, "romeo", StatusCodes("110")))
	})
}

func TestJoinOfAPersonIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asksToJoin(orchard, "juliet@"+verona, "romeo")
		w.Expect(joinError(orchard, "juliet@"+verona+"/romeo", "cancel", "item-not-found"))
	})
}

func TestSecondClientSharesTheNickAndGetsItsOwnWelcome(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
		w.asksToJoin(cell, garden, "montague")
		w.Expect(occupant(cell, garden, "juliet"))
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110", "210"), Has("x/item@jid", romeoThere)))
		w.Expect(subject(cell, garden, ""))
		w.ExpectNothing() // nor does anybody else hear of it
	})
}

func TestJoinAgainShowsTheRoomAgainAndThenChangesTheNick(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.asksToJoin(orchard, garden, "montague")
		w.Expect(occupant(orchard, garden, "juliet"))
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110", "210")))
		w.Expect(subject(orchard, garden, ""))
		w.Expect(Presence(From(garden+"/romeo"), To(orchard), Type("unavailable"), StatusCodes("110", "303"), Has("x/item@nick", "montague")))
		w.Expect(occupant(orchard, garden, "montague", StatusCodes("110")))
		w.ExpectNothing()
	})
}

func TestJoinAgainThatFailsTakesTheClientOut(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.refuses("join", because(transport.Unreachable))
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "wait", "remote-server-timeout"))
		w.speaks(orchard, garden, "hello")
		w.Expect(Message(StanzaError("modify", "not-acceptable")))
		w.pass(6 * time.Minute)
		if w.verona.callsOf("leave") != 1 {
			t.Error("the room is not left, although nobody is in it")
		}
	})
}

func TestRoomsAndClientsOfOneUserAreBounded(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		const rooms, clients = 500, 50
		for i := range clients {
			w.asksToJoin(fmt.Sprintf("%s/%d", romeo, i), garden, "romeo")
			w.pass(0)
		}
		w.settle()
		w.Skip()
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "wait", "resource-constraint"))
		w.asksToJoin(romeo+"/1", garden, "romeo")
		w.Expect(occupant(romeo+"/1", garden, "romeo"))
		for i := range rooms - 1 {
			w.asksToJoin(orchard, fmt.Sprintf("#%d@%s", i, verona), "romeo")
			w.pass(0)
		}
		w.settle()
		w.Skip()
		w.asksToJoin(orchard, balcony, "romeo")
		w.Expect(joinError(orchard, balcony+"/romeo", "wait", "resource-constraint"))
	})
}

func TestLeavingARoomThatWasNeverJoinedIsNothing(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s/romeo' type='unavailable'/>`, garden)
		w.ExpectNothing()
		w.verona.called(t)
	})
}

func TestPresenceAloneJoinsWithoutHistory(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.speaks(orchard, garden, "hark")
		w.Expect(inRoom(orchard, garden, "romeo", "hark"))
		w.says(cell, `<presence to='%s/romeo'><show>away</show></presence>`, garden)
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(cell, garden, ""))
		w.ExpectNothing()
	})
}

func TestHistoryComesBetweenOneselfAndTheSubject(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "42"})
		live := w.Expect(inRoom(orchard, garden, "juliet", "O Romeo", HasNot("delay")))
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>I am here</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>`, garden)
		own := w.Expect(inRoom(orchard, garden, "romeo", "I am here"))

		w.asksToJoin(cell, garden, "romeo")
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110")))
		w.Expect(inRoom(cell, garden, "juliet", "O Romeo", ID(live.ID), Has("{urn:xmpp:delay}delay@from", garden),
			Has("{urn:xmpp:sid:0}stanza-id@id", "42"), Has("stanza-id@by", garden)))
		w.Expect(inRoom(cell, garden, "romeo", "I am here", ID("m1"), Has("delay"), Has("origin-id@id", "o1"),
			Has("stanza-id@id", Values(own, "stanza-id@id")...)))
		w.Expect(subject(cell, garden, ""))
	})
}

func TestHistoryIsLimitedAsTheClientWishes(t *testing.T) {
	for _, tt := range []struct {
		name, limits string
		want         []string
	}{
		{"without limits", ``, []string{"one", "two", "three"}},
		{"no characters", `maxchars='0'`, nil},
		{"so many characters", `maxchars='8'`, []string{"two", "three"}},
		{"so many messages", `maxstanzas='1'`, []string{"three"}},
		{"no messages", `maxstanzas='0'`, nil},
		{"so many seconds", `seconds='90'`, []string{"two", "three"}},
		{"since a time", `since='2000-01-01T00:02:30Z'`, []string{"three"}},
		{"two limits, of which the narrower counts", `seconds='90' maxstanzas='1'`, []string{"three"}},
		{"a limit that is none", `maxstanzas='many'`, []string{"one", "two", "three"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) { // which begins at midnight of 2000
				w.joins(orchard, garden, "romeo")
				for _, text := range []string{"one", "two", "three"} {
					w.pass(time.Minute)
					w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: text})
				}
				w.settle()
				w.Skip()
				w.says(cell, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'><history %s/></x></presence>`, garden, tt.limits)
				w.Expect(occupant(cell, garden, "romeo"))
				for _, text := range tt.want {
					w.Expect(inRoom(cell, garden, "juliet", text))
				}
				w.Expect(subject(cell, garden, ""))
			})
		})
	}
}

func TestHistoryForgetsTheOldest(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for i := range 30 {
			w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: string(rune('a' + i))})
		}
		w.settle()
		w.Skip()
		w.asksToJoin(cell, garden, "romeo")
		w.Expect(occupant(cell, garden, "romeo"))
		for i := 10; i < 30; i++ {
			w.Expect(inRoom(cell, garden, "juliet", string(rune('a'+i))))
		}
		w.Expect(subject(cell, garden, ""))
	})
}
