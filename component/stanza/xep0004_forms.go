package stanza

import "gatehouse/component/wire"

// FormNamespace is that of data forms (XEP-0004).
const FormNamespace = "jabber:x:data"

// A Form is a data form (XEP-0004). In service discovery its type is "result"
// and its first field is the hidden FORM_TYPE (XEP-0068).
type Form struct {
	Type   string
	Fields []Field
}

// A Field is one of a form.
type Field struct {
	Var, Type, Label string
	Values           []string
}

// ResultForm starts a form of a registered type.
func ResultForm(formType string, fields ...Field) Form {
	return Form{Type: "result", Fields: append([]Field{{Var: "FORM_TYPE", Type: "hidden", Values: []string{formType}}}, fields...)}
}

// WriteXML implements wire.Payload.
func (f Form) WriteXML(w *wire.Writer) {
	w.Start(FormNamespace, "x")
	w.Attr("type", f.Type)
	for _, field := range f.Fields {
		w.Start(FormNamespace, "field")
		w.Attr("var", field.Var)
		if field.Type != "" {
			w.Attr("type", field.Type)
		}
		if field.Label != "" {
			w.Attr("label", field.Label)
		}
		for _, v := range field.Values {
			w.Start(FormNamespace, "value")
			w.Text(v)
			w.End()
		}
		w.End()
	}
	w.End()
}
