package stanza

import (
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/wire"
)

// PromptNamespace is that of prompts for the addresses of a gateway (XEP-0100
// §6.3).
const PromptNamespace = "jabber:iq:gateway"

// A Prompt asks for an address, or gives the one that was asked for.
type Prompt struct {
	Language    string // of the description
	Description string
	JID         jid.JID
}

// WriteXML implements wire.Payload.
func (p Prompt) WriteXML(w *wire.Writer) {
	w.Start(PromptNamespace, "query")
	if !p.JID.IsZero() {
		// Clients older than XEP-0100 1.0 look for it in the prompt.
		writeText(w, PromptNamespace, "jid", p.JID.String())
		writeText(w, PromptNamespace, "prompt", p.JID.String())
	} else {
		w.AttrNS("xml", "lang", p.Language)
		writeText(w, PromptNamespace, "desc", p.Description)
		w.Start(PromptNamespace, "prompt")
		w.End()
	}
	w.End()
}

// ReadPrompt reads what a user typed.
func ReadPrompt(query *wire.Element) string {
	return strings.TrimSpace(query.Child(PromptNamespace, "prompt").Content())
}
