package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

func TestMessageThatTheNetworkSplitsComesBackLineByLine(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>un&#10;deux&#10;trois</body>
			<origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>`, garden)
		lines := []stanza.Received{
			w.Expect(inRoom(orchard, garden, "romeo", "un", ID("m1"), Has("{urn:xmpp:sid:0}origin-id@id", "o1"))),
			w.Expect(inRoom(orchard, garden, "romeo", "deux", HasNot("origin-id"))),
			w.Expect(inRoom(orchard, garden, "romeo", "trois", HasNot("origin-id"))),
		}
		ids := map[string]bool{}
		for _, l := range lines {
			ids[l.ID], ids[Values(l, "stanza-id@id")[0]] = true, true
		}
		if len(ids) < 6 || ids[""] {
			t.Errorf("the lines have the ids %v", ids)
		}
	})
}

func TestCommandInARoomIsNotShown(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.speaks(orchard, garden, "/mode +v juliet")
		w.ExpectNothing()
	})
}

func TestNoticeOfARoomComesFromTheRoomItself(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.verona.tells(romeo, transport.RoomNotice{Room: inGarden, Text: "Mode [+m] by juliet"})
		w.ExpectInAnyOrder(
			Message(To(orchard), From(garden), Type("groupchat"), Body("Mode [+m] by juliet")),
			Message(To(cell), From(garden), Type("groupchat"), Body("Mode [+m] by juliet")))
	})
}
