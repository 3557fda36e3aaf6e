package stanza

import "gatehouse/component/wire"

// Namespaces of service discovery (XEP-0030).
const (
	DiscoInfoNamespace  = "http://jabber.org/protocol/disco#info"
	DiscoItemsNamespace = "http://jabber.org/protocol/disco#items"
)

// An Identity says what kind of thing an address is (XEP-0030 §3.1).
type Identity struct{ Category, Type, Name string }

// DiscoInfo answers what an address is and can do.
type DiscoInfo struct {
	Node       string
	Identities []Identity
	Features   []string
	Forms      []Form // XEP-0128
}

// WriteXML implements wire.Payload.
func (d DiscoInfo) WriteXML(w *wire.Writer) {
	w.Start(DiscoInfoNamespace, "query")
	if d.Node != "" {
		w.Attr("node", d.Node)
	}
	for _, i := range d.Identities {
		w.Start(DiscoInfoNamespace, "identity")
		w.Attr("category", i.Category)
		w.Attr("type", i.Type)
		if i.Name != "" {
			w.Attr("name", i.Name)
		}
		w.End()
	}
	for _, f := range d.Features {
		w.Start(DiscoInfoNamespace, "feature")
		w.Attr("var", f)
		w.End()
	}
	for _, f := range d.Forms {
		f.WriteXML(w)
	}
	w.End()
}

// An Item is something that belongs to an address.
type Item struct{ JID, Node, Name string }

// DiscoItems answers what belongs to an address.
type DiscoItems struct {
	Node  string
	Items []Item
	Page  *Page // XEP-0059; nil: these are all
}

// WriteXML implements wire.Payload.
func (d DiscoItems) WriteXML(w *wire.Writer) {
	w.Start(DiscoItemsNamespace, "query")
	if d.Node != "" {
		w.Attr("node", d.Node)
	}
	for _, i := range d.Items {
		w.Start(DiscoItemsNamespace, "item")
		w.Attr("jid", i.JID)
		if i.Node != "" {
			w.Attr("node", i.Node)
		}
		if i.Name != "" {
			w.Attr("name", i.Name)
		}
		w.End()
	}
	if d.Page != nil {
		d.Page.WriteXML(w)
	}
	w.End()
}
