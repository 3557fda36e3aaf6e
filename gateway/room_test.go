package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// twoClients brings romeo into the garden with two clients.
func twoClients(w *world) {
	w.verona.enters(inGarden, member("juliet"))
	w.joins(orchard, garden, "romeo")
	w.joins(cell, garden, "romeo")
}

func TestMessageToARoomComesBackToAllClientsUnderItsOwnIds(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>soft</body>
			<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>
			<stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='%[1]s'/>
			<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/></message>`, garden)
		copies := w.ExpectInAnyOrder(
			inRoom(orchard, garden, "romeo", "soft", ID("m1"), Has("{urn:xmpp:sid:0}origin-id@id", "o1")),
			inRoom(cell, garden, "romeo", "soft", ID("m1"), Has("{urn:xmpp:sid:0}origin-id@id", "o1")))
		if idIn(t, copies[0]) == "forged" {
			t.Error("a client chose its own occupant identifier")
		}
		ids := append(Values(copies[0], "stanza-id@id"), Values(copies[1], "stanza-id@id")...)
		if len(ids) != 2 || ids[0] != ids[1] || ids[0] == "forged" {
			t.Errorf("stanza-ids of the copies are %q, want one of the room's, twice", ids)
		}
		if by := Values(copies[0], "stanza-id@by"); by[0] != garden {
			t.Errorf("the stanza-id is by %s, want the room", by[0])
		}
		w.ExpectNothing()
	})
}

func TestMessageToARoomBearsTheNetworksId(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.change(func() { w.verona.nextID = "msgid-7" })
		w.speaks(orchard, garden, "hello")
		w.Expect(inRoom(orchard, garden, "romeo", "hello", ID("m-hello"), Has("stanza-id@id", "msgid-7")))
	})
}

func TestMessageFromTheRoomReachesAllClientsUnderOneId(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo"})
		copies := w.ExpectInAnyOrder(inRoom(orchard, garden, "juliet", "O Romeo"), inRoom(cell, garden, "juliet", "O Romeo"))
		if copies[0].ID != copies[1].ID || Values(copies[0], "stanza-id@id")[0] != Values(copies[1], "stanza-id@id")[0] {
			t.Error("the copies have different ids")
		}
	})
}

func TestMessageFromSomebodyNotInTheRoomIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.speaks(orchard, garden, "hello")
		w.Expect(Message(From(garden), To(orchard), ID("m-hello"), StanzaError("modify", "not-acceptable")))
		w.joins(orchard, garden, "romeo")
		w.speaks(cell, garden, "hello") // the other client of the same person
		w.Expect(Message(From(garden), To(cell), ID("m-hello"), StanzaError("modify", "not-acceptable")))
		w.ExpectNothing()
		if w.verona.callsOf("send") > 0 {
			t.Error("the message was sent")
		}
	})
}

func TestMessageToARoomThatTheNetworkRefusesIsNotReflected(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.refuses("send", &transport.Error{Reason: transport.Forbidden, Text: "the room is moderated", Code: "404"})
		w.speaks(orchard, garden, "hello")
		w.Expect(Message(From(garden), To(orchard), ID("m-hello"), StanzaError("auth", "forbidden"),
			Has("error/text", "the room is moderated"), Has("error/{urn:gatehouse:errors}network-error@code", "404")))
		w.ExpectNothing()
	})
}

func TestMessageToARoomOfTheWrongTypeIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='%s' type='chat' id='m'><body>hello</body></message>`, garden)
		w.Expect(Message(ID("m"), StanzaError("modify", "bad-request")))
		w.says(orchard, `<message to='juliet@%s' type='groupchat' id='m'><body>hello</body></message>`, verona)
		w.Expect(Message(ID("m"), StanzaError("modify", "bad-request")))
		w.says(orchard, `<message to='%s/juliet' type='groupchat' id='m'><body>hello</body></message>`, garden)
		w.Expect(Message(ID("m"), StanzaError("modify", "bad-request")))
		w.says(orchard, `<message to='%s' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`, garden)
		w.ExpectNothing()
	})
}

