package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

const (
	inOrchard    = transport.Address("#orchard")
	orchardRoom  = "#orchard@" + verona
	bookmarked   = `<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'><item id='` + garden + `'><conference xmlns='urn:xmpp:bookmarks:1' name='Garden' autojoin='true'><nick>romeo</nick></conference></item></items></pubsub>`
	bookmarkPath = wrapped + "/pubsub/publish/item/{urn:xmpp:bookmarks:1}conference"
)

func (l *link) RenameRoom(_ context.Context, a transport.Address, name, _ string, q transport.Request) error {
	return l.note("rename", q, a, name)
}

// movesRoom moves a room on the fake network, and tells.
func (n *network) movesRoom(from, to transport.Address, reason string) {
	n.mu.Lock()
	room := n.rooms[from]
	delete(n.rooms, from)
	n.rooms[to] = room
	n.mu.Unlock()
	n.tells(romeo, transport.RoomRenamed{Room: from, To: to, By: "juliet", Reason: reason})
}

func TestARenamedRoomSendsItsClientsToTheNewOne(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.hears(2, "one", "two")
		w.grantsActing()
		w.verona.called(t, "open "+romeo, "join #garden romeo", "join #garden romeo")

		w.verona.movesRoom(inGarden, inOrchard, "It has trees")
		const x = "{http://jabber.org/protocol/muc#user}x"
		gone := func(client string) Matcher {
			return Presence(From(garden+"/romeo"), To(client), Type("unavailable"), Has(x+"/item@role", "none"), Has(x+"/item@affiliation", "none"),
				Has(x+"/destroy@jid", orchardRoom), Has(x+"/destroy/reason", "It has trees"), Has(x+"/status@code", "110"))
		}
		w.ExpectInAnyOrder(gone(orchard), gone(cell))
		w.acted("get", bookmarked, Has(wrapped+"/pubsub/items@node", "urn:xmpp:bookmarks:1"), Has(wrapped+"/pubsub/items/item@id", garden))
		w.acted("set", "", Has(wrapped+"/pubsub/publish/item@id", orchardRoom), Has(bookmarkPath+"@autojoin", "true"), Has(bookmarkPath+"/nick", "romeo"))
		w.acted("set", "", Has(wrapped+"/pubsub/retract@notify", "true"), Has(wrapped+"/pubsub/retract/item@id", garden))
		w.settle()
		w.ExpectNothing()

		w.joins(orchard, orchardRoom, "romeo") // who follows is in at once
		w.verona.called(t, "reconfigured #orchard", "join #orchard romeo")
		w.pass(time.Second)
		w.verona.speaks(inOrchard, transport.Message{Nick: "juliet", Text: "three"})
		w.Expect(Message(From(orchardRoom+"/juliet"), To(orchard), Body("three")))
		if got := w.reads(orchard, orchardRoom, "<max>10</max>"); got.String() != "one two three" {
			t.Errorf("the archive of the new one has %q", got)
		}
		w.says(cell, `<message to='%s' type='groupchat' id='m1'><body>anybody?</body></message>`, garden)
		w.Expect(Message(To(cell), ID("m1"), StanzaError("modify", "not-acceptable")))
	})
}

func TestARenamedRoomThatNobodyFollowsIsLeft(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.movesRoom(inGarden, inOrchard, "")
		w.Expect(Presence(From(garden+"/romeo"), Type("unavailable"), HasNot("x/destroy/reason")))
		w.pass(6 * time.Minute)
		w.settle()
		if w.verona.callsOf("leave") != 1 {
			t.Error("the user stays in a room that no client is in")
		}
	})
}

func TestAnOperatorRenamesARoomByItsConfiguration(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		owner := func(typ, payload string) {
			w.asks(orchard, typ, garden, `<query xmlns='http://jabber.org/protocol/muc#owner'>`+payload+`</query>`)
		}
		const field = "{http://jabber.org/protocol/muc#owner}query/{jabber:x:data}x/field@var"
		owner("get", "")
		if vars := Values(w.Expect(IQ(Type("result"))), field); slices.Contains(vars, "muc#roomconfig_roomname") {
			t.Error("a room that can not be renamed has a name to change")
		}
		w.verona.carry(everything | transport.CarriesRenaming)
		owner("get", "")
		w.Expect(IQ(Type("result"), Has(field, "muc#roomconfig_roomname")))
		submits := func(name string) {
			owner("set", fmt.Sprintf(`<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
				<field var='muc#roomconfig_roomname'><value>%s</value></field></x>`, name))
			w.settle()
		}
		submits("#garden")
		w.Expect(IQ(Type("result")))
		submits("#orchard")
		w.ExpectNothing() // the network has not answered yet
		w.verona.tells(romeo, transport.Answered{Request: w.verona.lastWish(), Err: &transport.Error{Reason: transport.Conflict, Text: "Channel already exists"}})
		w.Expect(IQ(StanzaError("cancel", "conflict")))
		submits("#orchard")
		w.verona.tells(romeo, transport.Answered{Request: w.verona.lastWish()})
		w.Expect(IQ(Type("result")))
		if w.verona.callsOf("rename #garden #orchard") != 2 {
			t.Error("the network was not asked")
		}
	})
}

func TestRenamingWithoutEndDoesNotFillTheDisk(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "one")
		w.verona.movesRoom(inGarden, inOrchard, "")
		w.settle()
		w.verona.movesRoom(inOrchard, "#third", "")
		w.settle()
		w.Skip()
		for room, want := range map[string]int{garden: 1, orchardRoom: 1, "#third@" + verona: 0} {
			if p := w.reads(orchard, room, ""); len(p.forwarded) != want {
				t.Errorf("%s has %d messages", room, len(p.forwarded))
			}
		}
	})
}

func TestRenamingWithoutEndDoesNotFloodTheUsersServer(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.grantsActing()
		const atOnce = 6
		at := inGarden
		w.verona.movesRoom(at, inOrchard, "")
		at = inOrchard
		w.Expect(Presence(From(garden+"/romeo"), Type("unavailable")))
		w.acted("get", "error")
		for i := range 3 * atOnce {
			next := transport.Address(fmt.Sprintf("#room%d", i))
			w.verona.movesRoom(at, next, "")
			at = next
			if i < atOnce-1 {
				w.acted("get", "error")
			}
			w.settle()
		}
		w.ExpectNothing()
	})
}
