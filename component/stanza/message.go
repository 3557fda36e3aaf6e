package stanza

import "gatehouse/component/wire"

// text writes one element of the stanza's own namespace that holds text.
type text struct{ name, content string }

func (t text) WriteXML(w *wire.Writer) {
	w.Start(Namespace, t.name)
	w.Text(t.content)
	w.End()
}

// Body is what a message says (RFC 6121 §5.2.3).
func Body(s string) wire.Payload { return text{"body", s} }

// BodyIn gives the body among payloads that are to be sent, or "".
func BodyIn(payloads []wire.Payload) string {
	for _, p := range payloads {
		if t, ok := p.(text); ok && t.name == "body" {
			return t.content
		}
	}
	return ""
}

// Subject is a message's subject, or without a body in a room, the room's
// (XEP-0045 §8.1).
func Subject(s string) wire.Payload { return text{"subject", s} }

// Status explains a presence to people (RFC 6121 §4.7.2.2).
func Status(s string) wire.Payload { return text{"status", s} }

// Show says what kind of availability a presence is (RFC 6121 §4.7.2.1).
func Show(s string) wire.Payload { return text{"show", s} }

// own gives the stanza's child of that name in its own namespace. The
// namespace is left open: servers pass on jabber:client and jabber:server too.
func (s Received) own(name string) *wire.Element {
	for c := range s.Children() {
		if c.Name == name && (c.Space == s.Space || c.Space == Namespace || c.Space == "jabber:client") {
			return c
		}
	}
	return nil
}

// ReadBody gives the message's text, and whether it has any.
func (s Received) ReadBody() (string, bool) {
	b := s.own("body")
	return b.Content(), b != nil
}

// ReadSubject gives the message's subject, and whether it has one.
func (s Received) ReadSubject() (string, bool) {
	b := s.own("subject")
	return b.Content(), b != nil
}

// ReadShow and ReadStatus give what a presence says of availability.
func (s Received) ReadShow() string   { return s.own("show").Content() }
func (s Received) ReadStatus() string { return s.own("status").Content() }
