package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const (
	grantedHost = "granted.localhost" // a component that its server lets at rosters
	stranger    = "+15005550177"
	another     = "+15005550188"
	rosterx     = "http://jabber.org/protocol/rosterx"
)

var granted = []servers.Component{{Domain: grantedHost, Secret: secret, Privileged: true}}

// phonesAt is the config of a component with the simulator's phones.
func (w *world) phonesAt(domain string) string {
	return fmt.Sprintf(`
[[component]]
transport = "sms"
domain = %q
server = %q
secret = %q
[component.sms]
[component.sms.simulator]
delivery_delay = "0s"
[[component.sms.user]]
jid = "romeo@localhost"
number = %q
`, domain, w.server(domain), secret, ownPhone)
}

// hearsText has a phone write to romeo.
func (w *world) hearsText(domain, phone, text string) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"from": phone, "to": ownPhone, "text": text})
	check(w.t, err)
	r, err := http.NewRequestWithContext(limited(w.t), "POST", "http://"+w.http+"/"+domain+"/send", bytes.NewReader(body))
	check(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	check(w.t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the text was not taken: %s", answer.Status)
	}
}

// rosterItem gives a contact as it is in somebody's roster, or nil.
func (p *person) rosterItem(contact string) *xmppclient.Element {
	p.t.Helper()
	roster := p.asks("", "get", `<query xmlns="jabber:iq:roster"/>`)
	for _, item := range roster.Find("query").FindAll("item") {
		if item.Attr("jid") == contact {
			return item
		}
	}
	return nil
}

// before says that one stanza came before another.
func (p *person) before(first, second match) {
	p.t.Helper()
	all := p.All()
	i, j := slices.IndexFunc(all, first), slices.IndexFunc(all, second)
	if i < 0 || j < 0 || i > j {
		p.t.Errorf("the one came as stanza %d, the other as %d", i, j)
	}
}

func rosterPush(contact string) match {
	return func(s xmppclient.Stanza) bool {
		item := s.Find("query", "item")
		return s.Type() == "set" && item != nil && item.Attr("jid") == contact
	}
}

func suggestion(contact string) match {
	return func(s xmppclient.Stanza) bool {
		item := s.Find("x", "item")
		return s.Type() == "set" && item != nil && item.Attr("jid") == contact && item.Attr("action") == "add"
	}
}

func request(contact string) match {
	return func(s xmppclient.Stanza) bool {
		return presence(s) && s.From() == contact && s.Type() == "subscribe" && s.Find("nick") != nil
	}
}

// A number that nobody knew comes into romeo's roster before its text: through
// the server where that lets us, through a client that takes suggestions, or by
// asking.
func TestStrangerComesIntoTheRosterFirst(t *testing.T) {
	t.Run("Prosody", func(t *testing.T) {
		w := newWorld(t)
		servers.Need(t, "privilege")
		w.onProsody(servers.ProsodyOptions{Components: granted})
		w.start(w.phonesAt(grantedHost), w.phonesAt(smsHost))
		romeo := w.logIn("romeo", "orchard")
		romeo.rosterItem("") // who asks for the roster gets its changes
		contact := stranger + "@" + grantedHost
		w.hearsText(grantedHost, stranger, "first")
		romeo.gets(message, from(contact), body("first"))
		romeo.before(rosterPush(contact), func(s xmppclient.Stanza) bool { return s.Body() == "first" })
		romeo.gets(presence, from(contact+"/sms"), typed(""), has("c"))
		if item := romeo.rosterItem(contact); item == nil || item.Attr("subscription") != "both" {
			t.Errorf("the roster has %v", item)
		}

		// What romeo makes of it stays, and who is thrown out does not come back.
		romeo.asks("", "set", `<query xmlns="jabber:iq:roster"><item jid="`+contact+`" subscription="remove"/></query>`)
		w.logs(`contact is gone`)
		w.hearsText(grantedHost, stranger, "second")
		romeo.gets(message, from(contact), body("second"))
		if item := romeo.rosterItem(contact); item != nil {
			t.Errorf("the roster has again %v", item)
		}
		w.withoutPrivileges(romeo)
	})
	t.Run("ejabberd", func(t *testing.T) {
		w := newWorld(t)
		w.onEjabberd(servers.EjabberdOptions{Components: granted})
		w.start(w.phonesAt(grantedHost), w.phonesAt(smsHost))
		romeo := w.logIn("romeo", "orchard")
		romeo.rosterItem("")
		contact := stranger + "@" + grantedHost
		w.hearsText(grantedHost, stranger, "first")
		romeo.gets(message, from(contact), body("first"))
		// Debian's ejabberd grants it, and fails when we do it.
		arrived := rosterPush(contact)
		if romeo.rosterItem(contact) == nil {
			w.logs(`does not do with a roster what it granted`)
			arrived = request(contact)
		}
		romeo.before(arrived, func(s xmppclient.Stanza) bool { return s.Body() == "first" })
		w.withoutPrivileges(romeo)
	})
}

func (w *world) withoutPrivileges(romeo *person) {
	w.t.Helper()
	contact := stranger + "@" + smsHost
	w.hearsText(smsHost, stranger, "who is it?")
	romeo.gets(message, from(contact), body("who is it?"))
	romeo.before(request(contact), func(s xmppclient.Stanza) bool { return s.Body() == "who is it?" })
	check(w.t, romeo.SendPresence(contact, "subscribed", ""))

	c, err := xmppclient.Dial(limited(w.t), w.clients, xmppclient.Options{
		JID: "romeo@localhost", Password: password, Resource: "tower",
		Answer: func(s xmppclient.Stanza) (string, bool) {
			if s.FindNS("http://jabber.org/protocol/disco#info", "query") != nil {
				return `<query xmlns="http://jabber.org/protocol/disco#info"><identity category="client" type="pc"/><feature var="` + rosterx + `"/></query>`, true
			}
			return "", s.FindNS(rosterx, "x") != nil
		},
	})
	check(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	tower := &person{c, w.t}
	check(w.t, tower.SendPresence(smsHost, "", `<c xmlns="http://jabber.org/protocol/caps" hash="sha-1" node="psi" ver="x"/>`))
	tower.asks(smsHost, "get", `<ping xmlns="urn:xmpp:ping"/>`) // it has the presence
	for i := range 3 {                                          // the gateway gives clients 3 s to say that they take it
		number := fmt.Sprintf("%s%d", another[:len(another)-1], i)
		contact = number + "@" + smsHost
		w.hearsText(smsHost, number, "do you take me?")
		tower.gets(message, from(contact), body("do you take me?"))
		if slices.ContainsFunc(tower.All(), suggestion(contact)) {
			break
		}
	}
	tower.before(suggestion(contact), func(s xmppclient.Stanza) bool { return s.From() == contact && s.Body() != "" })
}
