package irc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/transport"
)

// utf8-only's own examples, to somebody who has set another encoding.
func TestUTF8IsAllThatIsSent(t *testing.T) {
	withSettings(t, transport.Values{"encoding_out": {"koi8-r"}, "encoding_in": {"koi8-r"}, "realname": {"Роза"}}, func(w *world, _ *fakeSettings) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		if got := c.expectPrefix("USER "); strings.Contains(got, "Роза") {
			t.Fatalf("nobody has said yet that the server takes UTF-8 alone: %q", got)
		}
		c.sends(":irc.example.org FAIL USER INVALID_UTF8 :Message rejected, your IRC software MUST use UTF-8 encoding on this network")
		if got := c.expectPrefix("USER "); !strings.HasSuffix(got, "Роза") {
			t.Errorf("who we are is said again as %q", got)
		}
		c.welcome("romeo", "UTF8ONLY")
		w.sees(transport.LinkUp{Server: "net"})
		c.expect("JOIN #garden")
		c.admits("romeo", "#garden", "romeo juliet")
		w.next()
		c.expect("MODE #garden")
		c.sends(julietFull + "PRIVMSG #garden :\xd2\xcf\xda\xc1")
		w.sees(juliets("", strings.Repeat("\uFFFD", 4)))
	})
	withSettings(t, transport.Values{"encoding_out": {"koi8-r"}}, func(w *world, _ *fakeSettings) {
		c := w.inGarden()
		if err := w.says(garden, "роза"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG #garden \xd2\xcf\xda\xc1")
		c.sends(":irc.example.org FAIL PRIVMSG INVALID_UTF8 :Message rejected, your IRC software MUST use UTF-8 encoding on this network")
		w.sees(transport.MessageStatus{Request: "said", Chat: garden, Status: transport.Failed, Err: &transport.Error{Reason: transport.BadRequest, Code: "INVALID_UTF8"}})
		if err := w.says(garden, "роза"); err != nil {
			t.Fatal(err)
		}
		c.expect("PRIVMSG #garden роза")
	})
}

func TestTokensHoldAtOnce(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		c := w.inGarden()
		long := strings.Repeat("x", 1500)
		send := func(lines int) {
			t.Helper()
			if err := w.says(garden, long); err != nil {
				t.Fatal(err)
			}
			got := ""
			for range lines {
				got += strings.TrimPrefix(c.expectPrefix("PRIVMSG #garden "), "PRIVMSG #garden ")
			}
			if got != long {
				t.Errorf("%d bytes came of %d", len(got), len(long))
			}
		}
		send(4)
		c.sends(":irc.example.org 005 romeo LINELEN=2048 :are supported by this server")
		synctest.Wait()
		send(1)
		c.sends(":irc.example.org 005 romeo -LINELEN :are supported by this server")
		synctest.Wait()
		send(4)

		if _, err := w.session.Send(context.Background(), transport.Message{Chat: garden, Text: strings.Repeat("y\n", 60)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		start := time.Now()
		c.sends(":irc.example.org 005 romeo SAFERATE LINELEN=16384 :are supported by this server")
		for range 60 {
			c.expect("PRIVMSG #garden y")
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("what waited took %v", took)
		}
		text := strings.Repeat("z", 16000)
		c.sends("@+draft/x=" + strings.Repeat("t", 8100) + " " + julietFull + "PRIVMSG #garden :" + text)
		w.sees(juliets("", text))
	})
}

// extended-isupport's own example.
func TestTokensAreAskedForEarly(t *testing.T) {
	inWorld(t, testOptions(), func(w *world) {
		w.joins(garden, "romeo")
		c := w.accepts()
		c.expect("CAP LS 302", "NICK romeo")
		c.expectPrefix("USER ")
		c.sends(":irc.example.org CAP * LS :multi-prefix batch draft/extended-isupport")
		c.expectPrefix("CAP REQ ")
		c.sends(":irc.example.org CAP * ACK :batch draft/extended-isupport multi-prefix")
		c.expect("ISUPPORT", "CAP END")
		c.sends(":irc.example.org BATCH +asdf draft/isupport", "@batch=asdf :irc.example.org 005 * NETWORK=Example NICKLEN=9 :are supported by this server", ":irc.example.org BATCH -asdf")
		c.welcome("romeo")
		w.sees(transport.LinkUp{Server: "net"})
		if is := w.session.links[w.network.servers["net"]].is; is.network != "Example" || is.nickLen != 9 {
			t.Errorf("the server is known as %+v", is)
		}
	})
}
