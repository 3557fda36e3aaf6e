package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// grantsActing has romeo's server let verona act for its users, in the way in
// which Prosody says it: each namespace in the one before.
func (w *world) grantsActing() {
	w.t.Helper()
	w.Send(fmt.Sprintf(`<message from='example.org' to='%s'><privilege xmlns='urn:xmpp:privilege:2'><perm access='iq'>
		<namespace ns='urn:xmpp:other' type='get'><namespace ns='http://jabber.org/protocol/pubsub' type='both'/></namespace></perm></privilege></message>`, verona))
	w.settle()
}

const wrapped = "{urn:xmpp:privilege:2}privileged_iq/{jabber:client}iq"

// acted expects an iq in romeo's name, and answers it with the payload.
func (w *world) acted(typ, answer string, m ...Matcher) stanza.Received {
	w.t.Helper()
	st := w.Expect(IQ(append(m, From(verona), To(romeo), Type(typ), Has(wrapped+"@type", typ), Has(wrapped+"/{http://jabber.org/protocol/pubsub}pubsub"))...))
	inner := `<iq xmlns='jabber:client' type='result' from='romeo@example.org' to='romeo@example.org' id='x'>` + answer + `</iq>`
	if answer == "error" {
		w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='error' id='%s'><error type='cancel'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`, romeo, verona, st.ID))
		return st
	}
	w.Send(fmt.Sprintf(`<iq from='%s' to='%s' type='result' id='%s'><privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>%s</forwarded></privilege></iq>`, romeo, verona, st.ID, inner))
	return st
}

func displayedItem(id string) string {
	return fmt.Sprintf(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:mds:displayed:0'><item id='%s'>
		<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='%[1]s' id='%s'/></displayed></item></items></pubsub>`, garden, id)
}

func TestRoomsReadElsewhereAreMarkedForTheUsersOwnClients(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.verona.carry(everything)
		w.verona.enters(inGarden, member("juliet"))
		w.joins(orchard, garden, "romeo")
		w.verona.called(t, "open "+romeo, "join #garden romeo")
		begun := time.Now().UTC().Truncate(time.Second)
		at := func(n int) time.Time { return begun.Add(time.Duration(n)*time.Second + 123*time.Millisecond) }
		for n, id := range []transport.MessageID{"a1", "a2", "a3"} {
			w.pass(time.Second)
			w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{ID: id, Chat: inGarden, Nick: "juliet", Text: "line " + string(id), Sent: at(n)}})
			w.Expect(Message(From(garden+"/juliet"), Has("{urn:xmpp:chat-markers:0}markable"), Has("stanza-id@id", string(id))))
		}
		read := func(last transport.MessageID, t time.Time) {
			w.verona.tells(romeo, transport.DisplayedElsewhere{Chat: inGarden, At: t, Last: last})
		}

		read("a2", at(1)) // nobody is told where the server grants nothing
		w.ExpectNothing()
		w.grantsActing()
		const item = wrapped + "/pubsub/publish/item"
		published := func(id string) {
			t.Helper()
			w.acted("set", "", Has(wrapped+"/pubsub/publish@node", "urn:xmpp:mds:displayed:0"), Has(item+"@id", garden),
				Has(item+"/{urn:xmpp:mds:displayed:0}displayed/{urn:xmpp:sid:0}stanza-id@by", garden),
				Has(item+"/displayed/stanza-id@id", id))
		}
		read("a2", at(1))
		w.acted("get", "error", Has(wrapped+"/pubsub/items/item@id", garden)) // no node yet
		published("a2")
		read("a2", at(1))
		w.acted("get", displayedItem("a2"))
		read("", time.Now())
		w.acted("get", displayedItem("a2"))
		published("a3")
		w.ExpectNothing()
		w.verona.callsOf("")
		read("a1", at(0)) // the user has read further here
		w.acted("get", displayedItem("a3"))
		w.settle()
		w.ExpectNothing()
		read("", time.Time{})
		w.acted("get", displayedItem("a2"))
		w.settle()
		read("", time.Time{})
		w.acted("get", `<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:mds:displayed:0'/></pubsub>`)
		w.settle()
		w.ExpectNothing()
		w.verona.called(t, "displayed #garden a3", "displayed #garden a2")
		w.says(orchard, `<message to='%s' type='groupchat' id='d1'><displayed xmlns='urn:xmpp:chat-markers:0' id='a2'/></message>`, garden)
		w.settle()
		w.ExpectNothing() // reflected to nobody
		w.verona.called(t, "displayed #garden a2")
	})
}
