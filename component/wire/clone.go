package wire

import "unsafe"

// Clone copies the element with everything in it, so that the copy holds on to
// nothing of the original. It costs two allocations, or three if it is large.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	var c cloner
	c.count(e)
	c.make()
	if c.nBytes > 0 {
		c.text = make([]byte, 0, c.nBytes)
	}
	return c.clone(e)
}

type cloner struct {
	nElements, nAttrs, nBytes int

	elements []Element
	attrs    []Attr
	text     []byte
}

// make makes room for elements and attributes, in one piece where there are as
// few as most stanzas have.
func (c *cloner) make() {
	switch {
	case c.nElements <= 4 && c.nAttrs <= 8:
		room := &struct {
			elements [4]Element
			attrs    [8]Attr
		}{}
		c.elements, c.attrs = room.elements[:0], room.attrs[:0]
	case c.nElements <= 8 && c.nAttrs <= 14:
		room := &struct {
			elements [8]Element
			attrs    [14]Attr
		}{}
		c.elements, c.attrs = room.elements[:0], room.attrs[:0]
	default:
		c.elements, c.attrs = make([]Element, 0, c.nElements), make([]Attr, 0, c.nAttrs)
	}
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
