package gateway_test

import (
	"slices"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

const (
	lookFor = `<query xmlns='jabber:iq:search'/>`
	items   = "{jabber:iq:search}query/item@jid"
)

func looking(text string) string {
	return `<query xmlns='jabber:iq:search'><nick>` + text + `</nick></query>`
}

func TestSearchFindsContactsByNameAndNumberAndPeopleOfTheHistory(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		w.phones.tells(romeo, transport.ContactChanged{Who: nurse, Name: "Angelica"})
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, friarPhone)
		w.store.Archive().Add(store.Archived{Component: phones, User: romeo, Chat: "+15550004444", Private: true, ID: "1", Text: "hush", At: time.Now()})
		w.store.Archive().Add(store.Archived{Component: phones, User: escalus, Chat: "+15550005555", Private: true, ID: "2", Text: "mine", At: time.Now()})
		w.settle()
		w.Skip()
		w.asks(orchard, "get", phones, lookFor)
		w.Expect(result(phones, orchard, Has("{jabber:iq:search}query/instructions"), Has("query/nick"), Has("query/{jabber:x:data}x/field@var", "nick")))
		for _, tt := range []struct {
			text string
			want []string
		}{
			{"angel", []string{nursePhone}},
			{"(0)555 000-3333", nil},
			{"+1 (555) 000-3333", []string{friarPhone}},
			{"000444", []string{"+15550004444@" + phones}},
			{"5555000", nil},
			{"rosaline", nil},
			{"", []string{phone, nursePhone, friarPhone, "+15550004444@" + phones}},
		} {
			w.asks(orchard, "set", phones, looking(tt.text))
			found := Values(w.Expect(result(phones, orchard)), items)
			if !sameOf(found, tt.want) {
				t.Errorf("%q finds %q, want %q", tt.text, found, tt.want)
			}
		}
		w.asks(orchard, "set", phones, `<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>jabber:iq:search</value></field><field var='nick'><value>Angelica</value></field></x></query>`)
		got := w.Expect(result(phones, orchard, Has("{jabber:iq:search}query/{jabber:x:data}x@type", "result"), Has("query/x/reported/field@var", "jid")))
		if v := Values(got, "query/x/item/field/value"); !sameOf(v, []string{nursePhone, "Angelica", nurse}) {
			t.Errorf("the item has %q", v)
		}
	})
}

func TestSearchIsForThoseWhomTheNetworkServes(t *testing.T) {
	pickyStory(t, nil, func(t *testing.T, w *world) {
		const info = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
		w.asks(orchard, "get", phones, info)
		w.Expect(result(phones, orchard, Has("query/feature@var", "jabber:iq:search")))
		w.asks(paris+"/x", "get", phones, info)
		if features := Values(w.Expect(result(phones, paris+"/x")), "query/feature@var"); slices.Contains(features, "jabber:iq:search") {
			t.Error("who can't search is told of it")
		}
		w.asks(paris+"/x", "set", phones, looking("nurse"))
		w.Expect(answer(phones, paris+"/x", StanzaError("cancel", "service-unavailable")))
		w.asks(orchard, "set", verona, looking("nurse"))
		w.Expect(answer(verona, orchard, StanzaError("cancel", "service-unavailable")))
	})
}

func TestContactsHaveTheNameThatCountsMostAndTheirNumber(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		card := func(name string) {
			t.Helper()
			w.asks(orchard, "get", nursePhone, `<vCard xmlns='vcard-temp'/>`)
			w.Expect(result(nursePhone, orchard, Has("{vcard-temp}vCard/FN", name), Has("vCard/TEL/NUMBER", nurse)))
			w.asks(orchard, "get", nursePhone, `<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>`)
			w.Expect(result(nursePhone, orchard, Has("{urn:ietf:params:xml:ns:vcard-4.0}vcard/fn/text", name), Has("vcard/tel/uri", "tel:"+nurse)))
		}
		card(nurse)
		w.phones.tells(romeo, transport.ContactChanged{Who: nurse, Name: "Angelica"})
		w.settle()
		card("Angelica")
		w.asks(orchard, "set", phones, `<command xmlns='http://jabber.org/protocol/commands' node='name-contact' action='execute'/>`)
		session := Values(w.Expect(result(phones, orchard, Has("command@status", "executing"))), "command@sessionid")[0]
		w.asks(orchard, "set", phones, `<command xmlns='http://jabber.org/protocol/commands' node='name-contact' sessionid='`+session+`'>`+filled("contact="+nurse, "name=Auntie")+`</command>`)
		w.Expect(result(phones, orchard, Has("command@status", "completed")))
		card("Auntie")
		w.says(orchard, `<message to='%s' type='chat'><body>name %s</body></message>`, phones, nurse)
		w.Expect(Message(From(phones)))
		w.says(orchard, `<message to='%s' type='chat'><body>name %s -</body></message>`, phones, nurse)
		w.Expect(Message(From(phones), Has("body", "You gave "+nurse+" no name.")))
		card("Angelica")
		w.says(orchard, `<message to='%s' type='chat'><body>name %s Mistress A</body></message>`, phones, nurse)
		w.Expect(Message(From(phones), Has("body")))
		card("Mistress A")
	})
}

// sameOf compares without regard to order.
func sameOf(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
