package stanza

import "gatehouse/component/wire"

// ReceiptsNamespace is that of delivery receipts (XEP-0184).
const ReceiptsNamespace = "urn:xmpp:receipts"

// Receipt says that a message was delivered.
type Receipt struct{ ID string }

// WriteXML implements wire.Payload.
func (r Receipt) WriteXML(w *wire.Writer) {
	w.Start(ReceiptsNamespace, "received")
	w.Attr("id", r.ID)
	w.End()
}

// WantsReceipt says that the sender asks for one. Without an id there can be
// none (XEP-0184 §5.3), and a receipt never gets one.
func (s Received) WantsReceipt() bool {
	return s.ID != "" && s.Child(ReceiptsNamespace, "request") != nil
}
