package stanza

import "gatehouse/component/wire"

// OccupantIDNamespace is that of occupant identifiers (XEP-0421).
const OccupantIDNamespace = "urn:xmpp:occupant-id:0"

// OccupantID tells which person in a room a stanza is from, whatever their nick
// is now (XEP-0421 §3).
type OccupantID string

// WriteXML implements wire.Payload.
func (o OccupantID) WriteXML(w *wire.Writer) {
	w.Start(OccupantIDNamespace, "occupant-id")
	w.Attr("id", string(o))
	w.End()
}
