package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	displayedNode = "urn:xmpp:mds:displayed:0"
	bookmarksNode = "urn:xmpp:bookmarks:1"
	pubsub        = "http://jabber.org/protocol/pubsub"
)

// bouncing is a server with read-marker and channel-rename, as their examples
// show them.
func (w *world) bouncing() (s *ircv3server.Server, marks chan string) {
	read, marks := map[string]string{}, make(chan string, 100)
	s = w.ircv3(ircv3server.Options{
		Caps: ircv3server.Common("standard-replies", "draft/read-marker", "draft/channel-rename"),
		Commands: map[string]ircv3server.Handler{
			"JOIN": func(c *ircv3server.Client, m ircmsg.Message) {
				c.Default(m)
				if at := read[m.Params[0]]; at != "" {
					c.Numeric("MARKREAD", m.Params[0], at)
				} else {
					c.Numeric("MARKREAD", m.Params[0], "*")
				}
			},
			"MARKREAD": func(c *ircv3server.Client, m ircmsg.Message) {
				if read[m.Params[0]] < m.Params[1] {
					read[m.Params[0]] = m.Params[1]
				}
				c.Numeric("MARKREAD", m.Params[0], read[m.Params[0]])
				marks <- strings.Join(m.Params, " ")
			},
			"RENAME": func(c *ircv3server.Client, m ircmsg.Message) {
				ch := c.Channel(m.Params[0])
				switch {
				case c.Channel(m.Params[1]) != nil:
					c.Fail("RENAME", "CHANNEL_NAME_IN_USE", m.Params[0], m.Params[1], "Channel already exists")
				default:
					out := c.Message("RENAME", ch.Name, m.Params[1], "Typo fix")
					c.Rename(ch, m.Params[1])
					ch.Send(out)
				}
			},
		},
	})
	return s, marks
}

// itemOf gives an item of the user's own account.
func (p *person) itemOf(node, id string) *xmppclient.Element {
	p.t.Helper()
	answer := p.asks("", "get", `<pubsub xmlns="`+pubsub+`"><items node="`+node+`"/></pubsub>`)
	items := answer.Find("pubsub", "items")
	if items == nil {
		return nil // the node is not there yet
	}
	for _, item := range items.FindAll("item") {
		if item.Attr("id") == id {
			return item
		}
	}
	return nil
}

const (
	actingHost = "acting.localhost" // a component that may act for its users
	acting     = "%verona@" + actingHost
)

// becomes waits for what the user's account has of a room.
func (p *person) becomes(node, id string, is func(*xmppclient.Element) bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !is(p.itemOf(node, id)); {
		if time.Now().After(end) {
			p.t.Fatalf("the item %s of %s is %v", id, node, p.itemOf(node, id))
		}
	}
}

// What the user reads here and elsewhere is the same on both sides, and a room
// that gets another name takes them along.
func TestReadMarkersCrossAndRenamedRoomsTakePeopleAlong(t *testing.T) {
	servers.Need(t, "privilege")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{Components: []servers.Component{{Domain: actingHost, Secret: secret, Privileged: true}}})
	s, marks := w.bouncing()
	w.start(strings.ReplaceAll(w.irc(plain("verona", s.Addr())), ircHost, actingHost))
	romeo := w.logIn("romeo", "orchard")
	const room, renamed = channel + acting, "#orchard" + acting
	romeo.joins(room, "romeo")
	juliet := w.native(s.Addr(), "juliet", channel, "message-tags server-time echo-message draft/read-marker draft/channel-rename")
	says := func(text string) (id, at string) {
		juliet.sends("PRIVMSG " + channel + " :" + text)
		at = tagIn(juliet.gets(" PRIVMSG ", text), "time")
		return idIn(romeo.gets(message, from(room+"/juliet"), body(text), has("markable"))), at
	}
	one, at := says("one")
	for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
		// A marker has milliseconds: what is said within one can't be told apart.
	}
	two, later := says("two")
	romeo.says(room, "groupchat", "d1", "", `<displayed xmlns="urn:xmpp:chat-markers:0" id="`+one+`"/>`)
	select {
	case got := <-marks:
		if want := channel + " timestamp=" + at; got != want {
			t.Errorf("the server is told %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatal("the server is not told")
	}
	s.Do(func() { s.Client("romeo").Numeric("MARKREAD", channel, "timestamp="+later) })
	romeo.becomes(displayedNode, room, func(item *xmppclient.Element) bool {
		id := item.Find("displayed", "stanza-id")
		return id != nil && id.Attr("id") == two && id.Attr("by") == room
	})

	romeo.asks("", "set", `<pubsub xmlns="`+pubsub+`"><publish node="`+bookmarksNode+`"><item id="`+room+
		`"><conference xmlns="`+bookmarksNode+`" name="Garden" autojoin="true"><nick>romeo</nick></conference></item></publish></pubsub>`)
	names := func(name string) xmppclient.Stanza {
		return romeo.asks(room, "set", `<query xmlns="http://jabber.org/protocol/muc#owner"><x xmlns="jabber:x:data" type="submit">`+
			`<field var="FORM_TYPE"><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var="muc#roomconfig_roomname"><value>`+name+`</value></field></x></query>`)
	}
	juliet.sends("JOIN #tower")
	juliet.gets(" 366 ", "#tower")
	if answer := names("#tower"); answer.Condition() != "conflict" || !strings.Contains(answer.String(), "Channel already exists") {
		t.Errorf("a name that is taken: %s", answer)
	}
	if answer := names("#orchard"); answer.Type() != "result" {
		t.Errorf("the name is not taken: %s", answer)
	}
	juliet.gets(":romeo!", "RENAME "+channel+" #orchard")
	gone := romeo.gets(presence, from(room+"/romeo"), typed("unavailable"), status("110"))
	if d := gone.Find("x", "destroy"); d == nil || d.Attr("jid") != renamed {
		t.Errorf("the old room says %s", gone)
	}
	romeo.becomes(bookmarksNode, renamed, func(item *xmppclient.Element) bool {
		c := item.Find("conference")
		return c != nil && c.Attr("autojoin") == "true" && c.Find("nick").Text == "romeo"
	})
	romeo.becomes(bookmarksNode, room, func(item *xmppclient.Element) bool { return item == nil })
	romeo.joins(renamed, "romeo")
	juliet.sends("PRIVMSG #orchard :three")
	romeo.gets(message, from(renamed+"/juliet"), body("three"))
	if got := texts(romeo.reads(renamed, queryOfAll)); got != "one|two|three" {
		t.Errorf("the archive of the new room has %q", got)
	}
}
