package stanza

import "gatehouse/component/wire"

// FormNamespace is that of data forms (XEP-0004).
const FormNamespace = "jabber:x:data"

// Types of fields (XEP-0004 §3.3).
const (
	BooleanField     = "boolean"
	FixedField       = "fixed"
	HiddenField      = "hidden"
	JIDMultiField    = "jid-multi"
	ListMultiField   = "list-multi"
	ListSingleField  = "list-single"
	TextMultiField   = "text-multi"
	TextPrivateField = "text-private"
	TextSingleField  = "text-single"
)

// A Form is a data form (XEP-0004). In service discovery its type is "result"
// and its first field is the hidden FORM_TYPE (XEP-0068).
type Form struct {
	Type         string
	Title        string
	Instructions string
	Fields       []Field
}

// A Field is one of a form.
type Field struct {
	Var, Type, Label string
	Values           []string
	Description      string
	Required         bool
	Options          []Option
}

// An Option is one of those that a list gives to choose from.
type Option struct{ Value, Label string }

// FormType is the hidden field that names what a form is for (XEP-0068).
func FormType(name string) Field {
	return Field{Var: "FORM_TYPE", Type: HiddenField, Values: []string{name}}
}

// ResultForm starts a form of a registered type.
func ResultForm(formType string, fields ...Field) Form {
	return Form{Type: "result", Fields: append([]Field{FormType(formType)}, fields...)}
}

// WriteXML implements wire.Payload.
func (f Form) WriteXML(w *wire.Writer) {
	w.Start(FormNamespace, "x")
	w.Attr("type", f.Type)
	writeText(w, FormNamespace, "title", f.Title)
	writeText(w, FormNamespace, "instructions", f.Instructions)
	for _, field := range f.Fields {
		field.write(w)
	}
	w.End()
}

func (f Field) write(w *wire.Writer) {
	w.Start(FormNamespace, "field")
	if f.Var != "" {
		w.Attr("var", f.Var)
	}
	if f.Type != "" {
		w.Attr("type", f.Type)
	}
	if f.Label != "" {
		w.Attr("label", f.Label)
	}
	writeText(w, FormNamespace, "desc", f.Description)
	if f.Required {
		w.Start(FormNamespace, "required")
		w.End()
	}
	for _, v := range f.Values {
		w.Start(FormNamespace, "value")
		w.Text(v)
		w.End()
	}
	for _, o := range f.Options {
		w.Start(FormNamespace, "option")
		if o.Label != "" {
			w.Attr("label", o.Label)
		}
		w.Start(FormNamespace, "value")
		w.Text(o.Value)
		w.End()
		w.End()
	}
	w.End()
}

// writeText writes an element that holds a text, unless that is empty.
func writeText(w *wire.Writer, space, name, text string) {
	if text == "" {
		return
	}
	w.Start(space, name)
	w.Text(text)
	w.End()
}

// ReadForm reads the form in an element. Ok is false if there is none.
func ReadForm(parent *wire.Element) (f Form, ok bool) {
	x := parent.Child(FormNamespace, "x")
	if x == nil {
		return f, false
	}
	f.Type = x.Attr("type")
	for c := range x.Children() {
		if c.Space != FormNamespace || c.Name != "field" {
			continue
		}
		field := Field{Var: c.Attr("var"), Type: c.Attr("type"), Label: c.Attr("label")}
		for v := range c.Children() {
			if v.Space == FormNamespace && v.Name == "value" {
				field.Values = append(field.Values, v.Content())
			}
		}
		f.Fields = append(f.Fields, field)
	}
	return f, true
}
