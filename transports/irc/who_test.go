package irc

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/gateway/transport"
)

// negotiates registers a client on a server that offers capabilities.
func (w *world) negotiates(nick, caps string, isupport ...string) *fakeConn {
	w.t.Helper()
	c := w.accepts()
	c.expect("CAP LS 302", "NICK "+nick)
	c.expectPrefix("USER ")
	c.sends(":irc.example.org CAP * LS :" + caps)
	c.expectPrefix("CAP REQ ")
	c.sends(":irc.example.org CAP " + nick + " ACK :" + caps)
	c.expect("CAP END")
	c.welcome(nick, isupport...)
	w.sees(transport.LinkUp{Server: "net"})
	return c
}

// identities gives those of a room's members by nick.
func identities(members []transport.Member) map[string]string {
	ids := map[string]string{}
	for _, m := range members {
		ids[m.Nick] = m.Identity
	}
	return ids
}

func TestARoomIsShownOnceItIsKnownWhoIsWho(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.negotiates("romeo", "account-notify account-tag away-notify extended-join userhost-in-names", "WHOX", "BOT=B")
		c.expect("JOIN #garden")
		c.sends(":romeo!r@verona.example JOIN #garden * :Romeo",
			":irc.example.org 353 romeo = #garden :@juliet!j@capulet.example nurse!n@capulet.example peter!P@Capulet.example romeo!r@verona.example",
			":irc.example.org 366 romeo #garden :End")
		c.expect("MODE #garden", "WHO #garden %tcuhnfa,47")
		if m, known := w.session.Acquaintance("juliet%net"); !known || m.Nick != "juliet" || m.Account != "" {
			t.Errorf("known so far: %v, %+v", known, m)
		}
		c.sends(":juliet!j@capulet.example PRIVMSG #garden :Ay me!",
			":irc.example.org 354 romeo 47 #garden j capulet.example juliet G@ Capulet",
			":irc.example.org 354 romeo 47 #garden n capulet.example nurse HB 0",
			":irc.example.org 354 romeo 47 #garden P Capulet.example peter H 0",
			":irc.example.org 354 romeo 47 #garden r verona.example romeo H 0",
			":irc.example.org 315 romeo #garden :End")
		joined := w.next().(transport.RoomJoined)
		if got := identities(joined.Members); got["juliet"] != "account:capulet" || got["nurse"] != "host:n@capulet.example" || got["romeo"] != "host:r@verona.example" {
			t.Errorf("identities %q", got)
		}
		for _, m := range joined.Members {
			if away, bot := m.Nick == "juliet", m.Nick == "nurse"; m.Away != away || m.Bot != bot {
				t.Errorf("%s is away: %v, a bot: %v", m.Nick, m.Away, m.Bot)
			}
		}
		// what was said meanwhile is not lost, and comes behind
		if m, ok := w.next().(transport.MessageReceived); !ok || m.Text != "Ay me!" || m.Sender != "account:capulet" {
			t.Errorf("got %#v", m)
		}
		// a new nick, host or account is no new person
		for _, who := range []struct{ nick, host, identity string }{
			{"juliet", "j@capulet.example", "account:capulet"},
			{"nurse", "n@capulet.example", "host:n@capulet.example"},
			{"peter", "P@Capulet.example", "host:p@capulet.example"},
		} {
			c.sends(fmt.Sprintf(":%s!%s NICK :%[1]s2", who.nick, who.host), fmt.Sprintf(":%s2!%s CHGHOST jj Cloak.example", who.nick, who.host),
				fmt.Sprintf(":%s2!jj@Cloak.example ACCOUNT friar", who.nick))
			for i := range 3 {
				var m transport.Member
				switch e := w.next().(type) {
				case transport.MemberRenamed:
					m = e.Member
				case transport.MemberChanged:
					m = e.Member
				}
				host := who.host
				if i > 0 {
					host = "jj@Cloak.example"
				}
				if m.Nick != who.nick+"2" || m.Identity != who.identity || m.Host != host {
					t.Errorf("%s at %s is %q at %s now", m.Nick, who.host, m.Identity, m.Host)
				}
			}
		}
		c.sends(":tybalt!t@capulet.example JOIN #garden Cats :Tybalt")
		if e := w.next().(transport.MemberChanged); e.Identity != "account:cats" || e.Account != "Cats" {
			t.Errorf("tybalt is %q under %q", e.Identity, e.Account)
		}
		w.seesNothing()
	})
}

func TestARoomIsShownIfWhoIsNotAnswered(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo", "WHOX")
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "@juliet romeo")
		c.expect("MODE #garden", "WHO #garden %tcuhnfa,47")
		w.seesNothing()
		start := time.Now()
		if _, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatal("the room is not shown")
		}
		if waited := time.Since(start); waited > 2*whoLimit {
			t.Errorf("it took %v", waited)
		}
		// the answer comes late, and changes nobody
		c.sends(":irc.example.org 354 romeo 47 #garden j capulet.example juliet G@ Capulet", ":irc.example.org 315 romeo #garden :End")
		if e := w.next().(transport.MemberChanged); !e.Away || e.Identity != "nick:juliet" {
			t.Errorf("got %#v", e)
		}
		c.sends(":irc.example.org 315 romeo #garden :End")
		if e := w.next().(transport.MessageReceived); e.Chat != "net" {
			t.Errorf("an answer to what somebody else asked went to %s", e.Chat)
		}
	})
}

func TestWhoIsNotAskedInAHugeRoom(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo", "WHOX")
		c.expect("JOIN #garden")
		c.sends(":romeo!r@verona.example JOIN #garden")
		for i := range 60 {
			names := ""
			for j := range 10 {
				names += " n" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + string(rune('a'+j))
			}
			c.sends(":irc.example.org 353 romeo = #garden :" + names[1:])
		}
		c.sends(":irc.example.org 366 romeo #garden :End")
		if e := w.next().(transport.RoomJoined); len(e.Members) != 601 {
			t.Errorf("%d members", len(e.Members))
		}
		c.expect("MODE #garden")
		c.expectNothing(time.Minute)
	})
}

func TestHostsAreAskedForWhereNamesDoNotTellThem(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.welcomes("romeo", "NETWORK=Old")
		c.curious.Store(true)
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "@juliet romeo")
		if _, ok := w.next().(transport.RoomJoined); !ok {
			t.Fatal("the room waits for an answer that tells no accounts")
		}
		c.expect("MODE #garden", "WHO #garden")
		c.sends(":irc.example.org 352 romeo #garden j capulet.example irc.example.org juliet H@ :0 Juliet", ":irc.example.org 315 romeo #garden :End")
		if e := w.next().(transport.MemberChanged); e.Nick != "juliet" || e.Host != "j@capulet.example" {
			t.Errorf("got %#v", e)
		}
	})
}
