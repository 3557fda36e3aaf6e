package stanza

import "gatehouse/component/wire"

// MarkersNamespace is that of displayed markers (XEP-0333).
const MarkersNamespace = "urn:xmpp:chat-markers:0"

// Displayed says that a message and all before it were seen.
type Displayed string

// WriteXML implements wire.Payload.
func (d Displayed) WriteXML(w *wire.Writer) {
	w.Start(MarkersNamespace, "displayed")
	w.Attr("id", string(d))
	w.End()
}
