package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const queryOfAll = `<query xmlns="urn:xmpp:mam:2" queryid="q"/>`

// reads asks an archive, and gives the results and what ended them.
func (p *person) reads(archive, query string) (results []xmppclient.Stanza, fin xmppclient.Stanza) {
	p.t.Helper()
	fin = p.asks(archive, "set", query)
	for {
		unread := p.Unread(all([]match{message, from(archive), has("result")}))
		if len(unread) == 0 {
			return results, fin
		}
		results = append(results, p.gets(message, from(archive), has("result")))
	}
}

// texts gives what the results say, and a "…" where there is more.
func texts(results []xmppclient.Stanza, fin xmppclient.Stanza) string {
	var out []string
	for _, r := range results {
		if b := r.Find("result", "forwarded", "message", "body"); b != nil {
			out = append(out, b.Text)
		}
	}
	if f := fin.Find("fin"); f == nil {
		out = append(out, fin.Condition())
	} else if f.Attr("complete") != "true" {
		out = append(out, "…")
	}
	return strings.Join(out, "|")
}

// page is a query for a part of an archive.
func archivePage(set string) string {
	return `<query xmlns="urn:xmpp:mam:2" queryid="q"><set xmlns="http://jabber.org/protocol/rsm">` + set + `</set></query>`
}

func TestTheArchiveOutlastsTheGateway(t *testing.T) {
	servers.Need(t, "inspircd", "ii")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	irc, err := servers.StartInspIRCd(limited(t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{})
	check(t, err)
	t.Cleanup(func() { irc.Close() })
	w.start(w.irc(plain("verona", irc.Addr)))
	juliet := w.ircUser(irc.Addr, "juliet", channel)
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")

	// What is said, and who is there.
	live := map[string]string{}
	shown := func(p *person, text string) {
		t.Helper()
		s := p.gets(message, in(room), body(text))
		id := s.Find("stanza-id").Attr("id")
		if was := live[text]; was != "" && was != id && s.From() != room+"/romeo" {
			t.Errorf("%q is %s for one and %s for another", text, was, id)
		}
		if p == romeo {
			live[text] = id
		}
	}
	check(t, juliet.Say(channel, "Ay me!"))
	shown(romeo, "Ay me!")
	romeo.says(room, "groupchat", "m1", "She speaks", `<origin-id xmlns="urn:xmpp:sid:0" id="o1"/>`)
	shown(romeo, "She speaks")
	w.hears(juliet, channel, "romeo", "She speaks")
	benvolio := w.logIn("benvolio", "street")
	benvolio.joins(room, "benvolio")
	for _, text := range []string{"O \x02Romeo\x02, Romeo", "Deny thy father"} {
		check(t, juliet.Say(channel, text))
		text = strings.ReplaceAll(text, "\x02", "*")
		shown(romeo, text)
		shown(benvolio, text)
	}
	romeo.says(room+"/juliet", "chat", "p1", "Shall I hear more?", "")
	w.hears(juliet, "romeo", "romeo", "Shall I hear more?")
	check(t, juliet.Say("romeo", "Who is there?"))
	private := romeo.gets(message, from("juliet%verona@"+ircHost), body("Who is there?")).Find("stanza-id")

	check(t, w.gateway.Restart(limited(t)))

	// The history at the join, and the archive, are what was seen.
	check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="3"/></x>`))
	romeo.gets(presence, from(room+"/romeo"), typed(""), status("110"))
	for _, text := range []string{"She speaks", "O *Romeo*, Romeo", "Deny thy father"} {
		s := romeo.gets(message, in(room), body(text), has("delay"))
		if id := s.Find("stanza-id").Attr("id"); id != live[text] {
			t.Errorf("%q was %s and is %s", text, live[text], id)
		}
	}
	romeo.gets(message, in(room), has("subject"))
	if more := romeo.Unread(all([]match{message, in(room), body("Ay me!")})); len(more) > 0 {
		t.Errorf("more history than was asked for: %s", more[0])
	}
	everything, fin := romeo.reads(room, queryOfAll)
	if got := texts(everything, fin); got != "Ay me!|She speaks|O *Romeo*, Romeo|Deny thy father" {
		t.Fatalf("the archive has %q", got)
	}
	for _, r := range everything {
		m := r.Find("result", "forwarded", "message")
		if text := m.Find("body").Text; r.Find("result").Attr("id") != live[text] || m.Attr("type") != "groupchat" || m.FindNS("urn:xmpp:occupant-id:0", "occupant-id") == nil {
			t.Errorf("%q was %s live: %s", text, live[text], r)
		}
	}
	first, fin := romeo.reads(room, archivePage("<max>3</max>"))
	if got := texts(first, fin); got != "Ay me!|She speaks|O *Romeo*, Romeo|…" {
		t.Errorf("the first page has %q", got)
	}
	rest, fin := romeo.reads(room, archivePage("<max>3</max><after>"+fin.Find("fin", "set", "last").Text+"</after>"))
	if got := texts(rest, fin); got != "Deny thy father" {
		t.Errorf("the next page has %q", got)
	}
	if got := texts(romeo.reads(room, archivePage("<max>1</max><before/>"))); got != "Deny thy father|…" {
		t.Errorf("the last page has %q", got)
	}

	// Others see what they were there for, and nothing else.
	if got := texts(benvolio.reads(room, queryOfAll)); got != "O *Romeo*, Romeo|Deny thy father" {
		t.Errorf("benvolio sees %q", got)
	}
	if got := texts(benvolio.reads(room, archivePage("<after>"+live["Ay me!"]+"</after>"))); got != "item-not-found" {
		t.Errorf("benvolio sees %q after a message that he never saw", got)
	}
	for _, archive := range []string{"juliet%verona@" + ircHost, ircHost} {
		conversation, fin := romeo.reads(archive, queryOfAll)
		if got := texts(conversation, fin); got != "Shall I hear more?|Who is there?" {
			t.Errorf("%s has %q", archive, got)
		} else if id := conversation[1].Find("result").Attr("id"); private == nil || id != private.Attr("id") {
			t.Errorf("the private message was %v and is %s", private, id)
		}
		if got := texts(benvolio.reads(archive, queryOfAll)); got != "" {
			t.Errorf("benvolio sees %q in %s", got, archive)
		}
		info := romeo.asks(archive, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
		if !slices.ContainsFunc(info.Find("query").FindAll("feature"), func(f *xmppclient.Element) bool { return f.Attr("var") == "urn:xmpp:mam:2#extended" }) {
			t.Errorf("%s does not say that it has an archive: %s", archive, info)
		}
	}

	// Two saw two messages, which are there once.
	check(t, w.gateway.Stop(limited(t)))
	db, err := sql.Open("sqlite3", filepath.Join(w.dir, "gatehouse", "gatehouse.db"))
	check(t, err)
	defer db.Close()
	var rows, seen int
	check(t, db.QueryRow(`SELECT count(*), sum(views) FROM archive WHERE nick = 'juliet'`).Scan(&rows, &seen))
	if got := fmt.Sprint(rows, " ", seen); got != "3 5" {
		t.Errorf("juliet's messages in the archive, and how often they were seen: %s", got)
	}
}
