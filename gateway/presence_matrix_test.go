package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const paris = "paris@example.org" // who has no account with the phones

// pickyStory is one where the phones serve romeo, and paris not.
func pickyStory(t *testing.T, known []store.Subscription, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.phones.picky = true
		w.store = newMemory()
		for _, sub := range known {
			if err := w.store.Subscriptions().Set(t.Context(), sub); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		w.Skip()
		tell(t, w)
	})
}

// The gateway's answer to each presence, to somebody who is registered and to
// somebody who is not, from the gateway itself and from a contact. What is told
// comes bare to bare (RFC 6121 §3.1), what is shown has a resource where it is a
// person's.
func TestPresenceMatrix(t *testing.T) {
	shown := func(to string) Matcher { // the gateway's presence
		return Presence(From(phones), To(to), Type(""), Has("{http://jabber.org/protocol/caps}c@ver"))
	}
	reachable := func(to string) Matcher {
		return Presence(From(phone+"/phone"), To(to), Type(""), Has("{http://jabber.org/protocol/caps}c@ver"))
	}
	told := func(from, to, typ string, more ...Matcher) Matcher {
		return Presence(append([]Matcher{From(from), To(to), Type(typ)}, more...)...)
	}
	const nick = "{http://jabber.org/protocol/nick}nick"
	type cell struct {
		answers []Matcher
		// What the gateway remembers after it.
		from, to bool
	}
	type row struct {
		name     string
		from, to bool   // what it remembered of both before
		received string // its attributes and content
		resource string // of the client that sends it; the server sends for the bare address
		gw, tel  cell   // for romeo
		xgw      cell   // for paris
		xtel     cell
	}
	const item404 = `type='error'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`
	const waiting = `type='error'><error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`
	rows := []row{
		{
			name: "probe", received: `type='probe'/>`,
			gw:   cell{answers: []Matcher{shown(romeo)}, from: true},
			tel:  cell{answers: []Matcher{reachable(romeo)}, from: true},
			xgw:  cell{answers: []Matcher{told(phones, paris, "unsubscribed")}},
			xtel: cell{answers: []Matcher{told(phone, paris, "unsubscribed")}},
		},
		{
			name: "probe of those who were subscribed", received: `type='probe'/>`, from: true, to: true,
			gw:   cell{answers: []Matcher{shown(romeo)}, from: true, to: true},
			tel:  cell{answers: []Matcher{reachable(romeo)}, from: true, to: true},
			xgw:  cell{answers: []Matcher{told(phones, paris, "unsubscribed")}},
			xtel: cell{answers: []Matcher{told(phone, paris, "unsubscribed")}},
		},
		{
			name: "subscribe", received: `type='subscribe' id='s'/>`,
			gw: cell{answers: []Matcher{
				told(phones, romeo, "subscribed", ID("s")), shown(romeo), told(phones, romeo, "subscribe", Has(nick, "Phones")),
			}, from: true},
			tel: cell{answers: []Matcher{
				told(phone, romeo, "subscribed", ID("s")), reachable(romeo), told(phone, romeo, "subscribe", Has(nick, number)),
			}, from: true},
			xgw: cell{answers: []Matcher{
				told(phones, paris, "subscribed", ID("s")),
				Message(From(phones), To(paris), Type("chat"), Has("body")),
			}, from: true},
			xtel: cell{answers: []Matcher{Presence(From(phone), To(paris), ID("s"), StanzaError("auth", "registration-required"))}},
		},
		{
			name: "subscribe again", received: `type='subscribe'/>`, from: true, to: true,
			gw:   cell{answers: []Matcher{told(phones, romeo, "subscribed"), shown(romeo)}, from: true, to: true},
			tel:  cell{answers: []Matcher{told(phone, romeo, "subscribed"), reachable(romeo)}, from: true, to: true},
			xgw:  cell{answers: []Matcher{told(phones, paris, "subscribed"), Message(From(phones), To(paris))}, from: true, to: true},
			xtel: cell{answers: []Matcher{Presence(From(phone), To(paris), StanzaError("auth", "registration-required"))}, from: true, to: true},
		},
		{
			name: "subscribed", received: `type='subscribed'/>`, from: true,
			gw: cell{from: true, to: true}, tel: cell{from: true, to: true},
			xgw: cell{from: true}, xtel: cell{from: true},
		},
		{
			name: "unsubscribe", received: `type='unsubscribe'/>`, from: true, to: true,
			// The account stays, and so does what the gateway sees of the user.
			gw: cell{answers: []Matcher{told(phones, romeo, "unavailable"), told(phones, romeo, "unsubscribed")}, to: true},
			tel: cell{answers: []Matcher{
				told(phone+"/phone", romeo, "unavailable"), told(phone, romeo, "unsubscribed"), told(phone, romeo, "unsubscribe"),
			}},
			xgw:  cell{answers: []Matcher{told(phones, paris, "unsubscribed")}},
			xtel: cell{answers: []Matcher{told(phone, paris, "unsubscribed")}},
		},
		{
			name: "unsubscribed", received: `type='unsubscribed'/>`, from: true, to: true,
			gw: cell{from: true}, tel: cell{from: true},
			xgw: cell{from: true, to: true}, xtel: cell{from: true, to: true},
		},
		{
			name: "available", received: `/>`, resource: "/orchard", from: true, to: true,
			gw: cell{from: true, to: true}, tel: cell{from: true, to: true},
			xgw: cell{from: true, to: true}, xtel: cell{from: true, to: true},
		},
		{
			name: "unavailable", received: `type='unavailable'/>`, resource: "/orchard", from: true, to: true,
			gw: cell{from: true, to: true}, tel: cell{from: true, to: true},
			xgw: cell{from: true, to: true}, xtel: cell{from: true, to: true},
		},
		{
			name: "error that says they are gone", received: item404, from: true, to: true,
			gw: cell{to: true}, tel: cell{to: true},
			xgw: cell{from: true, to: true}, xtel: cell{from: true, to: true},
		},
		{
			name: "error that will pass", received: waiting, from: true, to: true,
			gw: cell{from: true, to: true}, tel: cell{from: true, to: true},
			xgw: cell{from: true, to: true}, xtel: cell{from: true, to: true},
		},
	}
	for _, r := range rows {
		for _, c := range []struct {
			name, user, contact string
			want                cell
		}{
			{"registered, gateway", romeo, phones, r.gw}, {"registered, contact", romeo, phone, r.tel},
			{"unregistered, gateway", paris, phones, r.xgw}, {"unregistered, contact", paris, phone, r.xtel},
		} {
			t.Run(r.name+"/"+c.name, func(t *testing.T) {
				local, _, _ := strings.Cut(c.contact, phones)
				sub := store.Subscription{Component: phones, User: c.user, Contact: strings.TrimSuffix(local, "@"), From: r.from, To: r.to}
				pickyStory(t, []store.Subscription{sub}, func(t *testing.T, w *world) {
					w.says(c.user+r.resource, `<presence to='%s' %s`, c.contact, r.received)
					for _, a := range c.want.answers {
						w.Expect(a)
					}
					w.ExpectNothing()
					now, err := w.store.Subscriptions().Get(t.Context(), phones, c.user, sub.Contact)
					if err != nil || now.From != c.want.from || now.To != c.want.to {
						t.Errorf("it remembers from %t, to %t, %v; want %t, %t", now.From, now.To, err, c.want.from, c.want.to)
					}
				})
			})
		}
	}
}

