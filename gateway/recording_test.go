package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func TestHistoryAtTheJoinComesFromTheArchive(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a", "b", "c", "d")
		ids := w.reads(orchard, garden, "").ids
		w.restarts()
		join := func(client, history string) {
			w.says(client, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'>%s</x></presence>`, garden, history)
			w.Expect(occupant(client, garden, "romeo", StatusCodes("110")))
		}
		past := func(client string, texts ...string) {
			for _, text := range texts {
				i := strings.Index("abcd", text)
				w.Expect(inRoom(client, garden, "juliet", text, Has("{urn:xmpp:delay}delay@from", garden), Has("stanza-id@id", ids[i])))
			}
			w.Expect(subject(client, garden, ""))
		}
		join(orchard, "")
		past(orchard, "a", "b", "c", "d")
		// Others join while the room is there already.
		join(cell, "<history maxstanzas='2'/>")
		past(cell, "c", "d")
		join(cell, "<history maxchars='0'/>")
		past(cell)
		join(cell, "<history maxchars='3'/>")
		past(cell, "b", "c", "d")
		join(cell, "<history seconds='2'/>")
		past(cell, "c", "d")
		join(cell, "<history since='"+time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)+"'/>")
		past(cell, "d")
		w.keeping.set(inGarden, transport.Record{Keep: true, AtJoin: 3})
		join(cell, "")
		past(cell, "b", "c", "d")
		w.keeping.set(inGarden, transport.Record{AtJoin: 3})
		join(cell, "")
		past(cell)
		w.ExpectNothing()
	})
}

func TestWhatIsSaidWhileAClientJoinsReachesItOnce(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a")
		w.verona.ignores("join")
		w.asksToJoin(cell, garden, "romeo")
		w.hears(1, "b")
		w.verona.tells(romeo, w.verona.joined(inGarden, romeo))
		w.Expect(occupant(cell, garden, "romeo"))
		w.Expect(inRoom(cell, garden, "juliet", "a", Has("{urn:xmpp:delay}delay")))
		w.Expect(inRoom(cell, garden, "juliet", "b", Has("{urn:xmpp:delay}delay")))
		w.Expect(subject(cell, garden, ""))
		w.hears(2, "c")
	})
}

func TestWhatTheUserDoesNotWantKeptIsNot(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.keeping.set(inGarden, transport.Record{AtJoin: 20})
		w.keeping.set("juliet", transport.Record{})
		w.joins(orchard, garden, "romeo")
		w.speaks(orchard, garden, "mine")
		w.Expect(inRoom(orchard, garden, "romeo", "mine", Has("stanza-id@id", "*")))
		w.hears(1, "a")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: "who?"}})
		w.Expect(Message(Body("who?"), HasNot("stanza-id")))
		w.same("the room's", w.reads(orchard, garden, ""), "")
		w.same("the conversations", w.reads(orchard, verona, ""), "")
		w.asksToJoin(cell, garden, "romeo")
		w.Expect(occupant(cell, garden, "romeo"))
		w.Expect(subject(cell, garden, ""))
	})
}

func TestWhereTheDiskDoesNotSayWhatToKeepNothingIs(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.keeping.err = errors.New("the disk is broken")
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a")
		w.same("the archive", w.reads(orchard, garden, ""), "")
		if !w.log.has("the disk is broken") {
			t.Error("nobody was told")
		}
	})
}

func TestSlowDiskHoldsUpTheRoomButNotTheUser(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.keeping.hang = make(chan struct{})
		w.verona.enters(inGarden, member("juliet"))
		w.asksToJoin(orchard, garden, "romeo")
		w.settle()
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "a"})
		w.verona.goes(inGarden, "juliet", transport.Parted, "", "")
		w.asks(orchard, "get", verona, "<ping xmlns='urn:xmpp:ping'/>")
		w.Expect(result(verona, orchard))
		w.ExpectNothing()
		close(w.keeping.hang)
		w.Expect(occupant(orchard, garden, "juliet"))
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.Expect(inRoom(orchard, garden, "juliet", "a", HasNot("delay")))
		w.Expect(gone(orchard, garden, "juliet"))
		w.same("the archive", w.reads(orchard, garden, ""), "a")
	})
}

func TestMessageThatComesLateStandsWhereItWasSaid(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "b")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "a", Sent: time.Now().Add(-time.Hour), Delayed: true})
		w.Expect(inRoom(orchard, garden, "juliet", "a", Has("{urn:xmpp:delay}delay")))
		w.hears(1, "c")
		w.same("the archive", w.reads(orchard, garden, ""), "a b c")
	})
}

func TestNewSettingHoldsFromTheNextMessageOn(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a")
		w.keeping.set(inGarden, transport.Record{})
		w.asks(orchard, "set", garden, `<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='charset'><value>latin1</value></field></x></query>`)
		w.Expect(result(garden, orchard))
		w.hears(1, "b")
		w.same("the archive", w.reads(orchard, garden, ""), "a")
	})
}
