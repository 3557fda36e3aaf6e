package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	console   = "verona@" + ircHost
	adminForm = `<query xmlns="http://jabber.org/protocol/muc#admin">`
)

// changes asks for changes in a room.
func (p *person) changes(items string) xmppclient.Stanza {
	p.t.Helper()
	return p.asks(room, "set", adminForm+items+`</query>`)
}

// bans are the addresses on a room's list of bans.
func (p *person) bans() []string {
	p.t.Helper()
	s := p.asks(room, "get", adminForm+`<item affiliation="outcast"/></query>`)
	if s.Type() != "result" {
		p.t.Errorf("the list of bans: %s", s)
	}
	return attributes(s, "item", "jid")
}

// attributes are those of the elements in a stanza's payload.
func attributes(s xmppclient.Stanza, element, name string) (values []string) {
	for _, payload := range s.Children {
		for _, e := range payload.FindAll(element) {
			values = append(values, e.Attr(name))
		}
	}
	return values
}

// invites asks a room to invite somebody.
func (p *person) invites(room, who, id string) {
	p.t.Helper()
	p.says(room, "normal", id, "", `<x xmlns="http://jabber.org/protocol/muc#user"><invite to="`+who+`"/></x>`)
}

func contains(text string) match {
	return func(s xmppclient.Stanza) bool { return strings.Contains(s.Body(), text) }
}

