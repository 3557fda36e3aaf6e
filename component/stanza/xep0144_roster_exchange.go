package stanza

import "gatehouse/component/wire"

// RosterExchangeNamespace is that of suggestions for a roster (XEP-0144).
const RosterExchangeNamespace = "http://jabber.org/protocol/rosterx"

// A RosterExchange suggests contacts to a client, which asks its user. All are
// to be added: additions are not mixed with other changes (XEP-0144 §3).
type RosterExchange []RosterItem

// WriteXML implements wire.Payload.
func (r RosterExchange) WriteXML(w *wire.Writer) {
	w.Start(RosterExchangeNamespace, "x")
	for _, i := range r {
		w.Start(RosterExchangeNamespace, "item")
		w.Attr("action", "add")
		w.JIDAttr("jid", i.JID)
		if i.Name != "" {
			w.Attr("name", i.Name)
		}
		for _, g := range i.Groups {
			writeText(w, RosterExchangeNamespace, "group", g)
		}
		w.End()
	}
	w.End()
}
