package gateway_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// An openNetwork knows no users beforehand.
type openNetwork struct {
	transport.Network
	transport.Configurable
	transport.Commander
}

// A registrar is a network with a form: for a number and a password.
type registrar struct{ *network }

// enrolling has verona ask nothing, and the phones ask for something.
func enrolling(n *network) transport.Network {
	if n.info.Durable {
		return registrar{n}
	}
	return openNetwork{n, n, n}
}

func (r registrar) RegistrationForm(_ context.Context, _ string, settings map[string]string) (transport.Form, error) {
	form := transport.Form{Title: "Phones", Instructions: "Give your number.", Fields: []transport.Field{
		{Name: "phone", Label: "Your number", Required: true}, {Name: "password", Label: "Its password", Type: transport.Hidden, Required: true},
	}}
	if settings != nil {
		form.Fields[0].Values = []string{settings["phone"]}
	}
	return form, nil
}

func (r registrar) Register(_ context.Context, user string, v transport.Values) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refused["register"]; err != nil {
		return nil, err
	}
	r.calls = append(r.calls, "register "+user+" "+v.Get("phone")+" "+v.Get("password"))
	return map[string]string{"phone": v.Get("phone"), "password": v.Get("password")}, nil
}

func (r registrar) Unregister(_ context.Context, a transport.Account) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, "unregister "+a.User+" "+a.Settings["phone"])
	return r.refused["unregister"]
}

func openStory(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.open, w.phones.users = true, nil
		w.store = newMemory()
		w.start()
		tell(t, w)
	})
}

const (
	aboutMe = `<query xmlns='jabber:iq:register'/>`
	remove  = `<query xmlns='jabber:iq:register'><remove/></query>`
)

func filledIn(fields ...string) string {
	return `<query xmlns='jabber:iq:register'>` + filled(fields...) + `</query>`
}

func (w *world) account(component string) (transport.Account, bool) {
	w.t.Helper()
	a, found, err := w.store.Accounts().Get(context.Background(), component, romeo)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, found
}

func subscription(from, typ string) Matcher { return Presence(From(from), To(romeo), Type(typ)) }

func TestPeopleRegisterWithAForm(t *testing.T) {
	openStory(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", phones, discoInfo)
		w.Expect(result(phones, orchard, Has("query/feature@var", "jabber:iq:register")))
		w.asks(orchard, "get", phones, aboutMe)
		w.Expect(result(phones, orchard, HasNot("query/registered"), Has("query/instructions", "Give your number."),
			Has("query/phone"), Has("query/password"), Has("query/x/field/value", "jabber:iq:register"), Has("query/x/field/required")))
		w.asks(orchard, "set", phones, filledIn("phone=123"))
		w.Expect(answer(phones, orchard, StanzaError("modify", "not-acceptable")))
		w.phones.refuses("register", because(transport.NotAuthorized))
		w.asks(orchard, "set", phones, filledIn("phone=123", "password=wrong"))
		w.Expect(answer(phones, orchard, StanzaError("modify", "not-acceptable"), Has("error/text", "so it is")))
		w.phones.refuses("register", because(transport.Conflict))
		w.asks(orchard, "set", phones, filledIn("phone=123", "password=taken"))
		w.Expect(answer(phones, orchard, StanzaError("cancel", "conflict")))
		w.phones.refuses("register", nil)
		if _, found := w.account(phones); found {
			t.Error("there is an account although the network refused it")
		}

		t.Log("elements do as well as a form")
		w.asks(orchard, "set", phones, `<query xmlns='jabber:iq:register'><phone>123</phone><password>secret</password></query>`)
		w.Expect(result(phones, orchard, HasNot("query")))
		w.Expect(subscription(phones, "subscribe"))
		w.says(orchard, `<presence to='%s' type='subscribed'/>`, phones)
		w.settle()
		if diff := cmp.Diff(map[string]string{"phone": "123", "password": "secret"}, must(w.account(phones)).Settings); diff != "" {
			t.Error(diff)
		}
		w.phones.called(t, "open "+romeo, "register "+romeo+" 123 secret", "close Your registration changed", "open "+romeo+" password secret phone 123")

		t.Log("what is changed is known, and an empty password is kept")
		w.asks(orchard, "get", phones, aboutMe)
		w.Expect(result(phones, orchard, Has("query/registered"), Has("query/phone", "123"), Has("query/password", ""), HasNot("query/x/field/value/secret")))
		w.asks(orchard, "set", phones, filledIn("phone=456", "password="))
		w.Expect(result(phones, orchard))
		w.settle()
		w.phones.called(t, "register "+romeo+" 456 secret", "close Your registration changed", "open "+romeo+" password secret phone 456")
		w.ExpectNothing()
	})
}

