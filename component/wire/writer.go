package wire

import (
	"errors"
	"fmt"
	"strconv"

	"gatehouse/component/jid"
)

const (
	nsClient    = "jabber:client"
	nsComponent = "jabber:component:accept"
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"

	maxWriteDepth = 256
)

var (
	errDepth     = errors.New("write xml: elements nested too deep")
	errNoElement = errors.New("write xml: text or end outside an element")
	errNoTag     = errors.New("write xml: attribute outside a start tag")
	errOpen      = errors.New("write xml: element left open")
	errSpace     = errors.New("write xml: invalid or reserved namespace")
)

// A Payload writes itself as one element or a few, within the element that w
// stands in.
type Payload interface{ WriteXML(w *Writer) }

// A Writer appends stanzas to a buffer, as they stand inside a stream of a
// component: the stream's own namespace is not declared on a stanza. All that it
// writes is well-formed whatever the strings hold, unless Err says otherwise.
// The zero Writer is ready. It is not safe for concurrent use.
type Writer struct {
	b     []byte
	open  []frame
	inTag bool
	attrs []attrName // of the start tag that is open
	err   error
}

type frame struct {
	nameAt, nameEnd int    // where b has the name
	space           string // the default namespace within
}

type attrName struct{ space, name string }

// Start opens an element. An empty space means the parent's namespace, and on a
// stanza the stream's. The namespace is declared where it differs from the
// parent's. The stream's content namespace is written as jabber:client inside
// an element of another one (XEP-0297 §3.1), and nowhere else: servers refuse a
// stanza that declares it.
func (w *Writer) Start(space, name string) {
	parent := w.space()
	switch space {
	case "":
		space = parent
	case nsComponent:
		space = nsClient
	}
	w.start(space, name, parent)
}

// startUnbound opens an element that is in no namespace.
func (w *Writer) startUnbound(name string) {
	w.start("", name, w.space())
}

func (w *Writer) space() string {
	if n := len(w.open); n > 0 {
		return w.open[n-1].space
	}
	return nsClient
}

func (w *Writer) start(space, name, parent string) {
	switch {
	case w.err != nil:
		return
	case len(w.open) == maxWriteDepth:
		w.fail(errDepth)
		return
	case !isWritableName(name):
		w.fail(fmt.Errorf("write xml: invalid element name %.40q", name))
		return
	case space != parent && !isWritableSpace(space):
		w.fail(errSpace)
		return
	}
	w.closeTag()
	w.b = append(w.b, '<')
	at := len(w.b)
	w.b = append(w.b, name...)
	w.open = append(w.open, frame{nameAt: at, nameEnd: len(w.b), space: space})
	w.inTag = true
	w.attrs = w.attrs[:0]
	if space != parent {
		w.value(` xmlns="`, space)
	}
}

// Attr writes an unprefixed attribute, or one like "xml:lang", after Start. An
// empty value is written too.
func (w *Writer) Attr(name, value string) {
	if len(name) > 4 && name[:4] == "xml:" {
		w.AttrNS("xml", name[4:], value)
		return
	}
	w.AttrNS("", name, value)
}

// AttrNS writes an attribute of a namespace. The spaces "" and "xml" are those
// of Attr; for any other one a prefix is declared.
func (w *Writer) AttrNS(space, name, value string) {
	if space == nsXML {
		space = "xml"
	}
	if !w.startAttr(space, name) {
		return
	}
	w.value(`="`, value)
}

// startAttr writes the name of an attribute, if it may stand here.
func (w *Writer) startAttr(space, name string) bool {
	switch {
	case w.err != nil:
		return false
	case !w.inTag:
		w.fail(errNoTag)
		return false
	case !isWritableName(name) || name == "xmlns":
		w.fail(fmt.Errorf("write xml: invalid attribute name %.40q", name))
		return false
	case !isWritableSpace(space):
		w.fail(errSpace)
		return false
	}
	for i := range w.attrs {
		if w.attrs[i].name == name && w.attrs[i].space == space {
			w.fail(fmt.Errorf("write xml: attribute %.40q written twice", name))
			return false
		}
	}
	w.attrs = append(w.attrs, attrName{space, name})
	switch space {
	case "":
		w.b = append(w.b, ' ')
	case "xml":
		w.b = append(w.b, " xml:"...)
	default:
		w.b = append(w.b, " xmlns:n"...)
		w.b = strconv.AppendInt(w.b, int64(len(w.attrs)), 10)
		w.value(`="`, space)
		w.b = append(w.b, " n"...)
		w.b = strconv.AppendInt(w.b, int64(len(w.attrs)), 10)
		w.b = append(w.b, ':')
	}
	w.b = append(w.b, name...)
	return true
}

// JIDAttr writes an attribute from an address without making a string of it.
func (w *Writer) JIDAttr(name string, j jid.JID) {
	if !w.startAttr("", name) {
		return
	}
	w.b = append(w.b, `="`...)
	if j.Local != "" {
		w.b = appendEscaped(w.b, j.Local, &attrClass)
		w.b = append(w.b, '@')
	}
	w.b = appendEscaped(w.b, j.Domain, &attrClass)
	if j.Resource != "" {
		w.b = append(w.b, '/')
		w.b = appendEscaped(w.b, j.Resource, &attrClass)
	}
	w.b = append(w.b, '"')
}

// value writes an escaped attribute value after what opens it.
func (w *Writer) value(open, value string) {
	w.b = append(w.b, open...)
	w.b = appendEscaped(w.b, value, &attrClass)
	w.b = append(w.b, '"')
}

// Text writes text inside an element.
func (w *Writer) Text(s string) {
	switch {
	case w.err != nil || s == "":
		return
	case len(w.open) == 0:
		w.fail(errNoElement)
		return
	}
	w.closeTag()
	w.b = appendEscaped(w.b, s, &textClass)
}

// End closes the element opened last.
func (w *Writer) End() {
	if w.err != nil {
		return
	}
	n := len(w.open)
	if n == 0 {
		w.fail(errNoElement)
		return
	}
	f := w.open[n-1]
	w.open = w.open[:n-1]
	if w.inTag {
		w.inTag = false
		w.b = append(w.b, "/>"...)
		return
	}
	w.b = append(w.b, "</"...)
	w.b = append(w.b, w.b[f.nameAt:f.nameEnd]...)
	w.b = append(w.b, '>')
}

func (w *Writer) closeTag() {
	if w.inTag {
		w.inTag = false
		w.b = append(w.b, '>')
	}
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Err gives the first misuse since the last Reset or Truncate: an invalid name,
// an attribute written twice or in the wrong place, an element left open. What
// was written since the last complete stanza must then not be sent: Truncate.
func (w *Writer) Err() error {
	if w.err == nil && len(w.open) > 0 {
		return errOpen
	}
	return w.err
}

// Bytes gives everything written. It is valid until the next call.
func (w *Writer) Bytes() []byte { return w.b }

// Len is the number of bytes written.
func (w *Writer) Len() int { return len(w.b) }

// Reset empties the Writer and keeps its memory.
func (w *Writer) Reset() { w.Truncate(0) }

// Truncate drops everything after the first n bytes, and any error. n is a Len
// from between two stanzas.
func (w *Writer) Truncate(n int) {
	w.b = w.b[:n]
	w.open = w.open[:0]
	w.attrs = w.attrs[:0]
	w.inTag = false
	w.err = nil
}
