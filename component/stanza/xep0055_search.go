package stanza

import (
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/wire"
)

// SearchNamespace is that of searches for people (XEP-0055).
const SearchNamespace = "jabber:iq:search"

// A Search asks what to look for.
type Search struct{ Instructions string }

// WriteXML implements wire.Payload. The form asks the same as the element, for
// clients that know one of them alone (XEP-0055 §3).
func (s Search) WriteXML(w *wire.Writer) {
	w.Start(SearchNamespace, "query")
	writeText(w, SearchNamespace, "instructions", s.Instructions)
	w.Start(SearchNamespace, "nick")
	w.End()
	Form{
		Type: "form", Instructions: s.Instructions,
		Fields: []Field{FormType(SearchNamespace), {Var: "nick", Type: TextSingleField, Label: "Name or number"}},
	}.WriteXML(w)
	w.End()
}

// ReadSearch reads what is looked for, and whether in a form.
func ReadSearch(query *wire.Element) (text string, form bool) {
	f, form := ReadForm(query)
	if form {
		for _, field := range f.Fields {
			if field.Var == "nick" && len(field.Values) > 0 {
				text = field.Values[0]
			}
		}
		return strings.TrimSpace(text), true
	}
	return strings.TrimSpace(query.Child(SearchNamespace, "nick").Content()), false
}

// Found are the people that a search found.
type Found struct {
	People []FoundPerson
	Form   bool // the search came in one, and so does the answer
}

// A FoundPerson is one of them.
type FoundPerson struct {
	JID          jid.JID
	Name, Number string
}

// WriteXML implements wire.Payload.
func (f Found) WriteXML(w *wire.Writer) {
	w.Start(SearchNamespace, "query")
	if f.Form {
		f.writeForm(w)
	} else {
		for _, p := range f.People {
			w.Start(SearchNamespace, "item")
			w.JIDAttr("jid", p.JID)
			for _, name := range [...]string{"first", "last"} {
				w.Start(SearchNamespace, name)
				w.End()
			}
			writeText(w, SearchNamespace, "nick", p.Name)
			w.Start(SearchNamespace, "email")
			w.End()
			w.End()
		}
	}
	w.End()
}

var foundColumns = []Field{
	{Var: "jid", Type: "jid-single", Label: "Address"}, {Var: "nick", Type: TextSingleField, Label: "Name"}, {Var: "phone", Type: TextSingleField, Label: "Number"},
}

func (f Found) writeForm(w *wire.Writer) {
	w.Start(FormNamespace, "x")
	w.Attr("type", "result")
	FormType(SearchNamespace).write(w)
	w.Start(FormNamespace, "reported")
	for _, c := range foundColumns {
		c.write(w)
	}
	w.End()
	for _, p := range f.People {
		w.Start(FormNamespace, "item")
		for i, value := range [...]string{p.JID.String(), p.Name, p.Number} {
			Field{Var: foundColumns[i].Var, Values: []string{value}}.write(w)
		}
		w.End()
	}
	w.End()
}