func must(a transport.Account, found bool) transport.Account {
	if !found {
		panic("there is no account")
	}
	return a
}

func TestARegistrationIsUsedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.open, w.phones.users, w.store = true, nil, newMemory()
		account := transport.Account{User: romeo, Settings: map[string]string{"phone": "123"}}
		if err := w.store.Accounts().Set(context.Background(), phones, account); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.phones.called(t, "open "+romeo+" phone 123")
	})
}

func TestWhoUnregistersIsForgotten(t *testing.T) {
	openStory(t, func(t *testing.T, w *world) {
		var forgotten atomic.Value
		w.forgets = func(component, user string) { forgotten.Store(component + " " + user) }
		w.asks(orchard, "set", phones, remove)
		w.Expect(answer(phones, orchard, StanzaError("auth", "registration-required")))
		w.asks(orchard, "set", phones, filledIn("phone=123", "password=secret"))
		w.Expect(result(phones, orchard))
		w.Expect(subscription(phones, "subscribe"))
		for _, to := range []string{phones, phone} {
			w.says(orchard, `<presence to='%s' type='subscribe'/>`, to)
			w.says(orchard, `<presence to='%s' type='subscribed'/>`, to)
		}
		w.settle()
		w.Skip()
		w.asks(orchard, "set", phones, `<query xmlns='jabber:iq:register'><remove/><phone/></query>`)
		w.Expect(answer(phones, orchard, StanzaError("modify", "bad-request")))
		w.phones.refuses("unregister", because(transport.Unreachable))
		w.asks(orchard, "set", phones, remove)
		w.Expect(answer(phones, orchard, StanzaError("wait", "remote-server-timeout")))
		w.phones.refuses("unregister", nil)
		w.settle()
		w.phones.called(t, "open "+romeo, "register "+romeo+" 123 secret", "close Your registration changed", "open "+romeo+" password secret phone 123",
			"watch "+number, "unregister "+romeo+" 123")

		w.asks(orchard, "set", phones, remove)
		w.Expect(result(phones, orchard))
		if got := forgotten.Load(); got != phones+" "+romeo {
			t.Errorf("forgotten elsewhere: %v", got)
		}
		w.Expect(subscription(phones, "unsubscribe"))
		w.Expect(subscription(phones, "unsubscribed"))
		w.Expect(subscription(phones, "unavailable"))
		w.Expect(subscription(phone, "unsubscribe"))
		w.Expect(subscription(phone, "unsubscribed"))
		w.Expect(Presence(From(phone+"/phone"), To(romeo), Type("unavailable")))
		w.ExpectNothing()
		w.phones.called(t, "unregister "+romeo+" 123", "close You ended your registration")
		if _, found := w.account(phones); found {
			t.Error("the account is still there")
		}
		if subs, err := w.store.Subscriptions().OfUser(context.Background(), phones, romeo); err != nil || len(subs) > 0 {
			t.Errorf("subscriptions: %v, %v", subs, err)
		}
		w.asks(orchard, "set", phones, remove)
		w.Expect(answer(phones, orchard, StanzaError("auth", "registration-required")))
	})
}