func TestLinkWithoutBodyIsSaidToo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='%s' type='groupchat' id='m'><x xmlns='jabber:x:oob'><url>https://example.org/rose.jpg</url></x></message>`, garden)
		w.Expect(inRoom(orchard, garden, "romeo", "https://example.org/rose.jpg"))
	})
}

func TestPrivateMessageGoesToOneOccupant(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #garden romeo")
		w.says(orchard, `<message to='%s/juliet' type='chat' id='pm'><body>psst</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>`, garden)
		w.ExpectNothing()
		w.verona.called(t, "send #garden juliet psst")
		w.verona.refuses("send", because(transport.NotFound))
		w.says(orchard, `<message to='%s/nurse' type='chat' id='pm'><body>psst</body></message>`, garden)
		w.Expect(Message(From(garden+"/nurse"), To(orchard), ID("pm"), StanzaError("cancel", "item-not-found")))
		w.says("romeo@example.org/street", `<message to='%s/juliet' type='chat' id='pm'><body>psst</body></message>`, garden)
		w.Expect(Message(From(garden+"/juliet"), ID("pm"), StanzaError("modify", "not-acceptable")))
	})
}

func TestMessageToAPersonAndBack(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='juliet@%s' type='chat' id='m'><body>hello</body></message>`, verona)
		w.settle()
		w.verona.called(t, "open romeo@example.org", "send juliet  hello")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: "ay me"}})
		w.Expect(XML(`<message from='juliet@verona.example.org' to='romeo@example.org' type='chat' id='*'><body>ay me</body></message>`))
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "anybody", Nick: "N@ck", Text: "hist"}})
		w.Expect(Message(From("anybody@"+verona+"/N@ck"), To(romeo), Body("hist"), Has("nick", "N@ck")))
		w.says(orchard, `<message to='anybody@%s/N@ck' type='chat' id='m'><body>who</body></message>`, verona)
		w.settle()
		w.verona.called(t, "send anybody N@ck who")
		w.says(orchard, `<message to='juliet@%s' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>`, verona)
		w.ExpectNothing()
		w.verona.called(t)
	})
}

func TestMessageToAnAddressWrittenOtherwiseTellsItsOneSpelling(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='the_nurse@%s' id='m'><body>hello</body></message>`, verona)
		w.Expect(Message(ID("m"), StanzaError("cancel", "gone"), Has("error/gone", "xmpp:the-nurse@verona.example.org")))
		w.says(orchard, `<message to='the\20nurse@%s' id='m'><body>hello</body></message>`, verona)
		w.Expect(Message(ID("m"), StanzaError("modify", "jid-malformed"), Has("error/text", "an address has no spaces")))
	})
}

func TestNoticeIsAHeadlineFromTheGateway(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.Notice{Text: "maintenance at noon"})
		w.Expect(Message(From(verona), To(romeo), Type("headline"), Body("maintenance at noon")))
	})
}

func TestOneOfTwoClientsLeavesAlone(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.leaves(orchard, garden, "an-old-nick") // servers send one for each nick ever used
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110")))
		w.ExpectNothing()
		if w.verona.callsOf("leave") > 0 {
			t.Error("the room was left")
		}
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "stay"})
		w.Expect(inRoom(cell, garden, "juliet", "stay"))
		w.ExpectNothing()
	})
}

// lingers is longer than a room waits after its last client has left.
const lingers = 3 * time.Second

func TestLastClientLeavesTheRoomOnTheNetwork(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		twoClients(w)
		w.leaves(orchard, garden, "romeo")
		w.says(cell, `<presence to='%s/romeo' type='unavailable'><status>good night</status></presence>`, garden)
		w.pass(lingers)
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #garden romeo", "leave #garden good night")
		w.Skip()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: inGarden, Nick: "juliet", Text: "late"}})
		w.ExpectNothing()
	})
}

