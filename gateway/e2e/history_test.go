package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

// What an IRC server keeps is in the archive, and what was missed is shown: at
// the join, after a lost link, and after a restart of the gateway.
func TestWhatWasSaidMeanwhileIsNotLost(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	kept := &ircv3server.History{Max: 10}
	irc := w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common(kept.Caps()...), ISupport: kept.ISupport(), Commands: kept.Commands(),
	})
	juliet := w.native(irc.Addr(), "juliet", channel, "message-tags echo-message server-time")
	says := func(texts ...string) (id string) {
		t.Helper()
		for _, text := range texts {
			juliet.sends("PRIVMSG " + channel + " :" + text)
			id = tagIn(juliet.gets("PRIVMSG "+channel, text), "msgid")
		}
		return id
	}
	var early []string
	for _, line := range strings.Split("abcdefghijklmnopqrstuvwx", "") {
		early = append(early, "early "+line)
	}
	last := says(early...)
	juliet.sends("@+draft/react=🌹;+reply="+last+";+draft/reply="+last+" TAGMSG "+channel, "TOPIC "+channel+" :Roses")
	juliet.gets("TOPIC " + channel)
	w.start(w.irc(plain("verona", irc.Addr())))

	// Of before the join: as much as rooms show, and all in the archive.
	romeo := w.logIn("romeo", "orchard")
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="3"/></x>`))
	romeo.gets(presence, from(room+"/romeo"), typed(""), status("110"))
	shown := romeo.gets(message, in(room), body(early[len(early)-1]), has("delay"))
	if got := idIn(shown); got != last {
		t.Errorf("it is %q, and %q for IRC", got, last)
	}
	romeo.gets(message, from(room+"/juliet"), has("reactions"), has("delay"))
	isText := func(r xmppclient.Stanza) bool { return r.Find("result", "forwarded", "message", "body") != nil }
	page, fin := romeo.reads(room, archivePage("<max>4</max><before/>"))
	if got := texts(page, fin); got != "early w|early x|…" || len(page) != 4 {
		t.Errorf("the last page has %q", got)
	} else if r := page[2].Find("result", "forwarded", "message", "reactions"); isText(page[2]) || r == nil || r.Attr("id") != last {
		t.Errorf("no reaction: %s", page[2])
	} else if s := page[3].Find("result", "forwarded", "message", "subject"); s == nil || s.Text != "Roses" {
		t.Errorf("no subject: %s", page[3])
	}
	everything, fin := romeo.reads(room, queryOfAll)
	if got := texts(everything, fin); got != strings.Join(early, "|") {
		t.Errorf("the archive has %q", got)
	}
	says("live")
	romeo.gets(message, in(room), body("live"))

	// While the link is lost.
	irc.Do(func() { irc.Client("romeo").HangUp() })
	juliet.gets("QUIT")
	juliet.sends("PRIVMSG "+channel+" :missed 1", "PRIVMSG "+channel+" :missed 2", "PRIVMSG romeo :Romeo?") // before the link is back
	missed := tagIn(juliet.gets("PRIVMSG "+channel, "missed 2"), "msgid")
	juliet.gets("PRIVMSG romeo", "Romeo?")
	first := romeo.gets(message, from(room+"/juliet"), body("missed 1"), has("delay"))
	second := romeo.gets(message, from(room+"/juliet"), body("missed 2"), has("delay"))
	if idIn(second) != missed || idIn(first) == missed {
		t.Errorf("they are %q and %q", idIn(first), idIn(second))
	}
	private := "juliet%verona@" + ircHost
	romeo.gets(message, from(private), body("Romeo?"), has("delay"))

	// While the gateway was not there.
	says("before")
	romeo.gets(message, in(room), body("before"))
	check(t, w.gateway.Restart(limited(t)))
	says("after")
	juliet.sends("PRIVMSG romeo :Wherefore?")
	juliet.gets("PRIVMSG romeo", "Wherefore?")
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="0"/></x>`))
	romeo.gets(message, from(private), body("Wherefore?"), has("delay"))
	romeo.gets(message, in(room), has("subject"))
	page, fin = romeo.reads(room, archivePage("<max>5</max><before/>"))
	if got := texts(page, fin); got != "live|missed 1|missed 2|before|after|…" {
		t.Errorf("the last page has %q", got)
	}
	page, fin = romeo.reads(private, queryOfAll)
	if got := texts(page, fin); got != "Romeo?|Wherefore?" {
		t.Errorf("the conversation has %q", got)
	}
	for _, text := range []string{"missed 1", "missed 2", "Romeo?", "Wherefore?"} {
		if again := romeo.Unread(all([]match{message, body(text)})); len(again) > 0 {
			t.Errorf("%q comes twice: %s", text, again[0])
		}
	}
}
