package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

func TestWhatIsSaidAsideIsTheOccupants(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		aside := func(room transport.Address) {
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Room: room, Text: "psst"}})
		}
		const muc = "{http://jabber.org/protocol/muc#user}x"
		twoClients(w)
		w.settle()
		w.Skip()
		aside(inGarden)
		one := func(to string) Matcher {
			return Message(From(garden+"/juliet"), To(to), Type("chat"), Body("psst"), Has(muc), Has("{urn:xmpp:occupant-id:0}occupant-id"))
		}
		w.ExpectInAnyOrder(one(orchard), one(cell))
		aside("#elsewhere")
		w.Expect(Message(From("juliet@"+verona), To(romeo), Type("chat"), Body("psst"), HasNot(muc)))
		w.ExpectNothing()
	})
}
