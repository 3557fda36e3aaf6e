package gateway_test

import (
	"slices"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// stays has romeo stay in a room, or not any more.
func (w *world) stays(a transport.Address, stays bool) {
	w.verona.change(func() { w.verona.stays[romeo+" "+string(a)] = stays })
}

// restart stops the gateway and starts it as a new process would; the network
// forgets who was there.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.verona.change(func() {
		for _, r := range w.verona.rooms {
			for user, nick := range r.inside {
				r.members = slices.DeleteFunc(r.members, named(nick))
				delete(r.inside, user)
			}
		}
	})
	w.settle()
	w.Skip()
	w.start()
}

func TestWhoStaysInARoomStillHearsIt(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.Expect(Presence(From(garden+"/romeo"), To(orchard), Type("unavailable"), StatusCodes("110"),
			Has("x/item@role", "participant"), Status("", "You stay in this room while none of your clients is here.")))
		w.pass(time.Hour)
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "Romeo?"})
		w.ExpectNothing()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "absence")

		w.asksToJoin(cell, garden, "romeo")
		w.Expect(occupant(cell, garden, "juliet"))
		w.Expect(occupant(cell, garden, "romeo", StatusCodes("110")))
		w.Expect(inRoom(cell, garden, "juliet", "Romeo?", Has("delay")))
		w.Expect(subject(cell, garden, ""))
		w.ExpectNothing()
	})
}

func TestOneOfTwoClientsThatLeavesIsToldOfTheOther(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.leaves(cell, garden, "romeo")
		w.Expect(gone(cell, garden, "romeo", StatusCodes("110"), Status("", "1 of your clients is still in this room.")))
		w.ExpectNothing()
	})
}

func TestWhoDoesNotStayAnyMoreLeavesAtTheNextChange(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.joins(orchard, garden, "romeo")
		w.settle()
		w.stays(inGarden, false)
		w.leaves(orchard, garden, "romeo")
		w.pass(5 * time.Second)
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "absence", "leave #garden")
		if rooms, _ := w.store.Rooms().OfUser(t.Context(), verona, romeo); len(rooms) > 0 {
			t.Errorf("the store still has %v", rooms)
		}
	})
}

func TestWhoStaysInRoomsIsInThemAgainAfterARestart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'><password>rose</password></x></presence>`, garden)
		w.joins(orchard, balcony, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.pass(5 * time.Second)
		w.verona.called(t, "open romeo@example.org", "join #garden romeo rose", "join #balcony romeo")
		w.restart()
		w.verona.called(t, "close The gateway is stopping", "open romeo@example.org", "return #garden romeo rose", "absence")

		w.verona.change(func() {
			w.verona.renames(inGarden, "romeo", "montague")
			w.verona.rooms[inGarden].inside[romeo] = "montague"
		})
		w.pass(5 * time.Second)
		w.restart()
		w.verona.called(t, "close The gateway is stopping", "open romeo@example.org", "return #garden montague rose", "absence")

		w.stays(inGarden, false) // the default of the config was changed
		w.restart()
		w.restart()
		w.verona.called(t, "close The gateway is stopping")
	})
}

func TestRoomThatIsRefusedForNowIsTriedAgain(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.pass(5 * time.Second)
		w.verona.denies("return", because(transport.Unreachable))
		w.restart()
		w.pass(3 * time.Hour)
		tries := w.verona.callsOf("return")
		if tries < 7 || tries > 14 {
			t.Errorf("%d tries in three hours", tries)
		}
		w.ExpectNothing()

		// A client that wants in need not wait.
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Skip()
		w.leaves(orchard, garden, "romeo")
		w.pass(time.Hour)
		if w.verona.callsOf("leave") > 0 || w.verona.callsOf("return") != tries {
			t.Error("the room is left, or joined once more")
		}
	})
}

func TestRoomThatIsNoPlaceForTheUserIsForgotten(t *testing.T) {
	for _, tt := range []struct {
		name string
		left transport.RoomLeft
		back bool // after a restart
		told bool // by a message
	}{
		{"kicked", transport.RoomLeft{Why: transport.Kicked, By: "tybalt"}, false, true},
		{"left by a command", transport.RoomLeft{Why: transport.Parted}, false, true},
		{"banned meanwhile", transport.RoomLeft{Why: transport.LinkLost, Err: because(transport.BannedFrom)}, false, true},
		{"banned from the server", transport.RoomLeft{Why: transport.LinkLost, Err: because(transport.Forbidden)}, true, true},
		{"server gone", transport.RoomLeft{Why: transport.LinkLost, Err: because(transport.Unreachable)}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storyOnDisk(t, func(t *testing.T, w *world) {
				w.stays(inGarden, true)
				w.joins(orchard, garden, "romeo")
				w.leaves(orchard, garden, "romeo")
				w.pass(5 * time.Second)
				w.Skip()
				tt.left.Room = inGarden
				w.verona.throwsOut(romeo, tt.left)
				if tt.told {
					w.Expect(Message(From(verona), To(romeo), Type("headline")))
				}
				w.ExpectNothing()
				w.restart()
				if back := w.verona.callsOf("return") > 0; back != tt.back {
					t.Errorf("joined again after a restart: %v", back)
				}
			})
		})
	}
}

func TestWhoStaysIsInTheirRoomsAgainAfterAPanic(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='juliet@%s' type='chat' id='m'><body>panic</body></message>`, verona)
		w.pass(time.Minute)
		if w.verona.callsOf("return") != 1 {
			t.Errorf("the calls were %v", w.verona.calls)
		}
	})
}

func TestStayingOutlastsTheServersRestart(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.stays(inGarden, true)
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.breakStream()
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "Romeo?"})
		w.restoreStream()
		w.pass(time.Hour)
		w.Skip()
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(occupant(orchard, garden, "juliet"))
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(inRoom(orchard, garden, "juliet", "Romeo?"))
	})
}

func TestRoomWithoutClientsIsLeftOnceItsUserSaysSo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.configurable = true
		w.stays(inGarden, true)
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.pass(time.Minute)
		w.Skip()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "absence")
		w.stays(inGarden, false)
		w.asks(orchard, "set", garden, `<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>`)
		w.Expect(result(garden, orchard))
		w.pass(5 * time.Second)
		if w.verona.callsOf("leave") != 1 {
			t.Errorf("the room is not left: %v", w.verona.calls)
		}
	})
}