func TestBadNumberIsDeniedWithAReason(t *testing.T) {
	pickyStory(t, nil, func(t *testing.T, w *world) {
		w.says(romeo, `<presence type='subscribe' to='two\20words@%s' id='s'/>`, phones)
		w.Expect(bare(`two\20words@`+phones, "unsubscribed", ID("s"), Has("status", "an address has no spaces")))
		w.ExpectNothing()
	})
}

func TestClientThatShowedItselfToOneContactAloneIsToldFarewellOnce(t *testing.T) {
	pickyStory(t, nil, func(t *testing.T, w *world) {
		w.says(orchard, `<presence to='%s'/>`, phone)
		w.ExpectNothing()
		for range 2 {
			w.says(orchard, `<presence to='%s' type='unavailable'/>`, phone)
		}
		w.Expect(Presence(From(phone+"/phone"), To(orchard), Type("unavailable")))
		w.ExpectNothing()
	})
}

func TestRefusedCredentialsAreAnErrorOfTheGateway(t *testing.T) {
	pickyStory(t, nil, func(t *testing.T, w *world) {
		w.phones.tells(romeo, transport.LinkDown{Err: because(transport.NotAuthorized)})
		w.settle()
		w.says(romeo, `<presence type='probe' to='%s'/>`, phones)
		w.Expect(Presence(From(phones), To(romeo), StanzaError("auth", "not-authorized")))
		w.phones.tells(romeo, transport.LinkUp{})
		w.Expect(bare(phones, "")) // to who sees the gateway, as the probe told
		w.says(romeo, `<presence type='probe' to='%s'/>`, phones)
		w.Expect(bare(phones, ""))
		w.ExpectNothing()
	})
}

func TestUnregisteredAreToldHowToRegisterOnce(t *testing.T) {
	pickyStory(t, nil, func(t *testing.T, w *world) {
		w.says(paris, `<presence type='subscribe' to='%s'/>`, phones)
		w.Expect(Presence(To(paris), Type("subscribed")))
		w.Expect(Message(To(paris), Type("chat")))
		w.says(paris, `<presence type='subscribe' to='%s'/>`, phones)
		w.Expect(Presence(To(paris), Type("subscribed")))
		w.ExpectNothing()
	})
}
