package stanza

import "gatehouse/component/wire"

// CorrectionNamespace is that of corrections (XEP-0308).
const CorrectionNamespace = "urn:xmpp:message-correct:0"

// Replace says which message this one takes the place of: by the id of its
// stanza, in rooms too (XEP-0308 §3).
type Replace string

// WriteXML implements wire.Payload.
func (r Replace) WriteXML(w *wire.Writer) {
	w.Start(CorrectionNamespace, "replace")
	w.Attr("id", string(r))
	w.End()
}
