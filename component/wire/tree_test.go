package wire

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const footer = "</stream:stream>"

// A tree writes what a document holds in one form that trees of different
// parsers can be compared by.
type tree struct {
	b    strings.Builder
	text strings.Builder
}

func (t *tree) Start(name string, attrs []string) {
	t.flush()
	list := make([]string, 0, len(attrs)/2)
	for i := 0; i+1 < len(attrs); i += 2 {
		list = append(list, fmt.Sprintf("%s=%q", attrs[i], attrs[i+1]))
	}
	slices.Sort(list)
	fmt.Fprintf(&t.b, "<%s %s>", name, strings.Join(list, " "))
}

func (t *tree) End() {
	t.flush()
	t.b.WriteString("</>")
}

func (t *tree) Text(s string) { t.text.WriteString(s) }

func (t *tree) flush() {
	if t.text.Len() > 0 {
		fmt.Fprintf(&t.b, "%q", t.text.String())
		t.text.Reset()
	}
}

func (t *tree) add(e *Element) {
	if e.Name == "" {
		t.Text(e.Text)
		return
	}
	var attrs []string
	for _, a := range e.Attrs {
		space := a.Space
		if space == "xml" {
			space = nsXML
		}
		attrs = append(attrs, join(space, a.Name), a.Value)
	}
	t.Start(join(e.Space, e.Name), attrs)
	for c := e.first; c != nil; c = c.next {
		t.add(c)
	}
	t.End()
}

func join(space, name string) string { return strings.TrimPrefix(space+" "+name, " ") }

func treeOf(e *Element) string {
	if e == nil {
		return "nothing"
	}
	var t tree
	t.add(e)
	return t.b.String()
}

// stdTree is the stanzas of a stream as encoding/xml reads them.
func stdTree(document string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(document))
	var t tree
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return t.b.String(), err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth > 1 {
				var attrs []string
				for _, a := range token.Attr {
					if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
						attrs = append(attrs, join(a.Name.Space, a.Name.Local), spaces.Replace(a.Value))
					}
				}
				t.Start(join(token.Name.Space, token.Name.Local), attrs)
			}
		case xml.EndElement:
			if depth--; depth > 0 {
				t.End()
			}
		case xml.CharData:
			if depth > 1 {
				t.Text(string(token))
			}
		}
	}
}

// encoding/xml does not normalize attribute values.
var spaces = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// readAll reads the stanzas of a whole stream. Stanzas over a limit are noted in
// the list, the error is what ended it.
func readAll(src io.Reader, limits Limits) (list []string, end error) {
	r := NewReader(src, limits)
	if _, err := r.Open(); err != nil {
		return nil, err
	}
	for {
		e, err := r.Next()
		if large, ok := errors.AsType[*TooLargeError](err); ok {
			list = append(list, "too large: "+treeOf(large.Element))
			continue
		}
		if err != nil {
			return list, err
		}
		list = append(list, treeOf(e))
	}
}

// readChunked is readAll, and fails the test if the result depends on how the
// bytes arrive.
func readChunked(t *testing.T, document string, limits Limits) ([]string, error) {
	t.Helper()
	list, end := readAll(strings.NewReader(document), limits)
	for name, src := range map[string]io.Reader{
		"byte by byte":        iotest.OneByteReader(strings.NewReader(document)),
		"by halves":           iotest.HalfReader(strings.NewReader(document)),
		"with the end":        iotest.DataErrReader(strings.NewReader(document)),
		"in shrinking pieces": &pieces{rest: document},
	} {
		gotList, gotEnd := readAll(src, limits)
		if !slices.Equal(gotList, list) || summary(gotEnd) != summary(end) {
			t.Fatalf("%s, %q is read as\n%q, %v\nand else as\n%q, %v", name, document, gotList, gotEnd, list, end)
		}
	}
	return list, end
}

func summary(err error) string {
	if _, ok := errors.AsType[*NotXMPPError](err); ok {
		return "not xmpp"
	}
	return err.Error()
}

// pieces gives 1 to 7 bytes at a time, and sometimes none.
type pieces struct {
	rest string
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	p.n = (p.n + 3) % 8
	n := copy(b[:min(len(b), p.n)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// readOne reads a stanza within a stream.
func readOne(t *testing.T, stanza string) *Element {
	t.Helper()
	r := NewReader(strings.NewReader(streamHeader+stanza+footer), DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	e, err := r.Next()
	if err != nil {
		t.Fatalf("read %.200q: %v", stanza, err)
	}
	return e.Clone()
}
