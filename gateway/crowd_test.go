package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// inACrowd runs a story in a room of a hundred.
func inACrowd(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.store = newMemory()
		w.verona.info.Crowd = 50
		w.start()
		for i := range 100 {
			w.verona.enters(inGarden, member(fmt.Sprintf("guest%d", i)))
		}
		w.joins(orchard, garden, "romeo")
		tell(t, w)
	})
}

func (w *world) comes(nick string) {
	w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: member(nick), Joined: true})
}

func (w *world) goesQuietly(nick string) {
	w.verona.tells(romeo, transport.MemberLeft{Room: inGarden, Member: member(nick)})
}

func TestInACrowdComingsAndGoingsAreToldTogether(t *testing.T) {
	inACrowd(t, func(t *testing.T, w *world) {
		w.comes("paris")
		w.comes("peter")
		w.goesQuietly("guest1")
		w.goesQuietly("guest2")
		w.goesQuietly("peter") // who only passed through
		w.comes("guest2")      // who is back
		sleepy := member("guest3")
		sleepy.Away = true
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: sleepy})
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: member("guest3")})
		w.settle()
		w.ExpectNothing()
		w.pass(15 * time.Second)
		w.Expect(occupant(orchard, garden, "paris"))
		w.Expect(gone(orchard, garden, "guest1"))
		w.Expect(occupant(orchard, garden, "guest2"))
		w.Expect(occupant(orchard, garden, "guest3", HasNot("show")))
		w.ExpectNothing()
		w.pass(time.Minute)
		w.ExpectNothing()
	})
}

func TestInACrowdWhatPeopleDoIsToldAtOnce(t *testing.T) {
	inACrowd(t, func(t *testing.T, w *world) {
		w.comes("paris")
		w.settle()
		w.ExpectNothing()
		w.verona.speaks(inGarden, transport.Message{Nick: "paris", Text: "Sirrah!"})
		w.Expect(occupant(orchard, garden, "paris"))
		w.Expect(inRoom(orchard, garden, "paris", "Sirrah!"))
		w.comes("peter")
		w.verona.tells(romeo, transport.MemberRenamed{Room: inGarden, Was: "peter", Member: member("potpan")})
		w.Expect(occupant(orchard, garden, "peter"))
		w.Expect(Presence(From(garden+"/peter"), To(orchard), StatusCodes("303")))
		w.Expect(occupant(orchard, garden, "potpan"))
		op := member("paris")
		op.Role, op.Affiliation = transport.Moderator, transport.Admin
		w.verona.tells(romeo, transport.MemberChanged{Room: inGarden, Member: op, By: "guest1"})
		w.Expect(occupant(orchard, garden, "paris", Has("{http://jabber.org/protocol/muc#user}x/item@role", "moderator")))
		w.comes("tybalt")
		w.verona.tells(romeo, transport.MemberLeft{Room: inGarden, Member: member("tybalt"), Why: transport.Kicked, By: "paris"})
		w.Expect(occupant(orchard, garden, "tybalt"))
		w.Expect(gone(orchard, garden, "tybalt", Has("{http://jabber.org/protocol/muc#user}x/status@code", "307")))
	})
}

func TestARoomThatIsNoCrowdAnyMoreTellsAtOnce(t *testing.T) {
	inACrowd(t, func(t *testing.T, w *world) {
		for i := range 55 {
			w.goesQuietly(fmt.Sprintf("guest%d", i))
		}
		w.pass(15 * time.Second)
		w.Skip()
		w.comes("paris")
		w.Expect(occupant(orchard, garden, "paris"))
	})
}

func TestWhoComesAndGoesInACrowdForEverTakesNoPlaceForEver(t *testing.T) {
	inACrowd(t, func(t *testing.T, w *world) {
		w.comes("juliet")
		for range 5000 { // crowdLength
			w.comes("paris")
			w.goesQuietly("paris")
		}
		w.settle()
		w.Expect(occupant(orchard, garden, "juliet"))
	})
}