// Where nothing is asked, registering makes the gateway a contact, and
// unregistering deletes what was set and ends what is open.
func TestRegisteringWhereNothingIsAsked(t *testing.T) {
	openStory(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", verona, aboutMe)
		w.Expect(result(verona, orchard, HasNot("query/registered"), Has("query/instructions"), HasNot("query/x")))
		w.asks(orchard, "set", verona, aboutMe)
		w.Expect(result(verona, orchard))
		w.Expect(subscription(verona, "subscribe"))
		w.asks(orchard, "get", verona, aboutMe)
		w.Expect(result(verona, orchard, Has("query/registered")))

		w.joins(orchard, garden, "romeo")
		session := w.starts(orchard, garden, "configure")
		w.executes(orchard, garden, "configure", session+"|"+filled("charset=latin-1"))
		w.Expect(completed(orchard, garden, "configure"))
		w.asks(orchard, "set", verona, remove)
		w.Expect(gone(orchard, garden, "romeo", Has("status", "You ended your registration")))
		w.Expect(result(verona, orchard))
		w.Expect(subscription(verona, "unsubscribe"))
		w.Expect(subscription(verona, "unsubscribed"))
		w.Expect(subscription(verona, "unavailable"))
		if v := w.stored(inGarden); v != nil {
			t.Errorf("still stored: %v", v)
		}
		w.pass(time.Second)
		w.joins(orchard, garden, "romeo") // as a new user

		t.Log("settings are reason enough to be forgotten")
		w.says(mercutio, `<message to='%s' type='chat'><body>set length 42</body></message>`, verona)
		w.Expect(Message(To(mercutio), Body("Saved.")))
		w.asks(mercutio, "set", verona, remove)
		w.Expect(result(verona, mercutio))
	})
}

func TestRegistrationByCommandAndInAChat(t *testing.T) {
	openStory(t, func(t *testing.T, w *world) {
		w.executes(orchard, phones, "register", "")
		got := w.Expect(asking(orchard, phones, "register", Has("command/x/field@var", "phone")))
		w.executes(orchard, phones, "register", sessionOf(got)+"|"+filled("phone=123", "password=secret"))
		w.Expect(completed(orchard, phones, "register"))
		w.Expect(subscription(phones, "subscribe"))
		w.says(orchard, `<message to='%s' type='chat'><body>unregister</body></message>`, phones)
		w.Expect(Message(From(phones), To(orchard), Body("*")))
		w.settle()
		w.Skip()
		if _, found := w.account(phones); found {
			t.Error("the account is still there")
		}
		w.says(orchard, `<message to='%s' type='chat'><body>register phone=456 password=a b</body></message>`, phones)
		w.Expect(Message(From(phones), To(orchard), Body("You are registered.")))
		if a := must(w.account(phones)); a.Settings["password"] != "a b" {
			t.Errorf("registered with %v", a.Settings)
		}
	})
}

func TestOnlyTheOperatorRegistersWhereUsersAreNamed(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", phones, aboutMe)
		w.Expect(answer(phones, orchard, StanzaError("cancel", "service-unavailable")))
		w.asks(orchard, "get", phones, discoInfo)
		w.Expect(result(phones, orchard, HasNot("query/feature@var=jabber:iq:register")))
	})
}

func TestThePromptGivesAnAddress(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.asks(orchard, "get", phones, `<query xmlns='jabber:iq:gateway'/>`)
		w.Expect(result(phones, orchard, Has("query/desc", "Which number?"), Has("query/prompt")))
		for language, want := range map[string]string{"it": "Quale numero?", "it-CH": "Quale numero?", "de": "Which number?"} {
			w.says(orchard, `<iq to='%s' type='get' id='ask' xml:lang='%s'><query xmlns='jabber:iq:gateway'/></iq>`, phones, language)
			w.Expect(result(phones, orchard, Has("query/desc", want)))
		}
		w.says(orchard, `<iq to='%s' type='get' id='ask' xml:lang='de-AT'><query xmlns='jabber:iq:gateway'/></iq>`, verona)
		w.Expect(result(verona, orchard, Has("query/desc", "Geben Sie eine Adresse ein.")))
		prompt := func(text string) {
			w.asks(orchard, "set", phones, `<query xmlns='jabber:iq:gateway'><prompt>`+text+`</prompt></query>`)
		}
		prompt(" " + number + " ")
		w.Expect(result(phones, orchard, Has("query/jid", phone)))
		prompt("two words")
		w.Expect(answer(phones, orchard, StanzaError("modify", "not-acceptable"), Has("error/text", "an address has no spaces")))
		prompt("the_nurse") // as it is not spelled in a JID
		w.Expect(result(phones, orchard, Has("query/jid", "the-nurse@"+phones), Has("query/prompt", "the-nurse@"+phones)))
		prompt("0555") // a number of romeo's own country
		w.Expect(result(phones, orchard, Has("query/jid", "+39555@"+phones)))
		w.asks(orchard, "get", phone, `<query xmlns='jabber:iq:gateway'/>`)
		w.Expect(answer(phone, orchard, StanzaError("cancel", "service-unavailable")))
	})
}
