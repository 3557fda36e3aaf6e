package gateway_test

import (
	"testing"

	"gatehouse/gateway/transport"
)

// What was done with a stanza before it had to wait is not done once more.
func TestAnInvitationThatWaitsIsSentOnce(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.carry(transport.CarriesActions)
		w.verona.prefers.Corrections = transport.CorrectByDiff
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='juliet@%s' type='chat' id='p1'><body>hire</body></message>`, verona)
		w.settle()
		w.Skip()
		gate := make(chan struct{})
		w.verona.change(func() { w.verona.considers, w.verona.calls = gate, nil })
		w.says(orchard, `<message to='juliet@%s' type='chat' id='p2'><body>here</body><replace xmlns='urn:xmpp:message-correct:0' id='p1'/></message>`, verona)
		w.says(orchard, `<message to='juliet@%s' id='p3'><x xmlns='jabber:x:conference' jid='%s'/></message>`, verona, garden)
		w.settle()
		close(gate)
		w.settle()
		w.verona.called(t, "invite #garden  juliet", "send juliet  * here")
	})
}
