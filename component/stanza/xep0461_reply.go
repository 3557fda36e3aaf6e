package stanza

import "gatehouse/component/wire"

// RepliesNamespace is that of replies (XEP-0461).
const RepliesNamespace = "urn:xmpp:reply:0"

// A Reply says which message this one answers, and whose.
type Reply struct{ ID, To string }

// WriteXML implements wire.Payload.
func (r Reply) WriteXML(w *wire.Writer) {
	w.Start(RepliesNamespace, "reply")
	if r.To != "" {
		w.Attr("to", r.To)
	}
	w.Attr("id", r.ID)
	w.End()
}
