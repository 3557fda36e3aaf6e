package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
)

func TestStrangersMayLookAndNoMore(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(tybalt, "get", verona, discoInfo)
		w.Expect(result(verona, tybalt, Has("query/identity@category", "gateway")))
		w.asks(tybalt, "get", garden, discoInfo)
		w.Expect(result(garden, tybalt, Has("query/identity@category", "conference")))
		w.asks(tybalt, "set", garden, `<query xmlns='http://jabber.org/protocol/muc#admin'/>`)
		w.Expect(answer(garden, tybalt, StanzaError("auth", "forbidden")))
		w.asksToJoin(tybalt, garden, "tybalt")
		w.Expect(joinError(tybalt, garden+"/tybalt", "auth", "forbidden"))
		w.says(tybalt, `<message to='juliet@%s' id='m'><body>coward</body></message>`, verona)
		w.Expect(Message(To(tybalt), ID("m"), StanzaError("auth", "forbidden")))
		w.says("tybalt@example.net", `<presence to='%s' type='subscribe' id='s'/>`, verona)
		w.Expect(Presence(From(verona), To("tybalt@example.net"), Type("unsubscribed"), ID("s"), Has("status")))
		for _, typ := range []string{"probe", "unsubscribed", "unsubscribe", "subscribed", "unavailable"} {
			w.says("tybalt@example.net", `<presence to='%s' type='%s'/>`, verona, typ)
		}
		w.says(tybalt, `<presence to='%s'/>`, verona)
		w.ExpectNothing()
		w.verona.called(t)
	})
}

func TestUserWhoIsNoLongerServedIsTakenLeaveOf(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.banned.Store(romeo, true)
		w.pass(time.Minute)
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110", "333"), Status("", "You may no longer use this gateway")))
		w.ExpectNothing()
		if w.verona.callsOf("close") != 1 {
			t.Error("the link is still there")
		}
	})
}

func TestStanzaToAFullQueueIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.stalls(romeo)
		const queue = 64
		for range queue + 1 { // one is in hand
			w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
			w.pass(0)
		}
		w.pass(6 * time.Second) // the network does not keep up
		w.asks(orchard, "get", verona, ping)
		w.Expect(answer(verona, orchard, StanzaError("wait", "resource-constraint")))
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(joinError(orchard, garden+"/romeo", "wait", "resource-constraint"))
		w.says(orchard, `<presence to='%s/romeo' type='unavailable'/>`, garden)
		w.ExpectNothing()
		w.asks("benvolio@example.org/street", "get", verona, ping) // whom romeo's link does not delay
		w.Expect(result(verona, "benvolio@example.org/street"))
		w.pass(queue * 11 * time.Second)
		for i := range queue + 1 {
			if i < 7 {
				w.Expect(Message(ID("m"), StanzaError("wait", "remote-server-timeout")))
			} else { // it has waited for a minute
				w.Expect(Message(ID("m"), StanzaError("wait", "resource-constraint")))
			}
		}
		w.ExpectNothing()
	})
}

func TestBurstIsTakenByANetworkThatKeepsUp(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for range 1000 {
			w.speaks(orchard, garden, "quick")
		}
		for range 1000 {
			w.Expect(inRoom(orchard, garden, "romeo", "quick"))
		}
	})
}

func TestStalledNetworkDelaysItsUserAlone(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		benvolio := "benvolio@example.org/street"
		w.joins(benvolio, garden, "benvolio")
		w.verona.stalls(romeo)
		w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
		w.speaks(benvolio, garden, "quickly")
		before := time.Now()
		w.Expect(inRoom(benvolio, garden, "benvolio", "quickly"))
		if took := time.Since(before); took > 100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		w.pass(15 * time.Second)
		w.Expect(Message(To(orchard), ID("m"), StanzaError("wait", "remote-server-timeout")))
	})
}

func TestPanicClosesOnlyItsSession(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		benvolio := "benvolio@example.org/street"
		w.joins(benvolio, garden, "benvolio")
		w.joins(orchard, garden, "romeo")
		w.Skip()
		w.asks(orchard, "get", "panic@"+verona, discoInfo)
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110", "333")))
		w.Expect(answer("panic@"+verona, orchard, StanzaError("cancel", "internal-server-error")))
		w.asks(tybalt, "get", "panic@"+verona, discoInfo)
		w.Expect(answer("panic@"+verona, tybalt, StanzaError("cancel", "internal-server-error")))
		if !w.log.has("an address that nobody expected") {
			t.Error("the panic is not in the log")
		}
		w.speaks(benvolio, garden, "unharmed")
		w.Expect(inRoom(benvolio, garden, "benvolio", "unharmed"))
		w.joins(orchard, garden, "romeo")
		w.settle()
		w.Skip()
		w.speaks(orchard, garden, "back")
		w.Expect(inRoom(orchard, garden, "romeo", "back"))
	})
}

func TestSessionWithNothingToDoEnds(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
		w.pass(4 * time.Minute)
		w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
		w.pass(5 * time.Minute)
		if w.verona.callsOf("close") > 0 {
			t.Error("the session ended less than five minutes after it was used")
		}
		w.pass(time.Minute)
		if w.verona.callsOf("close") != 1 {
			t.Error("the session did not end")
		}
		w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
		w.settle()
		if w.verona.callsOf("send") != 3 {
			t.Error("the next message was not sent")
		}
	})
}

func TestStopTakesLeaveOfEverybody(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.verona.ignores("join")
		w.asksToJoin(orchard, balcony, "romeo")
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, verona)
		w.settle()
		w.Skip()
		w.stop()
		w.ExpectInAnyOrder(
			gone(orchard, garden, "romeo", StatusCodes("110", "332")),
			gone(cell, garden, "romeo", StatusCodes("110", "332")),
			joinError(orchard, balcony+"/romeo", "wait", "service-unavailable"),
			Presence(From(verona), To(romeo), Type("unavailable")))
		if w.verona.callsOf("close") != 1 {
			t.Error("the link was not closed")
		}
	})
}

func TestStopDoesNotWaitForALinkThatHangs(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.hang = make(chan struct{})
		defer close(w.verona.hang)
		before := time.Now()
		w.stop()
		if took := time.Since(before); took > 10*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if !w.log.has("some links did not close in time") {
			t.Error("the log does not say so")
		}
		w.Expect(gone(orchard, garden, "romeo", StatusCodes("110", "332")))
	})
}

func TestStopAnswersWhatStillWaits(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.stalls(romeo)
		w.says(orchard, `<message to='juliet@%s' id='m'><body>hello</body></message>`, verona)
		w.settle()
		w.asks(orchard, "get", verona, ping)
		w.settle()
		w.stop()
		w.ExpectInAnyOrder(
			Message(ID("m"), Type("error")),
			answer(verona, orchard)) // or refused, if the session ended first
		w.ExpectNothing()
	})
}
