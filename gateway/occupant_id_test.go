package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// idIn gives the occupant identifier of a stanza.
func idIn(t *testing.T, st stanza.Received) string {
	t.Helper()
	ids := Values(st, "{urn:xmpp:occupant-id:0}occupant-id@id")
	if len(ids) != 1 || len(ids[0]) < 20 || len(ids[0]) > 128 {
		t.Fatalf("occupant identifiers %q in %s", ids, Pretty(st.Element))
	}
	return ids[0]
}

func TestOccupantsHaveOneNameForTheirWholeStay(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		juliet := member("juliet")
		juliet.Identity = "account capulet"
		w.verona.enters(inGarden, juliet)
		w.verona.enters(inBalcony, juliet)
		w.asksToJoin(orchard, garden, "romeo")
		id := idIn(t, w.Expect(occupant(orchard, garden, "juliet")))
		own := idIn(t, w.Expect(occupant(orchard, garden, "romeo")))
		w.Expect(subject(orchard, garden, ""))
		same := func(want string, m Matcher) {
			t.Helper()
			if got := idIn(t, w.Expect(m)); got != want {
				t.Errorf("the occupant identifier is %q, not %q", got, want)
			}
		}
		if own == id {
			t.Error("two occupants have one identifier")
		}

		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Sender: "account capulet", Text: "Ay me!"})
		same(id, inRoom(orchard, garden, "juliet", "Ay me!"))
		w.speaks(orchard, garden, "soft")
		same(own, inRoom(orchard, garden, "romeo", "soft"))
		w.verona.takesNick(inGarden, "juliet", "capulet")
		same(id, Presence(From(garden+"/juliet"), To(orchard), Type("unavailable"), StatusCodes("303")))
		same(id, occupant(orchard, garden, "capulet"))

		// who joins later finds the same in the history
		w.asksToJoin(cell, garden, "romeo")
		same(id, occupant(cell, garden, "capulet"))
		same(own, occupant(cell, garden, "romeo"))
		same(id, inRoom(cell, garden, "juliet", "Ay me!"))
		same(own, inRoom(cell, garden, "romeo", "soft"))
		w.Expect(subject(cell, garden, ""))

		w.verona.goes(inGarden, "capulet", transport.Parted, "", "")
		for _, st := range w.ExpectInAnyOrder(gone(orchard, garden, "capulet"), gone(cell, garden, "capulet")) {
			if got := idIn(t, st); got != id {
				t.Errorf("who leaves is called %q, not %q", got, id)
			}
		}
		w.leaves(orchard, garden, "romeo")
		same(own, gone(orchard, garden, "romeo"))

		// no room tells who somebody is in another
		w.Skip()
		w.asksToJoin(orchard, balcony, "romeo")
		if other := idIn(t, w.Expect(occupant(orchard, balcony, "juliet"))); other == id {
			t.Error("the identifier is the same in two rooms")
		}
	})
}

func TestRoomsTellThatOccupantsHaveIdentifiers(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, to := range []string{garden, "verona@" + verona} {
			w.asks(orchard, "get", to, discoInfo)
			w.Expect(result(to, orchard, Has("query/feature@var", "urn:xmpp:occupant-id:0")))
		}
	})
}
