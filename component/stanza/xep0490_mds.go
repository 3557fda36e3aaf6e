package stanza

import "gatehouse/component/wire"

// PubSubNamespace is that of publish-subscribe (XEP-0060).
const PubSubNamespace = "http://jabber.org/protocol/pubsub"

// DisplayedNode holds how far a user has read each chat (XEP-0490 §4.1).
const DisplayedNode = "urn:xmpp:mds:displayed:0"

// A DisplayedItem says how far the user has read a room, whose stanza-id that is
// (XEP-0490 §4.2).
func DisplayedItem(room string, stanzaID string) *wire.Element {
	return wire.New(DisplayedNode, "displayed",
		wire.New(IDsNamespace, "stanza-id").SetAttr("by", room).SetAttr("id", stanzaID))
}

// Publish puts an item into a node that there is.
func Publish(node, id string, payload *wire.Element) *wire.Element {
	item := wire.New(PubSubNamespace, "item", payload).SetAttr("id", id)
	return wire.New(PubSubNamespace, "pubsub", wire.New(PubSubNamespace, "publish", item).SetAttr("node", node))
}

// PublishPrivately makes the node for it, if need be: for the user's own clients
// alone (XEP-0223).
func PublishPrivately(node, id string, payload *wire.Element) *wire.Element {
	const data = "jabber:x:data"
	options := wire.New(data, "x").SetAttr("type", "submit")
	for _, f := range [][2]string{
		{"FORM_TYPE", "http://jabber.org/protocol/pubsub#publish-options"},
		{"pubsub#persist_items", "true"}, {"pubsub#max_items", "max"},
		{"pubsub#send_last_published_item", "never"}, {"pubsub#access_model", "whitelist"},
	} {
		field := wire.New(data, "field", wire.NewText(data, "value", f[1])).SetAttr("var", f[0])
		if f[0] == "FORM_TYPE" {
			field.SetAttr("type", "hidden")
		}
		options.Add(field)
	}
	return Publish(node, id, payload).Add(wire.New(PubSubNamespace, "publish-options", options))
}

// RetractItem takes an item away, and tells those who were told of it.
func RetractItem(node, id string) *wire.Element {
	return wire.New(PubSubNamespace, "pubsub",
		wire.New(PubSubNamespace, "retract", wire.New(PubSubNamespace, "item").SetAttr("id", id)).SetAttr("node", node).SetAttr("notify", "true"))
}

// Items asks for one item of a node; id empty: for all.
func Items(node, id string) *wire.Element {
	items := wire.New(PubSubNamespace, "items").SetAttr("node", node)
	if id != "" {
		items.Add(wire.New(PubSubNamespace, "item").SetAttr("id", id))
	}
	return wire.New(PubSubNamespace, "pubsub", items)
}

// ReadItem finds an item in the answer, and gives what is in it; nil: there is
// none.
func ReadItem(pubsub *wire.Element, node, id string) *wire.Element {
	items := pubsub.Child(PubSubNamespace, "items")
	if items == nil || items.Attr("node") != node {
		return nil
	}
	for item := range items.Children() {
		if item.Name == "item" && item.Attr("id") == id {
			for payload := range item.Children() {
				return payload
			}
		}
	}
	return nil
}

// ReadDisplayed gives the stanza-id that an item of DisplayedNode names.
func ReadDisplayed(item *wire.Element, room string) string {
	if id := item.Child(IDsNamespace, "stanza-id"); id != nil && id.Attr("by") == room {
		return id.Attr("id")
	}
	return ""
}

// Markable asks to be told when a message has been displayed (XEP-0333 §4).
type Markable struct{}

// WriteXML implements wire.Payload.
func (Markable) WriteXML(w *wire.Writer) {
	w.Start(MarkersNamespace, "markable")
	w.End()
}
