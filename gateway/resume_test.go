package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// expectRollCall answers the pings that ask who is still there.
func (w *world) expectRollCall(alive ...string) {
	w.t.Helper()
	for _, client := range alive {
		r := w.Expect(IQ(From(verona), Type("get"), Has("{urn:xmpp:ping}ping")))
		w.answersPing(r, client)
	}
}

func (w *world) answersPing(r stanza.Received, alive string) {
	w.t.Helper()
	if r.To.String() == alive {
		w.says(alive, `<iq to='%s' type='result' id='%s'/>`, verona, r.ID)
		return
	}
	w.says(r.To.String(), `<iq to='%s' type='error' id='%s'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, verona, r.ID)
}

func TestStreamRestoredShowsRoomsAsTheyAreNow(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.verona.enters(inGarden, member("nurse"))
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.verona.goes(inGarden, "juliet", transport.Parted, "", "good night")
		w.verona.takesNick(inGarden, "nurse", "angelica")
		w.verona.enters(inGarden, member("paris"))
		w.settle()
		w.restoreStream()
		w.expectRollCall(orchard)
		w.Expect(gone(orchard, garden, "juliet", Status("", "good night")))
		w.Expect(gone(orchard, garden, "nurse"))
		w.Expect(occupant(orchard, garden, "angelica"))
		w.Expect(occupant(orchard, garden, "paris"))
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #garden romeo")
	})
}

func TestNickThatChangedWhileTheStreamWasLostIsTold(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.verona.change(func() {
			w.verona.rooms[inGarden].inside[romeo] = "montague"
			w.verona.renames(inGarden, "romeo", "montague")
		})
		w.settle()
		w.restoreStream()
		w.expectRollCall(orchard)
		w.Expect(Presence(From(garden+"/romeo"), To(orchard), Type("unavailable"), StatusCodes("110", "303"), Has("x/item@nick", "montague")))
		w.Expect(occupant(orchard, garden, "montague", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
	})
}

func TestClientThatIsGoneAfterAnOutageIsTakenOut(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.breakStream()
		w.restoreStream()
		for range 2 {
			w.answersPing(w.Expect(IQ(From(verona), Type("get"), Has("ping"))), cell)
			w.settle()
		}
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(cell, garden, ""))
		w.ExpectNothing()
		w.speaks(cell, garden, "alone")
		w.Expect(inRoom(cell, garden, "romeo", "alone"))
		w.ExpectNothing()
	})
}

func TestClientThatDoesNotAnswerInTimeIsKept(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.restoreStream()
		w.Expect(IQ(From(verona), To(orchard), Type("get"), Has("ping")))
		w.pass(11 * time.Second)
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.speaks(orchard, garden, "awake")
		w.Expect(inRoom(orchard, garden, "romeo", "awake"))
	})
}

func TestRoomsOutlastAServerThatWasRestarted(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
		w.breakStream()
		w.restoreStream()
		w.expectRollCall("")
		w.pass(4 * time.Minute)
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.verona.called(t, "join #garden romeo") // which the network did not notice
	})
}

func TestRoomsThatNobodyComesBackToAreLeft(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.restoreStream()
		w.expectRollCall("")
		w.pass(4 * time.Minute)
		if w.verona.callsOf("leave") > 0 {
			t.Error("the room was left before five minutes had passed")
		}
		w.pass(2 * time.Minute)
		if w.verona.callsOf("leave") != 1 {
			t.Error("the room was not left")
		}
		w.ExpectNothing()
	})
}

func TestRoomIsKeptAsLongWhenItsClientVanishesASecondTime(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for range 2 {
			w.breakStream()
			w.restoreStream()
			w.expectRollCall("")
			w.pass(4 * time.Minute)
			w.joins(orchard, garden, "romeo")
			w.pass(10 * time.Minute)
		}
		if w.verona.callsOf("leave") > 0 {
			t.Error("the room was left")
		}
	})
}

func TestRollCallsOfManyUsersAreSpreadOut(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		const users = 100
		for i := range users {
			w.joins(fmt.Sprintf("guest%d@example.org/hall", i), garden, fmt.Sprintf("guest%d", i))
		}
		w.settle()
		w.breakStream()
		w.ComeBack()
		for w.Connected().Domain != verona {
		}
		before := time.Now()
		for range users {
			w.Expect(IQ(From(verona), Type("get"), Has("ping")))
		}
		if took := time.Since(before); took < 300*time.Millisecond {
			t.Errorf("all were asked within %v", took)
		}
	})
}

func TestStreamLostAgainDuringTheRollCallAsksAnew(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.restoreStream()
		w.Expect(IQ(From(verona), To(orchard), Type("get"), Has("ping")))
		w.breakStream()
		w.restoreStream()
		w.expectRollCall(orchard)
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
	})
}

func TestMessagesWaitOutAShortOutage(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.breakStream()
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "are you there?"})
		w.settle()
		w.ComeBack()
		w.Connected()
		w.Connected()
		w.Expect(inRoom(orchard, garden, "juliet", "are you there?"))
	})
}
