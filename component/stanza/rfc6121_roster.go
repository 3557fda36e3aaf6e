package stanza

import (
	"gatehouse/component/jid"
	"gatehouse/component/wire"
)

// RosterNamespace is that of rosters (RFC 6121 §2).
const RosterNamespace = "jabber:iq:roster"

// A Roster asks for one, or changes items of it.
type Roster []RosterItem

// A RosterItem is a contact in a user's roster.
type RosterItem struct {
	JID          jid.JID
	Name         string
	Subscription string // "none", "to", "from", "both", "remove"
	Groups       []string
}

// WriteXML implements wire.Payload.
func (r Roster) WriteXML(w *wire.Writer) {
	w.Start(RosterNamespace, "query")
	for _, i := range r {
		w.Start(RosterNamespace, "item")
		w.JIDAttr("jid", i.JID)
		if i.Name != "" {
			w.Attr("name", i.Name)
		}
		if i.Subscription != "" {
			w.Attr("subscription", i.Subscription)
		}
		for _, g := range i.Groups {
			writeText(w, RosterNamespace, "group", g)
		}
		w.End()
	}
	w.End()
}

// ReadRoster reads the items at one domain. What can't be an address is left
// out.
func ReadRoster(query *wire.Element, domain string) (r Roster) {
	if query == nil || query.Space != RosterNamespace {
		return nil
	}
	for e := range query.Children() {
		address, err := jid.ParsePrepared(e.Attr("jid"))
		if e.Name != "item" || err != nil || address.Domain != domain {
			continue
		}
		i := RosterItem{JID: address.Bare(), Name: e.Attr("name"), Subscription: e.Attr("subscription")}
		for g := range e.Children() {
			if g.Name == "group" {
				i.Groups = append(i.Groups, g.Content())
			}
		}
		r = append(r, i)
	}
	return r
}
