package wire

import (
	"iter"
	"strings"
)

// An Attr is an attribute of an element. Space is "" for an unprefixed one and
// "xml" for xml:lang and its like. Namespace declarations are not attributes.
type Attr struct{ Space, Name, Value string }

// An Element is an XML element, or a run of text inside one (Name is empty).
// Elements that a Reader gave are valid until its next call; Clone keeps them.
type Element struct {
	// Space is the namespace. Where "" is written, it means the parent's.
	Space, Name string
	// Text is the text of a run, and empty for an element.
	Text  string
	Attrs []Attr

	first, last, next *Element
	unbound           bool // read with no namespace at all: xmlns=""
}

// New makes an element with children.
func New(space, name string, children ...*Element) *Element {
	return (&Element{Space: space, Name: name}).Add(children...)
}

// NewText makes an element that holds one run of text.
func NewText(space, name, text string) *Element {
	return New(space, name).AddText(text)
}

// Attr gives the value of an unprefixed attribute, or "".
func (e *Element) Attr(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Lookup gives the value of an unprefixed attribute, and whether it is there.
func (e *Element) Lookup(name string) (string, bool) {
	return e.lookup("", name)
}

// Lang gives xml:lang of this element, or "". It does not ask the parents.
func (e *Element) Lang() string {
	value, _ := e.lookup("xml", "lang")
	return value
}

func (e *Element) lookup(space, name string) (string, bool) {
	if e == nil {
		return "", false
	}
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Name == name && a.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// SetAttr sets an unprefixed attribute, or one like "xml:lang".
func (e *Element) SetAttr(name, value string) *Element {
	space := ""
	if local, ok := strings.CutPrefix(name, "xml:"); ok {
		space, name = "xml", local
	}
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Name == name && a.Space == space {
			a.Value = value
			return e
		}
	}
	e.Attrs = append(e.Attrs, Attr{Space: space, Name: name, Value: value})
	return e
}

// Add appends children; nil ones are skipped. An element has one parent at most:
// to put it under a second one, add a Clone.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.link(c)
		}
	}
	return e
}

func (e *Element) link(c *Element) {
	if e.last == nil {
		e.first = c
	} else {
		e.last.next = c
	}
	e.last = c
}

// AddText appends a run of text; an empty one is skipped.
func (e *Element) AddText(s string) *Element {
	if s != "" {
		e.link(&Element{Text: s})
	}
	return e
}

// Child gives the first child element with this name, or nil.
func (e *Element) Child(space, name string) *Element {
	if e == nil {
		return nil
	}
	for c := e.first; c != nil; c = c.next {
		if c.Name == name && c.Space == space && c.Name != "" {
			return c
		}
	}
	return nil
}

// Children gives the child elements in order, without the text between them.
func (e *Element) Children() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for c := e.first; c != nil; c = c.next {
			if c.Name != "" && !yield(c) {
				return
			}
		}
	}
}

// Content gives the text directly inside the element, without that of its
// children.
func (e *Element) Content() string {
	if e == nil {
		return ""
	}
	var only *Element
	n := 0
	for c := e.first; c != nil; c = c.next {
		if c.Name == "" && c.Text != "" {
			only = c
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return only.Text
	}
	var b strings.Builder
	for c := e.first; c != nil; c = c.next {
		if c.Name == "" {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

// WriteXML writes the element with everything in it.
func (e *Element) WriteXML(w *Writer) {
	if e == nil {
		return
	}
	e.start(w)
	// The Writer refuses deep nesting, which ends the recursion.
	for c := e.first; c != nil && w.err == nil; c = c.next {
		if c.Name == "" {
			w.Text(c.Text)
		} else {
			c.WriteXML(w)
		}
	}
	w.End()
}

func (e *Element) start(w *Writer) {
	if e.unbound && e.Space == "" {
		w.startUnbound(e.Name)
	} else {
		w.Start(e.Space, e.Name)
	}
	for i := range e.Attrs {
		a := &e.Attrs[i]
		w.AttrNS(a.Space, a.Name, a.Value)
	}
}
