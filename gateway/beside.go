package gateway

import (
	"encoding/json"

	"gatehouse/component/stanza"
)

// beside is what a message is beside its text, as the archive has it.
type beside struct {
	Reply    *stanza.Reply      `json:",omitempty"`
	Fallback *stanza.Fallback   `json:",omitempty"`
	Replaces string             `json:",omitempty"`
	Reacts   *stanza.Reactions  `json:",omitempty"`
	Retracts *stanza.Retraction `json:",omitempty"`
	Subject  *roomSubject       `json:",omitempty"`
}

// writeBeside puts payloads into the archive; those that mean nothing later are
// not kept.
func writeBeside(payloads []payload) string {
	var b beside
	for _, p := range payloads {
		switch p := p.(type) {
		case stanza.Reply:
			b.Reply = &p
		case stanza.Fallback:
			b.Fallback = &p
		case stanza.Replace:
			b.Replaces = string(p)
		case stanza.Reactions:
			b.Reacts = &p
		case stanza.Retraction:
			b.Retracts = &p
		case roomSubject:
			b.Subject = &p
		}
	}
	if b == (beside{}) {
		return ""
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // plain data always can be written
	}
	return string(text)
}

// readBeside gets them out again.
func readBeside(text string) (payloads []payload) {
	if text == "" {
		return nil
	}
	var b beside
	if json.Unmarshal([]byte(text), &b) != nil {
		return nil
	}
	if b.Reply != nil {
		payloads = append(payloads, *b.Reply)
	}
	if b.Fallback != nil {
		payloads = append(payloads, *b.Fallback)
	}
	if b.Replaces != "" {
		payloads = append(payloads, stanza.Replace(b.Replaces))
	}
	if b.Reacts != nil {
		payloads = append(payloads, *b.Reacts)
	}
	if b.Retracts != nil {
		payloads = append(payloads, *b.Retracts)
	}
	if b.Subject != nil {
		payloads = append(payloads, *b.Subject)
	}
	return payloads
}

// isModeration says that the payloads are for the room itself to send: somebody
// took back another's message (XEP-0425 §5).
func isModeration(payloads []payload) bool {
	for _, p := range payloads {
		if r, ok := p.(stanza.Retraction); ok {
			return r.By != ""
		}
	}
	return false
}
