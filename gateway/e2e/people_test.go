package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	julietAtHome = "juliet%verona@" + ircHost
	vcardQuery   = `<vCard xmlns="vcard-temp"/>`
	vcard4Query  = `<vcard xmlns="urn:ietf:params:xml:ns:vcard-4.0"/>`
	lastQuery    = `<query xmlns="jabber:iq:last"/>`
	versionQuery = `<query xmlns="jabber:iq:version"/>`
	timeQuery    = `<time xmlns="urn:xmpp:time"/>`
	pingQuery    = `<ping xmlns="urn:xmpp:ping"/>`
	infoQuery    = `<query xmlns="http://jabber.org/protocol/disco#info"/>`
)

// show gives what a presence says of availability.
func show(want string) match {
	return func(s xmppclient.Stanza) bool {
		e := s.Find("show")
		return want == "" && e == nil || e != nil && e.Text == want
	}
}

// logInAs connects a client that answers what it is asked.
func (w *world) logInAs(user, resource string, answer func(xmppclient.Stanza) (string, bool)) *person {
	w.t.Helper()
	c, err := xmppclient.Dial(limited(w.t), w.clients, xmppclient.Options{
		JID: user + "@localhost", Password: password, Resource: resource, Answer: answer,
	})
	check(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	return &person{c, w.t}
}

// client answers as one that tells its version and time.
func client(s xmppclient.Stanza) (string, bool) {
	switch {
	case s.FindNS("jabber:iq:version", "query") != nil:
		return `<query xmlns="jabber:iq:version"><name>Mantua</name><version>1.0</version><os>Verona</os></query>`, true
	case s.FindNS("urn:xmpp:time", "time") != nil:
		return `<time xmlns="urn:xmpp:time"><tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc></time>`, true
	}
	return "", false
}

func occupantID(t *testing.T, s xmppclient.Stanza) string {
	t.Helper()
	e := s.FindNS("urn:xmpp:occupant-id:0", "occupant-id")
	if e == nil || e.Attr("id") == "" {
		t.Fatalf("no occupant identifier in %s", s)
	}
	return e.Attr("id")
}

func TestPeopleAreKnownAndSeen(t *testing.T) {
	for name, start := range ircServers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.onProsody(servers.ProsodyOptions{})
			address := start(w)
			w.start(w.irc(plain("verona", address) + "throttle = { burst = 0 }\n"))
			notifies := name == "InspIRCd" // away-notify, which ngIRCd has not
			juliet := w.ircUser(address, "juliet", channel)
			romeo := w.logIn("romeo", "orchard")
			benvolio := w.logInAs("benvolio", "street", client)

			// somebody in the roster shows once there is a link
			check(t, romeo.SendPresence("verona@"+ircHost, "subscribe", ""))
			romeo.gets(presence, from("verona@"+ircHost), typed("subscribe"))
			check(t, romeo.SendPresence(julietAtHome, "subscribe", ""))
			romeo.gets(presence, from(julietAtHome), typed("subscribe"))
			check(t, romeo.SendPresence(room+"/romeo", "", `<x xmlns="http://jabber.org/protocol/muc"/>`))
			here := romeo.gets(presence, from(room+"/juliet"), typed(""))
			romeo.gets(presence, from("verona@"+ircHost), typed(""), has("status"))
			romeo.gets(presence, from(julietAtHome), typed(""), has("nick"))
			benvolio.joins(room, "benvolio")
			romeo.gets(presence, from(room+"/benvolio"), typed(""))

			// who they are
			card := romeo.asks(room+"/juliet", "get", vcardQuery)
			if fn, nick := card.Find("vCard", "FN"), card.Find("vCard", "NICKNAME"); fn == nil || nick == nil || nick.Text != "juliet" {
				t.Errorf("no card: %s", card)
			}
			if card := romeo.asks(julietAtHome, "get", vcard4Query); card.Find("vcard", "nickname", "text") == nil {
				t.Errorf("no newer card: %s", card)
			}
			if idle := romeo.asks(julietAtHome, "get", lastQuery); idle.Find("query") == nil || idle.Find("query").Attr("seconds") == "" {
				t.Errorf("idle: %s", idle)
			}
			if nobody := romeo.asks("paris%verona@"+ircHost, "get", vcardQuery); nobody.Condition() != "item-not-found" {
				t.Errorf("nobody: %s", nobody)
			}
			if what := romeo.asks(julietAtHome, "get", infoQuery); what.Find("query", "identity").Attr("category") != "account" {
				t.Errorf("disco: %s", what)
			}

			// their clients, through IRC and back
			version := romeo.asks(room+"/benvolio", "get", versionQuery)
			if name := version.Find("query", "name"); name == nil || name.Text != "Mantua (through the Gatehouse gateway) 1.0 Verona" {
				t.Errorf("version: %s", version)
			}
			clock := romeo.asks("benvolio%verona@"+ircHost, "get", timeQuery)
			if utc, tzo := clock.Find("time", "utc"), clock.Find("time", "tzo"); utc == nil || utc.Text != "2006-12-19T17:58:35Z" || tzo.Text != "-06:00" {
				t.Errorf("time: %s", clock)
			}
			if pong := romeo.asks(room+"/benvolio", "get", pingQuery); pong.Type() != "result" {
				t.Errorf("ping: %s", pong)
			}
			if pong := romeo.asks(room+"/montague", "get", pingQuery); pong.Condition() != "item-not-found" {
				t.Errorf("ping of a nick that nobody has: %s", pong)
			}

			// away, both ways
			check(t, juliet.Raw("AWAY :asleep"))
			if notifies {
				romeo.gets(presence, from(room+"/juliet"), show("away"), has("status"))
			} else {
				check(t, juliet.Say(channel, "good night")) // so that it is known that she is
				romeo.gets(message, from(room+"/juliet"), body("good night"))
				romeo.says(julietAtHome, "chat", "p1", "wake up", "")
			}
			romeo.gets(presence, from(julietAtHome), show("away"), has("status"))
			check(t, juliet.Raw("AWAY"))
			if notifies {
				romeo.gets(presence, from(room+"/juliet"), show(""))
				romeo.gets(presence, from(julietAtHome), show(""))
				check(t, benvolio.SendPresence(room+"/benvolio", "", "<show>away</show><status>fencing</status>"))
				romeo.gets(presence, from(room+"/benvolio"), show("away"), has("status"))
				check(t, benvolio.SendPresence(room+"/benvolio", "", ""))
				romeo.gets(presence, from(room+"/benvolio"), show(""))
			}

			// a new nick is the same person
			check(t, juliet.Say(channel, "Ay me!"))
			said := romeo.gets(message, from(room+"/juliet"), body("Ay me!"))
			check(t, juliet.Raw("NICK jule"))
			renamed := romeo.gets(presence, from(room+"/jule"), typed(""))
			romeo.gets(presence, from(julietAtHome), typed("unavailable"))
			check(t, juliet.Say(channel, "is it thee?"))
			later := romeo.gets(message, from(room+"/jule"), body("is it thee?"))
			ids := []string{occupantID(t, said), occupantID(t, renamed), occupantID(t, later)}
			if notifies {
				ids = append(ids, occupantID(t, here)) // ngIRCd tells no hosts before WHO
			}
			for _, id := range ids[1:] {
				if id != ids[0] {
					t.Errorf("one person has the identifiers %s", strings.Join(ids, ", "))
					break
				}
			}

			// and the link goes with the last room, whoever is watched
			check(t, romeo.SendPresence(room+"/romeo", "unavailable", ""))
			if notifies { // elsewhere it stays for the chat with juliet
				romeo.gets(presence, from("verona@"+ircHost), typed("unavailable"))
			}
		})
	}
}

