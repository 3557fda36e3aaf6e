package wire

import "unsafe"

// Clone copies the element with everything in it, so that the copy holds on to
// nothing of the original. It costs two allocations, or three if it is large.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	_, copied := CloneWith[struct{}](e)
	return copied
}

// CloneWith is Clone, with a place for what is known about the element: it is in
// one piece with the copy, and costs nothing unless that is large.
func CloneWith[T any](e *Element) (about *T, copied *Element) {
	var c cloner
	c.count(e)
	about, c.elements, c.attrs = places[T](c.nElements, c.nAttrs)
	if c.nBytes > 0 {
		c.text = make([]byte, 0, c.nBytes)
	}
	return about, c.clone(e)
}

type cloner struct {
	nElements, nAttrs, nBytes int

	elements []Element
	attrs    []Attr
	text     []byte
}

// places makes room for elements and attributes, in one piece where there are as
// few as most stanzas have.
func places[T any](elements, attrs int) (*T, []Element, []Attr) {
	switch {
	case elements <= 5 && attrs <= 7:
		room := &struct {
			about    T
			elements [5]Element
			attrs    [7]Attr
		}{}
		return &room.about, room.elements[:0], room.attrs[:0]
	case elements <= 8 && attrs <= 14:
		room := &struct {
			about    T
			elements [8]Element
			attrs    [14]Attr
		}{}
		return &room.about, room.elements[:0], room.attrs[:0]
	}
	return new(T), make([]Element, 0, elements), make([]Attr, 0, attrs)
}

func (c *cloner) count(e *Element) {
	c.nElements++
	c.nAttrs += len(e.Attrs)
	c.nBytes += len(e.Space) + len(e.Name) + len(e.Text)
	for i := range e.Attrs {
		a := &e.Attrs[i]
		c.nBytes += len(a.Space) + len(a.Name) + len(a.Value)
	}
	for child := e.first; child != nil; child = child.next {
		c.count(child)
	}
}

func (c *cloner) clone(e *Element) *Element {
	c.elements = append(c.elements, Element{
		Space: c.string(e.Space), Name: c.string(e.Name), Text: c.string(e.Text), unbound: e.unbound,
	})
	made := &c.elements[len(c.elements)-1]
	if n := len(e.Attrs); n > 0 {
		from := len(c.attrs)
		for i := range e.Attrs {
			a := &e.Attrs[i]
			c.attrs = append(c.attrs, Attr{c.string(a.Space), c.string(a.Name), c.string(a.Value)})
		}
		made.Attrs = c.attrs[from : from+n : from+n]
	}
	for child := e.first; child != nil; child = child.next {
		made.link(c.clone(child))
	}
	return made
}

// string copies s into the one string of the copy, whose room was counted.
func (c *cloner) string(s string) string {
	if s == "" {
		return ""
	}
	from := len(c.text)
	c.text = append(c.text, s...)
	return unsafe.String(&c.text[from], len(s))
}
