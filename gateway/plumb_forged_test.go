package gateway_test

import (
	"testing"

	"gatehouse/gateway/transport"
)

// A line end of any kind begins a line, which without a name could be taken for
// another's.
func TestNobodySpeaksAsAnotherBehindALineEnd(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		for _, end := range []string{"&#13;", "&#13;&#10;", "&#x2028;", "&#x2029;", "&#x85;"} {
			c.hears("nurse", "m"+end[2:4], "<body>one"+end+"&lt;romeo&gt; two</body>")
			w.saidIs(end, "<nurse> one\n<nurse> <romeo> two")
		}
		c.hears("a&gt; Yes &lt;b", "m9", "<body>No</body>")
		w.saidIs("brackets in a nick", "<a› Yes ‹b> No")
	})
}

// Where a room gives no occupant ids, its people may send any (XEP-0421 §4).
func TestNobodyCorrectsAnotherByAForgedOccupantID(t *testing.T) {
	plumbStory(t, func(w *world) {
		c := w.plumbs()
		w.verona.carry(everything | transport.CarriesNames)
		w.verona.nextID = "v1"
		c.hears("juliet", "m1", "<body>Ay me!</body>")
		correction := "<body>Villain!</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"
		for _, id := range []string{"juliet", "nick juliet"} {
			c.hears("nurse", "m2", correction+"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='"+id+"'/>")
			if n := w.verona.callsOf("correct"); n != 0 {
				t.Error("another's message was corrected")
			}
		}
		c.hears("juliet", "m3", correction)
		if n := w.verona.callsOf("correct"); n != 1 {
			t.Errorf("one's own was corrected %d times", n)
		}
	})
}
