package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

func TestALinkComesBackFromEverything(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.verona.throwsOut(bridge, transport.RoomLeft{Room: "#garden", Why: transport.Kicked, By: "tybalt", Reason: "out"})
		w.settle()
		c.shows(w.Expect(inChapel(garden+" can't be reached just now (it was kicked out of the room: out): what is said here is not seen there until it is back.")), "c-1")
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		if got := w.linked(); !strings.Contains(got, "not joined: it was kicked out of the room: out") {
			t.Errorf("the list: %s", got)
		}
		w.pass(10 * time.Second)
		c.shows(w.Expect(inChapel(garden+" is back.")), "c-2")
		w.saidIs("what was said meanwhile", "<juliet> Ay me!")

		// The MUC refuses it, less and less often, and the administrators hear of it.
		out := func(x string) {
			w.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/>%s<status code='110'/></x></presence>`, chapel, c.self, x))
			w.settle()
		}
		out("<destroy><reason>dawn</reason></destroy>")
		w.saidIs("what verona reads", chapel+" can't be reached just now (the room was destroyed: dawn): what is said here is not seen there until it is back.")
		w.Patience = time.Hour
		last := time.Now()
		var waits []time.Duration
		for i := range 12 {
			if i == 1 {
				w.Expect(Message(From(verona), To(escalus), Type("chat")))
			}
			w.Expect(joinOf("bridge"))
			waits = append(waits, time.Since(last))
			last = time.Now()
			w.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s' type='error'><x xmlns='http://jabber.org/protocol/muc'/><error type='auth'><registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`, chapel, c.self))
			w.settle()
		}
		if first, end := waits[0], waits[len(waits)-1]; first > 6*time.Second || end < 4*time.Minute || end > 11*time.Minute {
			t.Errorf("it was tried after %v", waits)
		}
		if got := w.linked(); !strings.Contains(got, "only members may be in the room: make #garden@"+verona+" one") {
			t.Errorf("the list: %s", got)
		}
	})
}

// What is said while the network has lost its connection is said once it is back.
func TestALostConnectionLosesNothing(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.verona.refuses("send", because(transport.Unreachable))
		for i := range 5 {
			c.hears("juliet", fmt.Sprint("m", i), fmt.Sprintf("<body>line %d</body>", i))
		}
		w.pass(10 * time.Second)
		w.verona.refuses("send", because(transport.NotJoined))
		w.pass(5 * time.Second)
		w.saidIs("meanwhile", "")
		w.verona.refuses("send", nil)
		w.pass(5 * time.Second)
		w.saidIs("later, in order", "<juliet> line 0\n<juliet> line 1\n<juliet> line 2\n<juliet> line 3\n<juliet> line 4")
		w.ExpectNothing()
		w.verona.refuses("send", because(transport.Unreachable))
		c.hears("juliet", "m9", "<body>never</body>")
		w.pass(5 * time.Minute)
		c.shows(w.Expect(inChapel(garden+" could not follow. One message was not passed on.")), "c-1")
	})
}

// Another link's flood fills the queue of the connection that they share.
func TestWhatAnothersFloodKeepsFromTheNetworkIsSaidLater(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.verona.refuses("send", because(transport.RateLimited))
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.pass(10 * time.Second)
		w.saidIs("meanwhile", "")
		w.verona.refuses("send", nil)
		w.pass(5 * time.Second)
		w.saidIs("later", "<juliet> Ay me!")
		w.ExpectNothing()
	})
}

func TestATakenNickIsNoObstacle(t *testing.T) {
	plumbStory(t, func(w *world) {
		got := w.startsRaw(castle, "plumb")
		w.executes(castle, verona, "plumb", sessionOf(got)+"|"+filled("room=#garden", "muc="+chapel))
		found := w.ExpectInAnyOrder(completed(castle, verona, "plumb"), joinOf("bridge"))
		c := &chapelOf{world: w, self: found[1].From.String()}
		w.Send(fmt.Sprintf(`<presence from='%s/bridge' to='%s' type='error'><x xmlns='http://jabber.org/protocol/muc'/><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`, chapel, c.self))
		w.Expect(joinOf("bridge_"))
		c.admits("bridge_")
		c.hears("bridge", "m1", "<body>I am another</body>")
		w.saidIs("who has its nick", "<b\u200bridge> I am another")
	})
}

