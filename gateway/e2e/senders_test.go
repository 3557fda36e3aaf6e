package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

func TestSendersThatAreNoPhonesOnProsody(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	sendersThatAreNoPhones(t, w)
}

func TestSendersThatAreNoPhonesOnEjabberd(t *testing.T) {
	w := newWorld(t)
	w.onEjabberd(servers.EjabberdOptions{})
	sendersThatAreNoPhones(t, w)
}

// sendersThatAreNoPhones tells of those whose addresses have semicolons, equals
// signs, spaces and marks in them.
func sendersThatAreNoPhones(t *testing.T, w *world) {
	w.start(w.sms(""))
	romeo := w.logIn("romeo", "orchard")
	const context = ";phone-context="
	for _, sender := range []struct{ from, jid, name string }{
		{"My Bank", `my\20bank` + context + "alphanumeric", "My Bank"},
		{"A&B's/Co", `a\26b\27s\2fco` + context + "alphanumeric", "A&B's/Co"},
		{"Grüße", "gr%c3%bcsse" + context + "alphanumeric", "Grüße"},
	} {
		w.simulatedText(sender.from, "Your code is 4711")
		text := romeo.gets(message, from(sender.jid+"@"+smsHost), typed("chat"), body("Your code is 4711"))
		info := romeo.asks(text.From(), "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
		if info.Type() != "result" {
			t.Errorf("disco of %s: %s", text.From(), info)
		}
		card := romeo.asks(text.From(), "get", `<vCard xmlns="vcard-temp"/>`)
		if got := card.Find("vCard", "FN"); got == nil || got.Text != sender.name {
			t.Errorf("the card of %s: %s", text.From(), card)
		}
		romeo.says(text.From(), "chat", "r-"+sender.from[:1], "who are you?", "")
		refused := romeo.gets(message, from(text.From()), typed("error"), id("r-"+sender.from[:1]), condition("not-allowed"))
		if why := refused.Find("error", "text"); why == nil || !strings.Contains(why.Text, "a name, not a number") {
			t.Errorf("the reply is refused with %s", refused)
		}
	}
	w.simulatedText("My Bank", "again")
	romeo.gets(message, from(`my\20bank`+context+"alphanumeric@"+smsHost), body("again"), has("nick"))

	const code = "32665" + context + "us@" + smsHost
	w.simulatedText("32665", "Reply YES to confirm")
	romeo.gets(message, from(code), body("Reply YES to confirm"))
	romeo.says(code, "chat", "y", "YES", wantsReceipt)
	w.simulatedGets("32665", "YES")
	romeo.gets(message, from(code), has("received"))
	romeo.says("32665;phone-context=ca-us.phone-context.soprani.ca@"+smsHost, "chat", "z", "YES", "")
	moved := romeo.gets(message, typed("error"), id("z"), condition("gone"))
	if got := moved.Find("error", "gone").Text; !strings.HasPrefix(got, "xmpp:32665") {
		t.Errorf("the other spelling leads to %s", got)
	}

	romeo.joins(family, "Romeo")
	w.simulatedText(cousin, "to the group", friend)
	romeo.gets(message, from(family+"/"+cousin), typed("groupchat"), body("to the group"))

	w.simulatedText("", "guess who")
	romeo.gets(message, from("anonymous@"+smsHost), body("guess who"))
	romeo.says("anonymous@"+smsHost, "chat", "a", "who is it?", "")
	romeo.gets(message, from("anonymous@"+smsHost), typed("error"), id("a"), condition("not-allowed"))
}
