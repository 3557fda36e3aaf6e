package gateway_test

import (
	"testing"
	"testing/synctest"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

func TestUserWhomTheOperatorNamedIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.open, w.store = true, newMemory()
		w.start()
		w.settle()
		w.Skip()
		w.asks(orchard, "get", phones, aboutMe)
		w.Expect(result(phones, orchard, Has("query/registered"), Has("query/phone")))
		w.phones.refuses("unregister", &transport.Error{Reason: transport.NotAllowed, Text: "ask the operator"})
		w.asks(orchard, "set", phones, remove)
		w.Expect(answer(phones, orchard, StanzaError("cancel", "not-allowed"), Has("error/text", "ask the operator")))
		w.ExpectNothing()
	})
}

func TestPasswordThatIsKnownNeedNotBeGivenAgain(t *testing.T) {
	openStory(t, func(t *testing.T, w *world) {
		w.asks(orchard, "set", phones, filledIn("phone=123", "password=wherefore"))
		w.settle()
		w.Skip()
		w.asks(orchard, "get", phones, aboutMe)
		form := w.Expect(result(phones, orchard, Has("query/registered"), Has("query/x/field/desc", "One is set: leave this empty to keep it.")))
		if needed := Values(form, "query/x/field/required"); len(needed) != 1 {
			t.Errorf("%d fields have to be filled in, want the phone alone", len(needed))
		}
		for _, shown := range Values(form, "query/x/field/value") {
			if shown == "wherefore" {
				t.Error("the password is shown")
			}
		}
		w.asks(orchard, "set", phones, filledIn("phone=456", "password="))
		w.settle()
		if a, _ := w.account(phones); a.Settings["phone"] != "456" || a.Settings["password"] != "wherefore" {
			t.Errorf("kept: %v", a.Settings)
		}
	})
}

func TestNobodyRegistersWhereTheOperatorNamesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.open, w.store = true, newMemory()
		w.phones.info.Closed = true
		w.start()
		w.settle()
		w.Skip()
		w.asks(orchard, "get", phones, discoInfo)
		w.Expect(result(phones, orchard, Custom("no registration", func(r stanza.Received) string {
			for _, feature := range Values(r, "query/feature@var") {
				if feature == "jabber:iq:register" {
					return "it is offered"
				}
			}
			return ""
		})))
		w.asks(orchard, "get", phones, aboutMe) // he is named
		w.Expect(result(phones, orchard, Has("query/registered"), Has("query/phone")))
	})
}
