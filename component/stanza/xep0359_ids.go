package stanza

import (
	"gatehouse/component/jid"
	"gatehouse/component/wire"
)

// IDsNamespace is that of unique and stable stanza ids (XEP-0359).
const IDsNamespace = "urn:xmpp:sid:0"

// StanzaID is the name that By gave a message.
type StanzaID struct {
	ID string
	By jid.JID
}

// WriteXML implements wire.Payload.
func (i StanzaID) WriteXML(w *wire.Writer) {
	w.Start(IDsNamespace, "stanza-id")
	w.Attr("id", i.ID)
	w.JIDAttr("by", i.By)
	w.End()
}

// OriginID is the name that its sender's client gave a message.
type OriginID string

// WriteXML implements wire.Payload.
func (i OriginID) WriteXML(w *wire.Writer) {
	w.Start(IDsNamespace, "origin-id")
	w.Attr("id", string(i))
	w.End()
}

// ReadOriginID gives the sender's own id of the message, or "".
func (s Received) ReadOriginID() string {
	if o := s.Child(IDsNamespace, "origin-id"); o != nil {
		return o.Attr("id")
	}
	return ""
}
