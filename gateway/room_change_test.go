package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func TestOthersTakeNewNicks(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.takesNick(inGarden, "juliet", "jules")
		w.Expect(Presence(From(garden+"/juliet"), To(orchard), Type("unavailable"), StatusCodes("303"), Has("x/item@nick", "jules")))
		w.Expect(occupant(orchard, garden, "jules", StatusCodes()))
		w.ExpectNothing()
	})
}

func TestNickIsChangedForAllClients(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.says(orchard, `<presence to='%s/montague'/>`, garden)
		leaves := func(to string) Matcher {
			return Presence(From(garden+"/romeo"), To(to), Type("unavailable"), StatusCodes("110", "303"), Has("x/item@nick", "montague"), Has("x/item@jid", romeoThere))
		}
		comes := func(to string) Matcher {
			return occupant(to, garden, "montague", StatusCodes("110"), Has("x/item@jid", romeoThere))
		}
		w.ExpectInAnyOrder(leaves(orchard), leaves(cell), comes(orchard), comes(cell))
		w.ExpectNothing()
		w.speaks(cell, garden, "renamed")
		w.ExpectInAnyOrder(inRoom(orchard, garden, "montague", "renamed"), inRoom(cell, garden, "montague", "renamed"))
	})
}

func TestOldNickGoesBeforeTheNewOneComes(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<presence to='%s/montague'/>`, garden)
		w.Expect(Presence(From(garden+"/romeo"), Type("unavailable"), StatusCodes("110", "303")))
		w.Expect(occupant(orchard, garden, "montague", StatusCodes("110")))
	})
}

func TestNickThatTheNetworkRefusesIsAnErrorToTheClientThatAsked(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.verona.denies("nick", because(transport.Conflict))
		w.says(orchard, `<presence to='%s/juliet' id='n'/>`, garden)
		w.Expect(joinError(orchard, garden+"/juliet", "cancel", "conflict"), ID("n"))
		w.verona.refuses("nick", because(transport.BadNick))
		w.says(orchard, `<presence to='%s/two words' id='n'/>`, garden)
		w.Expect(joinError(orchard, garden+"/two words", "modify", "not-acceptable"), ID("n"))
		w.ExpectNothing()
	})
}

func TestSubjectIsSetAndShownToAllClients(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.says(orchard, `<message to='%s' type='groupchat' id='s'><subject>moonlight</subject></message>`, garden)
		w.ExpectInAnyOrder(
			subject(orchard, garden+"/romeo", "moonlight", HasNot("delay")),
			subject(cell, garden+"/romeo", "moonlight", HasNot("delay")))
		w.says(orchard, `<message to='%s' type='groupchat' id='s'><subject/></message>`, garden)
		w.ExpectInAnyOrder(subject(orchard, garden+"/romeo", ""), subject(cell, garden+"/romeo", ""))
		w.verona.changesSubject(inGarden, "juliet", "dawn")
		w.ExpectInAnyOrder(subject(orchard, garden+"/juliet", "dawn"), subject(cell, garden+"/juliet", "dawn"))
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(occupant(orchard, garden, "juliet"))
		w.Expect(occupant(orchard, garden, "romeo"))
		w.Expect(subject(orchard, garden+"/juliet", "dawn"))
	})
}

func TestSubjectThatTheNetworkRefusesIsAnError(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.denies("subject", because(transport.Forbidden))
		w.says(orchard, `<message to='%s' type='groupchat' id='s'><subject>moonlight</subject></message>`, garden)
		w.Expect(Message(From(garden), To(orchard), ID("s"), StanzaError("auth", "forbidden")))
	})
}

func TestChangeOfARoomsModesTellsClientsToAskAgain(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		moderated := transport.RoomChanged{Room: inGarden, Modes: transport.RoomModes{Moderated: true}}
		w.verona.tells(romeo, moderated, moderated)
		w.Expect(XML(`<message from='#garden@verona.example.org' to='romeo@example.org/orchard' type='groupchat' id='*'>
			<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>`))
		w.ExpectNothing()
	})
}

func TestChangeOfRoleTellsWhoAndWhy(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		voiceless := transport.MemberChanged{
			Room: inGarden, Member: transport.Member{Nick: "romeo", Role: transport.Visitor}, By: "nurse", Reason: "too loud",
		}
		w.verona.tells(romeo, voiceless)
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110"), Has("x/item@role", "visitor"),
			Has("x/item/actor@nick", "nurse"), Has("x/item/reason", "too loud")))
	})
}

func TestAwayMemberIsShownAway(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		away := member("juliet")
		away.Away, away.Status = true, "asleep"
		w.verona.enters(inGarden, away)
		w.Expect(occupant(orchard, garden, "juliet", Status("away", "asleep")))
	})
}

func TestAvailabilityOfTheMostAvailableClientIsPassedOnOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(orchard, balcony, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #balcony romeo")
		for _, room := range []string{garden, balcony} {
			w.says(orchard, `<presence to='%s/romeo'><show>away</show><status>asleep</status></presence>`, room)
		}
		w.settle()
		w.verona.called(t, "presence away asleep")
		w.joins(cell, garden, "romeo")
		w.verona.called(t, "join #garden romeo", "presence")
		w.says(orchard, `<presence to='%s/romeo'><show>xa</show></presence>`, garden)
		w.settle()
		w.verona.called(t)
		w.leaves(cell, garden, "romeo")
		w.settle()
		w.verona.called(t, "presence xa")
		w.Skip()
	})
}
