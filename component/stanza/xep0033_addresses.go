package stanza

import "gatehouse/component/wire"

// AddressNamespace is that of stanzas to several recipients (XEP-0033).
const AddressNamespace = "http://jabber.org/protocol/address"

// An Address is one of the addresses in a stanza. It has a JID or a URI.
type Address struct {
	Type      string // "to", "cc", "bcc", "replyto", "replyroom", "noreply", or what others may add
	JID       string
	URI       string
	Delivered bool // it has the stanza already (§4.5)
}

// Receives says that the stanza is for the address.
func (a Address) Receives() bool { return a.Type == "to" || a.Type == "cc" || a.Type == "bcc" }

// ReadAddresses reads the addresses; ok is false if there are none.
func (s Received) ReadAddresses() (all []Address, ok bool) {
	x := s.Child(AddressNamespace, "addresses")
	if x == nil {
		return nil, false
	}
	for c := range x.Children() {
		if c.Name != "address" || c.Space != AddressNamespace {
			continue // extensions are ignored (§4.7)
		}
		delivered := c.Attr("delivered")
		all = append(all, Address{
			Type: c.Attr("type"), JID: c.Attr("jid"), URI: c.Attr("uri"), Delivered: delivered == "true" || delivered == "1",
		})
	}
	return all, true
}

// Addresses are those of a stanza, as a payload.
type Addresses []Address

// WriteXML implements wire.Payload.
func (all Addresses) WriteXML(w *wire.Writer) {
	w.Start(AddressNamespace, "addresses")
	for _, a := range all {
		w.Start(AddressNamespace, "address")
		w.Attr("type", a.Type)
		for _, attr := range [...]struct{ name, value string }{{"jid", a.JID}, {"uri", a.URI}} {
			if attr.value != "" {
				w.Attr(attr.name, attr.value)
			}
		}
		if a.Delivered {
			w.Attr("delivered", "true")
		}
		w.End()
	}
	w.End()
}
