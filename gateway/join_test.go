package gateway_test

import (
	"testing"

	. "gatehouse/component/componenttest"
)

func TestJoinShowsOccupantsThenOneselfThenTheSubject(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.enters(inGarden, member("juliet"))
		w.asksToJoin(orchard, garden, "romeo")
		w.Expect(XML(`<presence from='#garden@verona.example.org/juliet' to='romeo@example.org/orchard'>
			<x xmlns='http://jabber.org/protocol/muc#user'>
				<item affiliation='none' role='participant' jid='juliet@verona.example.org/capulet.example'/>
			</x></presence>`))
		w.Expect(XML(`<presence from='#garden@verona.example.org/romeo' to='romeo@example.org/orchard'>
			<x xmlns='http://jabber.org/protocol/muc#user'>
				<item affiliation='none' role='participant' jid='romeo@example.org/orchard'/>
				<status code='110'/>
			</x></presence>`))
		w.Expect(XML(`<message from='#garden@verona.example.org' to='romeo@example.org/orchard' type='groupchat' id='*'><subject/></message>`))
		w.ExpectNothing()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
	})
}
