package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// Messages of several lines are one message on both sides, for those on IRC
// who take them so.
func TestMessagesOfSeveralLinesCross(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	address := w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common("draft/multiline=max-bytes=4000,max-lines=5"),
	}).Addr()
	w.start(w.irc(plain("verona", address)))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(room, "romeo")
	benvolio.joins(room, "benvolio")
	juliet := w.native(address, "juliet", channel, "message-tags batch draft/multiline")
	nurse := w.native(address, "nurse", channel, "message-tags")

	const text = "But, soft!\n\nwhat light through *yonder* window breaks?"
	romeo.says(room, "groupchat", "m1", text, "")
	opening := juliet.gets(":romeo!", " BATCH +", "draft/multiline "+channel)
	juliet.gets("PRIVMSG "+channel, "But, soft!")
	juliet.gets("PRIVMSG "+channel, "through \x02yonder\x02 window")
	juliet.gets(" BATCH -")
	nurse.gets("PRIVMSG "+channel, "But, soft!")
	nurse.gets("PRIVMSG "+channel, "through \x02yonder\x02 window")
	name := tagIn(opening, "msgid")
	for _, who := range []*person{romeo, benvolio} {
		if got := idIn(who.gets(message, in(room), from(room+"/romeo"), body(text))); got != name {
			t.Errorf("the message is %q here and %q on IRC", got, name)
		}
	}
	juliet.sends("@+reply="+name+" BATCH +j1 draft/multiline "+channel, "@batch=j1 PRIVMSG "+channel+" hello", "@batch=j1 PRIVMSG "+channel+" :how is ",
		"@batch=j1;draft/multiline-concat PRIVMSG "+channel+" :everyone?", "BATCH -j1")
	for _, who := range []*person{romeo, benvolio} {
		got := who.gets(message, from(room+"/juliet"), repliesTo(name))
		if said := got.Find("body").Text; !strings.HasSuffix(said, "hello\nhow is everyone?") { // behind the quotation
			t.Errorf("juliet's message is %q", said)
		}
	}
	nurse.gets("PRIVMSG "+channel, "hello")

	long := strings.TrimSpace(strings.Repeat("wherefore art thou ", 60))
	benvolio.says("juliet%verona@"+ircHost, "chat", "p1", long, "")
	juliet.gets(":benvolio!", " BATCH +", "draft/multiline juliet")
	juliet.gets("draft/multiline-concat", "PRIVMSG juliet :")
	juliet.gets(" BATCH -")

	juliet.sends("@+channel-context=" + channel + " NOTICE romeo :psst") // what is said aside stays aside
	romeo.gets(message, typed("chat"), from(room+"/juliet"), body("psst"))
	romeo.says(room+"/juliet", "chat", "p2", "What?", "")
	juliet.gets("+channel-context="+channel, "PRIVMSG juliet", "What?")

	romeo.says(room, "groupchat", "m2", "1\n2\n3\n4\n5\n6\n7", "") // more than max-lines
	for _, part := range []string{"1\n2\n3\n4\n5", "6\n7"} {
		benvolio.gets(message, from(room+"/romeo"), body(part))
		romeo.gets(message, from(room+"/romeo"), body(part))
	}
}

// A text that is more than is said in a chat is one line with a link to it, up
// to the most that XMPP servers take.
func TestAPasteBecomesALink(t *testing.T) {
	w := newWorld(t)
	w.needHTTP()
	w.onProsody(servers.ProsodyOptions{})
	address := w.ircv3(ircv3server.Options{Caps: ircv3server.Common()}).Addr()
	w.start(loopbackOnly, fmt.Sprintf("[media]\npublic_url = %q\n", "http://"+w.http+"/media"), w.irc(plain("verona", address)))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	juliet := w.native(address, "juliet", channel, "message-tags")
	const most = 250 << 10 // Prosody takes stanzas of 256 KiB from clients
	for id, text := range map[string]string{
		"m1": strings.Repeat("But, soft! ütopia\n", 19) + "It is the east",
		"m2": strings.TrimSpace(strings.Repeat("wherefore art thou ", most/19)),
	} {
		romeo.says(room, "groupchat", id, text, "")
		shown := romeo.gets(message, in(room), func(s xmppclient.Stanza) bool { return s.Attr("id") == id })
		said := shown.Find("body").Text
		juliet.gets("PRIVMSG " + channel + " :" + said)
		_, link, _ := strings.Cut(said, ") ")
		res, err := http.Get(link)
		check(t, err)
		got, err := io.ReadAll(res.Body)
		check(t, err)
		check(t, res.Body.Close())
		if string(got) != text {
			t.Errorf("%s: %s has %d bytes of %d", id, said, len(got), len(text))
		}
		if kind := res.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" {
			t.Errorf("the file is of type %q", kind)
		}
	}
}