func TestRoomLeftAndJoinedAtOnceStaysJoined(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.ignores("leave") // for a moment
		w.verona.ignores("join")
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110")))
		w.pass(lingers)
		w.asksToJoin(orchard, garden, "romeo")
		w.settle()
		w.verona.tells(romeo, transport.RoomLeft{Room: inGarden, Why: transport.Parted}, w.verona.joined(inGarden, romeo))
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
		w.speaks(orchard, garden, "back")
		w.Expect(inRoom(orchard, garden, "romeo", "back"))
	})
}

func TestClientThatComesBackAtOnceNeverLeftTheRoomOnTheNetwork(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo"))
		w.joins(orchard, garden, "romeo")
		w.pass(lingers)
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #garden romeo")
		w.speaks(orchard, garden, "back")
		w.Expect(inRoom(orchard, garden, "romeo", "back"))
	})
}

func TestClientThatComesBackAtOnceUnderAnotherNickJoinsAnew(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo"))
		w.joins(orchard, garden, "montague")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "leave #garden", "join #garden montague")
	})
}

func TestFarewellOfAServerThatStopsKeepsTheRoom(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo"))
		w.GoAway()
		w.pass(lingers)
		w.ComeBack()
		w.pass(time.Minute)
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open romeo@example.org", "join #garden romeo", "join #garden romeo")
	})
}

func TestForcedPartAfterAKickedLeaveIsSeen(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.ignores("leave") // because the kick was faster
		w.leaves(orchard, garden, "romeo")
		w.Expect(gone(orchard, garden, "romeo"))
		w.verona.throwsOut(romeo, transport.RoomLeft{Room: inGarden, Why: transport.Kicked})
		w.settle()
		w.joins(orchard, garden, "romeo")
		w.verona.throwsOut(romeo, transport.RoomLeft{Room: inGarden, Why: transport.Parted, Reason: "moved by an operator"})
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110"), Status("", "moved by an operator")))
	})
}

func TestOthersComeAndGo(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		nurse := member("nurse")
		nurse.Role, nurse.Affiliation = transport.Moderator, transport.Admin
		w.verona.enters(inGarden, nurse)
		w.Expect(occupant(orchard, garden, "nurse", StatusCodes(), Has("x/item@role", "moderator"), Has("x/item@affiliation", "admin")))
		w.verona.goes(inGarden, "nurse", transport.Parted, "", "madam calls")
		w.Expect(gone(orchard, garden, "nurse", StatusCodes(), Status("", "madam calls")))
		for _, tt := range []struct {
			why         transport.Departure
			code, affil string
		}{{transport.Kicked, "307", "admin"}, {transport.Banned, "301", "outcast"}} {
			w.verona.enters(inGarden, nurse)
			w.Expect(occupant(orchard, garden, "nurse"))
			w.verona.goes(inGarden, "nurse", tt.why, "juliet", "too loud")
			w.Expect(gone(orchard, garden, "nurse", StatusCodes(tt.code), Has("x/item@affiliation", tt.affil),
				Has("x/item/actor@nick", "juliet"), Has("x/item/reason", "too loud")))
		}
		w.verona.enters(inGarden, nurse)
		w.Expect(occupant(orchard, garden, "nurse"))
		w.verona.goes(inGarden, "nurse", transport.LinkLost, "", "net split")
		w.Expect(gone(orchard, garden, "nurse", StatusCodes("333"), Status("", "net split")))
		w.ExpectNothing()
	})
}

func TestUserIsTakenOutOfTheRoom(t *testing.T) {
	for _, tt := range []struct {
		name  string
		left  transport.RoomLeft
		codes []string
		more  []Matcher
	}{
		{"kicked", transport.RoomLeft{Why: transport.Kicked, By: "nurse", Reason: "too loud"}, []string{"110", "307"},
			[]Matcher{Has("x/item/actor@nick", "nurse"), Has("x/item/reason", "too loud")}},
		{"banned", transport.RoomLeft{Why: transport.Banned, By: "nurse"}, []string{"110", "301"},
			[]Matcher{Has("x/item@affiliation", "outcast")}},
		{"link lost for good", transport.RoomLeft{Why: transport.LinkLost, Err: because(transport.Unreachable)}, []string{"110", "333"},
			[]Matcher{Status("", "so it is")}},
		{"let in no more after the link was lost", transport.RoomLeft{Why: transport.Refused, Err: because(transport.MembersOnly)}, []string{"110", "333"},
			[]Matcher{Status("", "so it is")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				twoClients(w)
				tt.left.Room = inGarden
				w.verona.throwsOut(romeo, tt.left)
				w.ExpectInAnyOrder(
					gone(orchard, garden, "romeo", append(tt.more, StatusCodes(tt.codes...))...),
					gone(cell, garden, "romeo", append(tt.more, StatusCodes(tt.codes...))...))
				w.speaks(orchard, garden, "hello")
				w.Expect(Message(StanzaError("modify", "not-acceptable")))
			})
		})
	}
}

