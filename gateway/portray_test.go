package gateway_test

import (
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// Portrays implements transport.Portraying.
func (l *link) Portrays() bool {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return l.network.portrays
}

// Portray implements transport.Portraying.
func (l *link) Portray(f transport.Face) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.call("portray", f.Name, f.Picture)
}

func TestTheNetworkIsShownWhoTheUserIs(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.pass(2 * time.Hour)
		w.ExpectNothing() // without their wish nobody asks about them
		w.verona.change(func() { w.verona.portrays, w.verona.calls = true, nil })
		reads := func(card, avatar string) {
			t.Helper()
			q := w.Expect(IQ(From(verona), To(romeo), Type("get"), Has("{vcard-temp}vCard")))
			w.says(romeo, `<iq to='%s' type='result' id='%s'><vCard xmlns='vcard-temp'>%s</vCard></iq>`, verona, q.ID, card)
			q = w.Expect(IQ(From(verona), To(romeo), Type("get"), Has("{http://jabber.org/protocol/pubsub}pubsub/items@node", "urn:xmpp:avatar:metadata")))
			w.says(romeo, `<iq to='%s' type='result' id='%s'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'>
				<item id='abc'><metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='1' id='abc' type='image/png'/>%s</metadata></item></items></pubsub></iq>`, verona, q.ID, avatar)
			w.settle()
		}
		w.pass(31 * time.Second)
		reads("<FN>Romeo&#10; Montague</FN><NICKNAME>romeo</NICKNAME>", "<info bytes='1' id='abd' type='image/png' url='https://example.org/romeo.png'/>")
		w.verona.called(t, "portray Romeo Montague https://example.org/romeo.png")
		w.pass(30 * time.Minute)
		w.ExpectNothing()
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='vcard-temp:x:update'><photo>abc</photo></x></presence>`, garden) // he has another avatar
		reads("<NICKNAME>romeo</NICKNAME>", "<info bytes='1' id='abe' type='image/png' url='javascript:x'/>")
		w.verona.called(t, "portray romeo")
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='vcard-temp:x:update'><photo>abc</photo></x></presence>`, garden)
		w.pass(30 * time.Minute)
		w.ExpectNothing()
		w.pass(31 * time.Minute)
		w.Expect(IQ(To(romeo), Has("{vcard-temp}vCard")))
	})
}
