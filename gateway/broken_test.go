package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func TestThatTheNetworkTakesTheCredentialsNoMoreIsShownAndWhenItDoesAgain(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		lost := transport.LinkDown{Err: &transport.Error{Reason: transport.NotAuthorized, Text: "register again"}}
		w.phones.tells(romeo, lost) // who does not see the gateway is shown nothing
		w.ExpectNothing()
		w.phones.tells(romeo, transport.LinkUp{})
		w.says(romeo, `<presence type='subscribe' to='%s'/>`, phones)
		w.settle()
		w.Skip()
		w.phones.tells(romeo, lost)
		w.Expect(bare(phones, "error", Has("error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-authorized"), Has("error/text", "register again")))
		w.says(orchard, `<presence type='probe' to='%s'/>`, phones)
		w.Expect(Presence(From(phones), Type("error"), Has("error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-authorized")))
		w.phones.tells(romeo, transport.LinkUp{})
		w.Expect(bare(phones, ""))
		w.phones.tells(romeo, transport.LinkUp{}) // which is no news
		w.ExpectNothing()
	})
}
