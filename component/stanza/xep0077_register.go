package stanza

import (
	"slices"

	"gatehouse/component/wire"
)

// RegisterNamespace is that of in-band registration (XEP-0077).
const RegisterNamespace = "jabber:iq:register"

// registerFields are the fields that have an element of their own (XEP-0077
// §14.1).
var registerFields = []string{
	"username", "nick", "password", "name", "first", "last", "email", "address", "city", "state", "zip", "phone",
	"url", "date", "misc", "text", "key",
}

// A Register is a registration that there is, or could be.
type Register struct {
	Registered   bool
	Instructions string
	Form         Form // shown beside elements if all its fields have one (§4)
}

// WriteXML implements wire.Payload.
func (r Register) WriteXML(w *wire.Writer) {
	w.Start(RegisterNamespace, "query")
	if r.Registered {
		w.Start(RegisterNamespace, "registered")
		w.End()
	}
	writeText(w, RegisterNamespace, "instructions", r.Instructions)
	if !slices.ContainsFunc(r.Form.Fields, func(f Field) bool { return !isRegisterField(f.Var) }) {
		for _, f := range r.Form.Fields {
			w.Start(RegisterNamespace, f.Var)
			if len(f.Values) > 0 {
				w.Text(f.Values[0])
			}
			w.End()
		}
	}
	if len(r.Form.Fields) > 0 {
		f := r.Form
		f.Fields = append([]Field{FormType(RegisterNamespace)}, f.Fields...)
		f.WriteXML(w)
	}
	w.End()
}

func isRegisterField(name string) bool { return slices.Contains(registerFields, name) }

// ReadRegister reads what is asked for. Remove says that it is the end of the
// registration, Alone that it is nothing else (§3.2). A form counts more than
// elements (§4).
func ReadRegister(query *wire.Element) (f Form, remove, alone bool) {
	children := 0
	for c := range query.Children() {
		if c.Name == "" {
			continue
		}
		children++
		if c.Space == RegisterNamespace && isRegisterField(c.Name) {
			f.Fields = append(f.Fields, Field{Var: c.Name, Values: []string{c.Content()}})
		}
	}
	remove = query.Child(RegisterNamespace, "remove") != nil
	if form, ok := ReadForm(query); ok {
		f = form
	}
	return f, remove, children == 1
}