func TestAnAccountIsWhoSomebodyIs(t *testing.T) {
	servers.Need(t, "inspircd", "atheme", "ii")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	irc, err := servers.StartInspIRCd(limited(t), filepath.Join(w.dir, "inspircd"), servers.InspIRCdOptions{Services: true})
	check(t, err)
	t.Cleanup(func() { irc.Close() })
	services, err := servers.StartAtheme(limited(t), filepath.Join(w.dir, "atheme"), irc, servers.AthemeOptions{
		Accounts: map[string]string{"capulet": "balconyscene"},
	})
	check(t, err)
	t.Cleanup(func() { services.Close() })
	w.start(w.irc(plain("verona", irc.Addr)))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(room, "romeo")
	juliet := w.ircUser(irc.Addr, "juliet", channel)
	came := romeo.gets(presence, from(room+"/juliet"), typed(""))
	check(t, juliet.Raw("PRIVMSG NickServ :IDENTIFY capulet balconyscene"))
	known := romeo.gets(presence, from(room+"/juliet"), hat("Account capulet"))
	if occupantID(t, came) != occupantID(t, known) {
		t.Errorf("who logs in becomes another person: %s, %s", came, known)
	}

	// who comes later learns the account with the room,
	benvolio := w.logIn("benvolio", "street")
	benvolio.joins(room, "benvolio")
	seen := occupantID(t, benvolio.gets(presence, from(room+"/juliet"), hat("Account capulet")))
	// and it names her whenever she comes back
	check(t, juliet.Part(channel, ""))
	benvolio.gets(presence, from(room+"/juliet"), typed("unavailable"))
	check(t, juliet.Raw("NICK jule"))
	check(t, juliet.Raw("JOIN "+channel))
	for _, p := range []*person{romeo, benvolio} {
		if id := occupantID(t, p.gets(presence, from(room+"/jule"), hat("Account capulet"))); id != seen {
			t.Errorf("juliet was %s and is %s", seen, id)
		}
	}
}
