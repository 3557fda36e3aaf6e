package stanza

import "gatehouse/component/wire"

// HatsNamespace is that of hats (XEP-0317).
const HatsNamespace = "urn:xmpp:hats:0"

// A Hat is what somebody in a room is beside role and affiliation.
type Hat struct{ URI, Title string }

// Hats are all that somebody wears.
type Hats []Hat

// WriteXML implements wire.Payload.
func (h Hats) WriteXML(w *wire.Writer) {
	w.Start(HatsNamespace, "hats")
	for _, hat := range h {
		w.Start(HatsNamespace, "hat")
		w.Attr("uri", hat.URI)
		w.Attr("title", hat.Title)
		w.AttrNS("xml", "lang", "en")
		w.End()
	}
	w.End()
}