func TestKeepingOrderInTheGarden(t *testing.T) {
	for name, start := range ircServers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.onProsody(servers.ProsodyOptions{})
			address := start(w)
			w.start(w.irc(plain("verona", address) + "throttle = { burst = 0 }\n"))
			juliet := w.ircUser(address, "juliet", channel)
			romeo := w.logIn("romeo", "orchard")
			romeo.joins(room, "romeo")

			if e := romeo.changes(`<item nick="juliet" affiliation="outcast"/>`); e.Condition() != "forbidden" {
				t.Errorf("a ban by somebody without rights: %s", e)
			}
			if e := romeo.changes(`<item nick="rosaline" affiliation="admin"/>`); e.Condition() != "item-not-found" {
				t.Errorf("a role for nobody: %s", e)
			}
			check(t, juliet.Raw("MODE "+channel+" +o romeo"))
			romeo.gets(message, from(room), body("Mode #garden [+o romeo] by juliet"))
			romeo.gets(presence, from(room+"/romeo"), status("110"), func(s xmppclient.Stanza) bool { return s.Find("x", "item").Attr("role") == "moderator" })

			// Bans: by mask, of somebody who is here, and their end.
			if bans := romeo.bans(); len(bans) != 0 {
				t.Errorf("bans at the start: %q", bans)
			}
			if e := romeo.changes(`<item jid="*!*@mantua.example" affiliation="outcast"/>`); e.Type() != "result" {
				t.Errorf("a ban by mask: %s", e)
			}
			w.ircUser(address, "tybalt", channel)
			romeo.gets(presence, from(room+"/tybalt"), typed(""))
			if e := romeo.changes(`<item nick="tybalt" affiliation="outcast"><reason>fought</reason></item>`); e.Type() != "result" {
				t.Errorf("a ban of tybalt: %s", e)
			}
			romeo.gets(presence, from(room+"/tybalt"), typed("unavailable"), status("301"), has("x", "item", "reason"))
			bans := romeo.bans()
			if len(bans) != 2 {
				t.Fatalf("two bans are %q", bans)
			}
			for _, ban := range bans {
				if e := romeo.changes(`<item jid="` + xmppclient.Escape(ban) + `" affiliation="none"/>`); e.Type() != "result" {
					t.Errorf("the end of the ban %s: %s", ban, e)
				}
			}
			if bans := romeo.bans(); len(bans) != 0 {
				t.Errorf("bans after they were lifted: %q", bans)
			}

			// Modes as people type them.
			romeo.says(room, "groupchat", "mode", "/mode +im", "")
			romeo.gets(message, from(room), typed("groupchat"), status("104"))
			info := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
			if features := strings.Join(attributes(info, "feature", "var"), " "); !strings.Contains(features, "muc_membersonly") || !strings.Contains(features, "muc_moderated") {
				t.Errorf("after +im the room has %s", features)
			}
			benvolio := w.logIn("benvolio", "street")
			refused, err := benvolio.JoinRoom(limited(t), room, "benvolio", "")
			check(t, err)
			if refused.Type() != "error" || refused.Condition() != "registration-required" {
				t.Errorf("a join of a room by invitation: %s", refused)
			}
			romeo.says(room, "groupchat", "mode", "/mode -i", "")
			romeo.gets(message, from(room), body("Mode #garden [-i] by romeo"))
			benvolio.joins(room, "benvolio")
			role := func(role string) match {
				return func(s xmppclient.Stanza) bool { return s.Find("x", "item").Attr("role") == role }
			}
			romeo.gets(presence, from(room+"/benvolio"), role("visitor"))
			benvolio.says(room, "groupchat", "b1", "I do but keep the peace", "")
			benvolio.gets(message, typed("error"), id("b1"), condition("forbidden"))
			if e := romeo.changes(`<item nick="benvolio" role="participant"/>`); e.Type() != "result" {
				t.Errorf("voice for benvolio: %s", e)
			}
			benvolio.gets(presence, from(room+"/benvolio"), role("participant"), status("110"))
			benvolio.says(room, "groupchat", "b2", "put up thy sword", "")
			romeo.gets(message, from(room+"/benvolio"), body("put up thy sword"))
			romeo.says(room, "groupchat", "secret", "/msg NickServ IDENTIFY hunter2", "")
			romeo.gets(message, typed("error"), id("secret"), condition("not-allowed"))

			// Invitations.
			romeo.invites(room, "juliet%verona@"+ircHost, "i1")
			romeo.gets(message, typed("error"), id("i1"), condition("conflict"))
			const balcony = "#balcony%verona@" + ircHost
			romeo.joins(balcony, "romeo")
			romeo.invites(balcony, "juliet", "i2")
			romeo.gets(message, from(balcony), typed("groupchat"), body("juliet has been invited to #balcony"))
			romeo.invites(balcony, "benvolio@localhost", "i3")
			benvolio.gets(message, from(balcony), has("x", "invite"))
			check(t, juliet.Join(limited(t), "#tomb"))
			check(t, juliet.Raw("INVITE romeo #tomb"))
			romeo.gets(message, from("#tomb%verona@"+ircHost), func(s xmppclient.Stanza) bool {
				return s.Find("x", "invite").Attr("from") == "#tomb%verona@"+ircHost+"/juliet"
			})

			// The list of channels, by pages and as a search.
			items := func(set string) xmppclient.Stanza {
				return romeo.asks(console, "get", `<query xmlns="http://jabber.org/protocol/disco#items"><set xmlns="http://jabber.org/protocol/rsm">`+set+`</set></query>`)
			}
			first := items(`<max>2</max>`)
			second := items(`<max>1</max><after>` + room + `</after>`)
			got := strings.Join(append(attributes(first, "item", "jid"), attributes(second, "item", "jid")...), " ")
			if got != balcony+" "+room+" #tomb%verona@"+ircHost {
				t.Errorf("the channels are %s\n%s\n%s", got, first, second)
			}
			if count := first.Find("query", "set", "count"); count == nil || count.Text != "3" && count.Text != "4" { // ngIRCd has a channel of its own
				t.Errorf("the list does not say how long it is: %s", first)
			}
			search := romeo.asks(console, "get", `<search xmlns="urn:xmpp:channel-search:0:search"><x xmlns="jabber:x:data" type="submit"><field var="q"><value>tomb</value></field></x></search>`)
			if found := attributes(search, "item", "address"); len(found) != 1 || found[0] != "#tomb%verona@"+ircHost {
				t.Errorf("the search found %q: %s", found, search)
			}

			// The console.
			romeo.says(console, "chat", "c1", "WHOIS juliet", "")
			romeo.gets(message, from(console), typed("chat"), contains("juliet"), contains("WHOIS list"))
			romeo.says(console, "chat", "c2", "NOTICE romeo :[#garden] by order of the Prince", "")
			romeo.gets(message, from(room+"/romeo"), typed("groupchat"), body("[notice] [#garden] by order of the Prince"))
			romeo.says(console, "chat", "c3", "QUIT bye bye", "")
			romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))
			romeo.gets(presence, from(balcony+"/romeo"), typed("unavailable"), status("110"))
			check(t, juliet.WaitGone(limited(t), channel, "romeo"))
		})
	}
}
