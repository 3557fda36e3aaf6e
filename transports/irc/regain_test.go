package irc

import (
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

func TestNicksAreWonBack(t *testing.T) {
	lost := func(w *world, isupport ...string) *fakeConn { // the nick, in a connection that broke
		w.inGarden().hangsUp()
		w.goesDown()
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.expectPrefix("USER ")
		c.sends(":s 433 * romeo :Nickname is already in use")
		c.expect("NICK romeo_")
		c.welcome("romeo_", isupport...)
		w.sees(transport.LinkUp{Server: "net"})
		return c
	}
	t.Run("once it is free", func(t *testing.T) {
		inWorld(t, testOptions(), func(w *world) {
			c := lost(w)
			c.expect("JOIN #garden")
			c.admits("romeo_", "#garden", "@juliet romeo romeo_")
			w.next()
			w.hasNotice("is back")
			c.expect("MODE #garden", "ISON romeo")
			c.sends(":s 303 romeo_ :romeo")
			start := time.Now()
			c.expect("NICK romeo")
			if took := time.Since(start); took < regainMin/2 || took > 2*regainMin {
				t.Errorf("tried after %v", took)
			}
			c.sends(":s 433 romeo_ romeo :Nickname is already in use")
			w.seesNothing()
			c.sends(":romeo!r@h QUIT :Ping timeout")
			w.next()
			c.expect("NICK romeo")
			c.sends(":romeo_!r@h NICK romeo")
			if e, ok := w.next().(transport.MemberRenamed); !ok || e.Nick != "romeo" {
				t.Errorf("got %+v", e)
			}
		})
	})
	t.Run("as the server tells", func(t *testing.T) {
		inWorld(t, testOptions(), func(w *world) {
			c := lost(w, "MONITOR=100")
			c.expect("JOIN #garden", "MONITOR + romeo")
			start := time.Now()
			c.sends(":s 730 romeo_ :romeo!r@h", ":s 731 romeo_ :romeo")
			c.expect("NICK romeo")
			if took := time.Since(start); took >= regainMin {
				t.Errorf("tried after %v", took)
			}
			w.seesNothing()
		})
	})
	t.Run("by services", func(t *testing.T) {
		withSettings(t, transport.Values{"sasl_password": {"wherefore"}, "sasl_mechanism": {"none"}, "nick_recovery": {"REGAIN"}},
			func(w *world, _ *fakeSettings) {
				lost(w).expect("PRIVMSG NickServ :REGAIN romeo wherefore", "JOIN #garden")
			})
	})
	t.Run("not at all", func(t *testing.T) {
		withSettings(t, transport.Values{"nick_recovery": {"none"}}, func(w *world, _ *fakeSettings) {
			c := lost(w)
			c.expect("JOIN #garden")
			c.expectNothing(time.Minute)
		})
	})
	t.Run("by services, at the first join", func(t *testing.T) {
		withSettings(t, transport.Values{"sasl_password": {"wherefore"}, "sasl_mechanism": {"none"}, "nick_recovery": {"GHOST"}},
			func(w *world, _ *fakeSettings) {
				w.joins(garden, "romeo")
				c := w.accepts()
				c.expect("CAP LS 302", "NICK romeo")
				c.expectPrefix("USER ")
				c.sends(":s 433 * romeo :Nickname is already in use")
				c.expect("NICK romeo_")
				c.welcome("romeo_")
				c.expect("PRIVMSG NickServ :GHOST romeo wherefore", "JOIN #garden")
			})
	})
}
