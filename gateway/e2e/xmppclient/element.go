package xmppclient

import (
	"encoding/xml"
	"strings"
)

// An Element is one XML element with namespaces resolved. Text is all the
// character data directly inside of it, joined.
type Element struct {
	Name     xml.Name
	Attrs    []xml.Attr // without namespace declarations
	Children []*Element
	Text     string
}

// Attr returns the attribute with a local name, "" if there is none. The
// language is "lang".
func (e *Element) Attr(local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// Is says whether the element has a namespace and a local name.
func (e *Element) Is(space, local string) bool {
	return e != nil && e.Name.Local == local && e.Name.Space == space
}

// Find follows local names down, always to the first child that has it, and
// returns nil where there is none: Find("error", "text").
func (e *Element) Find(locals ...string) *Element {
	for _, local := range locals {
		e = e.first(func(c *Element) bool { return c.Name.Local == local })
	}
	return e
}

// FindNS returns the first child with a namespace and a local name, or nil.
func (e *Element) FindNS(space, local string) *Element {
	return e.first(func(c *Element) bool { return c.Is(space, local) })
}

// FindAll returns the children with a local name.
func (e *Element) FindAll(local string) []*Element {
	if e == nil {
		return nil
	}
	var all []*Element
	for _, c := range e.Children {
		if c.Name.Local == local {
			all = append(all, c)
		}
	}
	return all
}

func (e *Element) first(match func(*Element) bool) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if match(c) {
			return c
		}
	}
	return nil
}

// String returns the element as XML, with the text before the children: for
// failure messages, and for comparing what has no mixed content.
func (e *Element) String() string {
	if e == nil {
		return "<nil>"
	}
	var b strings.Builder
	e.write(&b, "")
	return b.String()
}

func (e *Element) write(b *strings.Builder, space string) {
	b.WriteString("<" + e.Name.Local)
	if e.Name.Space != space {
		b.WriteString(` xmlns="` + Escape(e.Name.Space) + `"`)
	}
	for _, a := range e.Attrs {
		name := a.Name.Local
		if a.Name.Space != "" {
			name = prefixOf(a.Name.Space) + ":" + name
		}
		b.WriteString(" " + name + `="` + Escape(a.Value) + `"`)
	}
	if e.Text == "" && len(e.Children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">" + Escape(e.Text))
	for _, c := range e.Children {
		c.write(b, e.Name.Space)
	}
	b.WriteString("</" + e.Name.Local + ">")
}

func prefixOf(space string) string {
	if space == "xml" || space == "http://www.w3.org/XML/1998/namespace" {
		return "xml"
	}
	return "{" + space + "}"
}

// Escape makes text safe inside of XML text and attributes.
func Escape(text string) string {
	var b strings.Builder
	// A strings.Builder does not fail.
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// readElement reads the element that start opened.
func readElement(tokens xml.TokenReader, start xml.StartElement) (*Element, error) {
	root := newElement(start)
	open := []*Element{root}
	for len(open) > 0 {
		token, err := tokens.Token()
		// A reader may give a token together with an error.
		if token == nil && err != nil {
			return nil, err
		}
		here := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			child := newElement(t)
			here.Children = append(here.Children, child)
			open = append(open, child)
		case xml.CharData:
			here.Text += string(t)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	return root, nil
}

func newElement(start xml.StartElement) *Element {
	e := &Element{Name: start.Name}
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		e.Attrs = append(e.Attrs, a)
	}
	return e
}

// A Stanza is a message, presence or iq that the client received.
type Stanza struct{ *Element }

// From returns the sender's JID as the server wrote it.
func (s Stanza) From() string { return s.Attr("from") }

// To returns the recipient's JID as the server wrote it.
func (s Stanza) To() string { return s.Attr("to") }

// ID returns the id attribute.
func (s Stanza) ID() string { return s.Attr("id") }

// Type returns the type attribute, "" for none.
func (s Stanza) Type() string { return s.Attr("type") }

// Kind returns message, presence or iq.
func (s Stanza) Kind() string { return s.Name.Local }

// Body returns the text of a message's body.
func (s Stanza) Body() string {
	if body := s.Find("body"); body != nil {
		return body.Text
	}
	return ""
}

// Condition returns the defined condition of a stanza error, such as
// item-not-found (RFC 6120 §8.3.3), "" if the stanza has none.
func (s Stanza) Condition() string {
	e := s.Find("error").first(func(c *Element) bool {
		return c.Name.Space == nsStanzaErrors && c.Name.Local != "text"
	})
	if e == nil {
		return ""
	}
	return e.Name.Local
}

// HasStatus says whether a room's presence or message has a status code
// (XEP-0045 §15.6).
func (s Stanza) HasStatus(code string) bool {
	for _, status := range s.FindNS(nsMUCUser, "x").FindAll("status") {
		if status.Attr("code") == code {
			return true
		}
	}
	return false
}
