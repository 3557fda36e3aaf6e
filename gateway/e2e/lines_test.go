package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
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
	romeo.says(room, "groupchat", "m2", "1\n2\n3\n4\n5\n6\n7", "") // more than max-lines
	for _, part := range []string{"1\n2\n3\n4\n5", "6\n7"} {
		benvolio.gets(message, from(room+"/romeo"), body(part))
		romeo.gets(message, from(room+"/romeo"), body(part))
	}
}