func TestALinkIsThereAfterARestart(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs("muc-password=rope")
		w.stop()
		w.Expect(Presence(To(chapel+"/bridge"), Type("unavailable")))
		w.Skip()
		w.start()
		got := w.Expect(joinOf("bridge"))
		if Values(got, "{http://jabber.org/protocol/muc}x/password")[0] != "rope" || got.From.String() != c.self {
			t.Errorf("it comes back as somebody else: %v", got)
		}
		c.admits("bridge")
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		w.saidIs("after the restart", "<juliet> Ay me!")

		got = w.startsRaw(castle, "unplumb")
		w.executes(castle, verona, "unplumb", sessionOf(got)+"|"+filled("link="+Values(got, "command/x/field/option/value")[0]))
		w.ExpectInAnyOrder(completed(castle, verona, "unplumb"), Presence(To(chapel+"/bridge"), Type("unavailable")))
		w.pass(time.Minute)
		if w.verona.callsOf("leave #garden") == 0 {
			t.Error("the room is not left")
		}
		if got := w.linked(); got != "No rooms are linked." {
			t.Errorf("the list: %s", got)
		}
		w.stop()
		w.Skip()
		w.start()
		w.ExpectNothing()
	})
}

func TestAFloodIsLeftOutAndCounted(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		for i := range 200 {
			w.inVerona("romeo", "", fmt.Sprint("line ", i), nil)
		}
		var shown []stanza.Received
		for range 8 { // what the chapel has not shown holds up the rest
			shown = append(shown, w.Expect(Message(To(chapel))))
		}
		w.ExpectNothing()
		for i := 0; len(shown) > 0; i++ {
			c.shows(shown[0], fmt.Sprint("c-", i))
			shown = shown[1:]
			if i < 128 {
				shown = append(shown, w.Expect(Message(To(chapel), Body(fmt.Sprint("<romeo> line ", i+8)))))
			}
		}
		w.ExpectNothing()
		w.saidIs("what verona is told, once", chapel+" could not follow. 64 messages were not passed on.")
		if got := w.linked(); !strings.Contains(got, "136 messages from the room to the MUC, 0 back, 64 left out") {
			t.Errorf("the list: %s", got)
		}
	})
}

func TestTextsThatGoToAndFroPauseALink(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		for i := range 3 {
			c.hears("otherbridge", fmt.Sprint("m", i), "<body>&lt;x&gt; Ay me!</body>")
			w.inVerona("otherbridge", "", "<bridge> <x> Ay me!", nil)
			if i < 2 {
				c.shows(w.Expect(Message(To(chapel))), fmt.Sprint("c-", i))
			}
		}
		c.hears("juliet", "m9", "<body>Hello?</body>")
		if got := w.said(); strings.Contains(got, "Hello") || strings.Count(got, "Ay me") != 3 {
			t.Errorf("verona gets %q", got)
		}
		w.Skip()
		if got := w.linked(); !strings.Contains(got, "paused") {
			t.Errorf("the list: %s", got)
		}
		w.pass(6 * time.Minute)
		w.Skip()
		c.hears("juliet", "m10", "<body>Hello?</body>")
		w.saidIs("later", "<juliet> Hello?")
	})
}

func TestALinkLearnsThatItIsNotInTheMUCAnyMore(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		ping := func() stanza.Received {
			t.Helper()
			w.Patience = time.Hour
			return w.Expect(IQ(To(chapel+"/bridge"), Type("get"), Has("{urn:xmpp:ping}ping")))
		}
		answer := func(got stanza.Received, payload string) {
			w.Send(fmt.Sprintf(`<iq from='%s/bridge' to='%s' id='%s' type='error'><error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, chapel, c.self, got.ID, payload))
			w.settle()
		}
		answer(ping(), "service-unavailable") // we answer, so it is there
		answer(ping(), "remote-server-timeout")
		w.saidIs("nothing is sure", "")
		answer(ping(), "not-acceptable")
		w.saidIs("it is out", chapel+" can't be reached just now (the room says that it is not in it any more): what is said here is not seen there until it is back.")
		w.pass(10 * time.Second)
		w.Expect(joinOf("bridge"))
		c.admits("bridge")
		w.saidIs("it is in again", chapel+" is back.")
	})
}

func TestOnlyWhoMayLinksRooms(t *testing.T) {
	plumbStory(t, func(w *world) {
		w.executes(orchard, verona, "plumb", "")
		w.Expect(commandFails(orchard, verona, "cancel", "forbidden"))
		w.plumbs()
		for what, fields := range map[string][]string{
			"#garden@verona.example.org and " + chapel + " are linked already": {"room=#garden", "muc=" + chapel},
			"is no room of":               {"room=juliet", "muc=" + chapel},
			"is no address of a MUC":      {"room=#garden", "muc=conference.example.net"},
			"can't be linked with itself": {"room=#garden", "muc=" + garden},
		} {
			got := w.startsRaw(castle, "plumb")
			w.executes(castle, verona, "plumb", sessionOf(got)+"|"+filled(fields...))
			if note := Values(w.Expect(completed(castle, verona, "plumb")), noteOf)[0]; !strings.Contains(note, what) {
				t.Errorf("%q: %s", fields, note)
			}
		}
	})
}