func TestErrorForARoomsMessageTakesThatClientOut(t *testing.T) {
	for _, condition := range []string{
		"gone", "item-not-found", "recipient-unavailable", "remote-server-not-found", "remote-server-timeout", "service-unavailable",
	} {
		t.Run(condition, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				twoClients(w)
				w.says(orchard, `<message to='%s/juliet' type='error'><error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`, garden, condition)
				w.Expect(gone(orchard, garden, "romeo", StatusCodes("110"), Status("", "1 of your clients is still in this room.")))
				w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "anybody?"})
				w.Expect(inRoom(cell, garden, "juliet", "anybody?"))
				w.ExpectNothing()
			})
		})
	}
}

func TestErrorThatDoesNotSayThatTheClientIsGoneChangesNothing(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for _, e := range []string{
			`<message to='%s' type='error'/>`,
			`<message to='%s/juliet' type='error'><body>echoed</body></message>`,
			`<presence to='%s/romeo' type='error'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
			`<message to='%s' type='error'><error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
		} {
			w.says(orchard, e, garden)
		}
		w.ExpectNothing()
		w.speaks(orchard, garden, "still here")
		w.Expect(inRoom(orchard, garden, "romeo", "still here"))
	})
}

func TestRoomWhoseLastClientVanishedIsKeptForAWhile(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<presence to='%s/romeo' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`, garden)
		w.pass(4 * time.Minute)
		if w.verona.callsOf("leave") > 0 {
			t.Error("the room was left before five minutes had passed")
		}
		w.pass(2 * time.Minute)
		if w.verona.callsOf("leave") != 1 {
			t.Error("the room was not left after five minutes")
		}
	})
}

func TestRoomJoinedAnewIsShownToThoseWhoNeverLeft(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", Err: because(transport.Unreachable), RetryIn: time.Second})
		w.verona.goes(inGarden, "juliet", transport.LinkLost, "", "")
		w.Expect(gone(orchard, garden, "juliet", StatusCodes("333")))
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"}, transport.RoomJoined{
			Room: inGarden, Nick: "romeo_", Subject: transport.Subject{Text: "roses"},
			Members: []transport.Member{member("romeo_"), member("nurse")},
		})
		w.Expect(occupant(orchard, garden, "nurse", StatusCodes()))
		w.Expect(Presence(From(garden+"/romeo"), Type("unavailable"), StatusCodes("110", "303"), Has("x/item@nick", "romeo_")))
		w.Expect(occupant(orchard, garden, "romeo_", StatusCodes("110"), Has("x/item@jid", "romeo_@"+verona+"/capulet.example")))
		w.Expect(subject(orchard, garden, "roses"))
		w.ExpectNothing()
	})
}

func TestClientThatComesWhileTheLinkIsLostSeesTheRoomOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", Err: because(transport.Unreachable), RetryIn: time.Second})
		w.verona.ignores("join")
		w.asksToJoin(cell, garden, "romeo")
		w.settle()
		w.verona.tells(romeo, w.verona.joined(inGarden, romeo))
		w.ExpectInAnyOrder(
			occupant(cell, garden, "romeo", StatusCodes("110")), subject(cell, garden, ""),
			occupant(orchard, garden, "romeo", StatusCodes("110")), subject(orchard, garden, ""))
		w.ExpectNothing()
	})
}
