package stanza

import "gatehouse/component/wire"

// ChatStatesNamespace is that of typing notifications (XEP-0085).
const ChatStatesNamespace = "http://jabber.org/protocol/chatstates"

// A ChatState says what somebody does with the message that they might send:
// "active", "composing", "paused", "inactive" or "gone".
type ChatState string

const (
	Active    ChatState = "active"
	Composing ChatState = "composing"
	Paused    ChatState = "paused"
)

// WriteXML implements wire.Payload.
func (c ChatState) WriteXML(w *wire.Writer) {
	w.Start(ChatStatesNamespace, string(c))
	w.End()
}

// HintsNamespace is that of processing hints (XEP-0334).
const HintsNamespace = "urn:xmpp:hints"

// A Hint tells servers what to do with a message (XEP-0334 §4).
type Hint string

const (
	Store   Hint = "store"
	NoStore Hint = "no-store"
)

// WriteXML implements wire.Payload.
func (h Hint) WriteXML(w *wire.Writer) {
	w.Start(HintsNamespace, string(h))
	w.End()
}
