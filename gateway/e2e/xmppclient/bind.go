package xmppclient

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"

	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"
)

const nsBind = "urn:ietf:params:xml:ns:xmpp-bind"

// bindResource asks for a resource (RFC 6120 §7). mellium's own feature
// forgets which, when the server's stream header has no to attribute.
func bindResource(resource string) xmpp.StreamFeature {
	return xmpp.StreamFeature{
		Name:       xml.Name{Space: nsBind, Local: "bind"},
		Necessary:  xmpp.Authn,
		Prohibited: xmpp.Ready,
		Parse: func(_ context.Context, d *xml.Decoder, _ *xml.StartElement) (bool, any, error) {
			return true, nil, d.Skip()
		},
		Negotiate: func(_ context.Context, s *xmpp.Session, _ any) (xmpp.SessionState, io.ReadWriter, error) {
			bound, err := bind(s, resource)
			if err != nil {
				return 0, nil, fmt.Errorf("bind resource %s: %w", resource, err)
			}
			s.UpdateAddr(bound)
			return xmpp.Ready, nil, nil
		},
	}
}

func bind(s *xmpp.Session, resource string) (jid.JID, error) {
	payload := ""
	if resource != "" {
		payload = "<resource>" + Escape(resource) + "</resource>"
	}
	id := NewID()
	if _, err := io.WriteString(s.Conn(), `<iq type="set" id="`+id+`"><bind xmlns="`+nsBind+`">`+payload+`</bind></iq>`); err != nil {
		return jid.JID{}, err
	}
	tokens := s.TokenReader()
	defer tokens.Close()
	for {
		token, err := tokens.Token()
		if start, ok := token.(xml.StartElement); ok {
			answer, err := readElement(tokens, start)
			if err != nil {
				return jid.JID{}, err
			}
			bound := answer.Find("bind", "jid")
			if !answer.Is(stanza.NSClient, "iq") || answer.Attr("id") != id || bound == nil {
				return jid.JID{}, fmt.Errorf("the server answered %s", answer)
			}
			return jid.Parse(bound.Text)
		}
		if err != nil {
			return jid.JID{}, err
		}
	}
}
