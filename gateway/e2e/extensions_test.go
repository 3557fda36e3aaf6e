package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// What a server says of itself and of its people has its place, each as its
// specification shows it, whenever it says so.
func TestWhatElseAServerTells(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	bans := make(chan string, 10)
	server := w.ircv3(ircv3server.Options{
		Caps:     ircv3server.Common("draft/oper", "invite-notify", "multi-prefix", "standard-replies"),
		ISupport: []string{"UTF8ONLY", "LINELEN=1024", "EXTBAN=$,R", "ACCOUNTEXTBAN=R", "MODES=4"},
		Commands: map[string]ircv3server.Handler{
			"PRIVMSG": func(c *ircv3server.Client, m ircmsg.Message) {
				out := c.Message(m.Command, m.Params...)
				for name, value := range m.ClientOnlyTags() {
					out.SetTag(name, value)
				}
				out.SetTag("msgid", c.NextID())
				if c.Nick == "juliet" {
					out.SetTag("draft/oper", "")
				}
				c.Spread(m.Params[0], out)
			},
			"MODE": func(c *ircv3server.Client, m ircmsg.Message) {
				if len(m.Params) > 2 {
					bans <- strings.Join(m.Params, " ")
				}
				c.Default(m)
			},
		},
	})
	w.start(w.irc(plain("verona", server.Addr()) + "encoding = \"windows-1252\"\n"))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo") // first in, so an operator
	juliet := w.native(server.Addr(), "juliet", channel, "message-tags")
	romeo.gets(presence, from(room+"/juliet"))

	// UTF8ONLY and LINELEN: one line, as it is, whatever the config says.
	long := strings.TrimSpace(strings.Repeat("Parting is such sweet sørrow. ", 28))
	romeo.says(room, "groupchat", "m1", long, "")
	juliet.gets("PRIVMSG "+channel, long)

	// channel-context: what is said aside comes from the occupant.
	juliet.sends("@+draft/channel-context=" + channel + " PRIVMSG romeo :psst")
	romeo.gets(message, typed("chat"), from(room+"/juliet"), body("psst"))
	romeo.says(room+"/juliet", "chat", "m2", "What?", `<x xmlns="http://jabber.org/protocol/muc#user"/>`)
	juliet.gets("channel-context="+channel, "PRIVMSG juliet", "What?")

	// CLIENTTAGDENY: what the network no longer carries, the room no longer claims.
	claims := func(feature string) bool {
		info := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
		return slices.Contains(attributes(info, "feature", "var"), feature)
	}
	if !claims(reactions) || !claims("urn:xmpp:reply:0") {
		t.Error("the room lacks features")
	}
	server.Do(func() {
		server.Client("romeo").Numeric("005", "CLIENTTAGDENY=*,-reply", "are supported by this server")
		server.Client("romeo").Send(server.Client("juliet").Message("PRIVMSG", channel, "now"))
	})
	romeo.gets(message, in(room), body("now"))
	if claims(reactions) || claims("http://jabber.org/protocol/chatstates") || !claims("urn:xmpp:reply:0") {
		t.Error("the room claims what the network denies, or not what it allows")
	}

	// oper-tag.
	server.Do(func() { server.Client("juliet").Account = "capulet" })
	juliet.sends("PRIVMSG " + channel + " :Good night")
	romeo.gets(message, in(room), body("Good night"))
	romeo.gets(presence, from(room+"/juliet"), has("hats"), hat("IRC operator"))

	// standard-replies that answer nothing, and invite-notify.
	server.Do(func() {
		server.Client("romeo").Numeric("NOTE", "*", "REHASHED", "The server was told something new")
		server.Client("romeo").Send(server.Client("juliet").Message("INVITE", "nurse", channel))
	})
	romeo.gets(message, from(verona), typed("headline"), contains("The server was told something new"))
	romeo.gets(message, from(room), typed("groupchat"), body("juliet has invited nurse to "+channel))

	// account-extban.
	romeo.changes(`<item nick="juliet" affiliation="outcast"/>`)
	if got, want := <-bans, channel+" +bb *!*@host.test $R:capulet"; got != want {
		t.Errorf("the ban is %q, want %q", got, want)
	}
	juliet.gets("KICK " + channel + " juliet")
}

func hat(title string) match {
	return func(s xmppclient.Stanza) bool { return slices.Contains(attributes(s, "hat", "title"), title) }
}

// Who stays while no client is there is away from the beginning of a connection
// that is made then, and what the server is like is asked for as early.
func TestNobodyIsThereFromTheStart(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	heard := make(chan string, 100)
	commands := map[string]ircv3server.Handler{}
	for _, name := range []string{"CAP", "AWAY", "ISUPPORT"} {
		commands[name] = func(c *ircv3server.Client, m ircmsg.Message) {
			if line := strings.TrimSpace(name + " " + strings.Join(m.Params, " ")); !strings.HasPrefix(line, "CAP LS") && !strings.HasPrefix(line, "CAP REQ") {
				heard <- line
			}
			if name != "ISUPPORT" {
				c.Default(m)
			}
		}
	}
	server := w.ircv3(ircv3server.Options{Caps: ircv3server.Common("draft/pre-away", "draft/extended-isupport"), Commands: commands})
	w.start(w.irc(staysFor + plain("verona", server.Addr())))
	hears := func(want ...string) {
		t.Helper()
		for _, line := range want {
			select {
			case got := <-heard:
				if got != line {
					t.Fatalf("the server hears %q, want %q", got, line)
				}
			case <-limited(t).Done():
				t.Fatalf("the server does not hear %q", line)
			}
		}
	}
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	hears("ISUPPORT", "CAP END")
	check(t, romeo.SendPresence(room+"/romeo", "unavailable", ""))
	romeo.gets(presence, typed("unavailable"), status("110"))
	hears("AWAY *")
	server.Do(func() {
		if c := server.Client("romeo"); c != nil {
			c.Default(ircmsg.MakeMessage(nil, "", "QUIT"))
		}
	})
	hears("ISUPPORT", "AWAY *", "CAP END")
}
