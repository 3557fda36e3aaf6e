package stanza

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"

	"gatehouse/component/wire"
)

// CapsNamespace is that of entity capabilities (XEP-0115).
const CapsNamespace = "http://jabber.org/protocol/caps"

// Caps announces in presence what an address can do.
type Caps struct{ Node, Ver string }

// WriteXML implements wire.Payload.
func (c Caps) WriteXML(w *wire.Writer) {
	w.Start(CapsNamespace, "c")
	w.Attr("hash", "sha-1")
	w.Attr("node", c.Node)
	w.Attr("ver", c.Ver)
	w.End()
}

// CapsVer is the verification string of XEP-0115 §5.1, hashed.
func CapsVer(d DiscoInfo) string {
	var s strings.Builder
	var identities []string
	for _, i := range d.Identities {
		identities = append(identities, i.Category+"/"+i.Type+"//"+i.Name+"<")
	}
	writeSorted(&s, identities)
	var features []string
	for _, f := range d.Features {
		features = append(features, f+"<")
	}
	writeSorted(&s, features)
	var forms []string
	for _, f := range d.Forms {
		forms = append(forms, formVer(f))
	}
	writeSorted(&s, forms)
	sum := sha1.Sum([]byte(s.String()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func formVer(f Form) string {
	var formType string
	var fields []string
	for _, field := range f.Fields {
		if field.Var == "FORM_TYPE" {
			formType = strings.Join(field.Values, "<")
			continue
		}
		values := slices.Sorted(slices.Values(field.Values))
		fields = append(fields, field.Var+"<"+strings.Join(append(values, ""), "<"))
	}
	slices.Sort(fields)
	return formType + "<" + strings.Join(fields, "")
}

func writeSorted(s *strings.Builder, parts []string) {
	slices.Sort(parts)
	for _, p := range parts {
		s.WriteString(p)
	}
}
