package irc

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
)

// A connection that is made while nobody is there says so before it is let in
// (IRCv3 pre-away).
func TestNobodyIsThereOnAConnectionThatMakesItself(t *testing.T) {
	for caps, want := range map[string][2]string{preAwayCap: {"AWAY *", ""}, "batch": {"", "AWAY Away"}} {
		t.Run(caps, func(t *testing.T) {
			inWorld(t, testOptions(), func(w *world) {
				show := func(a transport.Availability) { w.session.SetPresence(context.Background(), a) }
				w.joins(garden, "romeo")
				show(transport.Availability{})
				arrives := func() *fakeConn {
					c := w.accepts()
					c.expect("CAP LS 302", "NICK romeo")
					c.expectPrefix("USER ")
					c.sends(":s CAP * LS :" + caps)
					c.expectPrefix("CAP REQ ")
					c.sends(":s CAP * ACK :" + caps)
					if want[0] != "" {
						c.expect(want[0])
					}
					c.expect("CAP END")
					c.welcome("romeo")
					w.sees(transport.LinkUp{Server: "net"})
					c.expect("JOIN #garden")
					c.admits("romeo", "#garden", "romeo @juliet")
					w.next()
					if want[1] != "" {
						c.expect(want[1])
					}
					c.expect("MODE #garden")
					return c
				}
				c := arrives()
				show(transport.Availability{Online: true})
				c.expect("AWAY")
				show(transport.Availability{})
				if c.expectPrefix("AWAY "); caps == preAwayCap {
					c.hangsUp()
					w.goesDown()
					arrives() // again without anybody
				}
			})
		})
	}
}

func TestWhoIsAwayForNoReasonHasNone(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		c.sends(julietFull + "AWAY *")
		e, ok := w.next().(transport.MemberChanged)
		if !ok || !e.Away || e.Status != "" {
			t.Errorf("got %+v", e)
		}
	})
}
