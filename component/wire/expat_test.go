//go:build expat

package wire

import (
	"strings"
	"testing"

	"gatehouse/component/wire/internal/expat"
)

// expatTree is the stanzas of a stream as expat reads them.
func expatTree(document string) (string, error) {
	h := &stanzasOnly{}
	err := expat.Parse([]byte(document), h)
	return h.b.String(), err
}

// stanzasOnly leaves the stream header out.
type stanzasOnly struct {
	tree
	depth int
}

func (s *stanzasOnly) Start(name string, attrs []string) {
	if s.depth++; s.depth > 1 {
		s.tree.Start(name, attrs)
	}
}

func (s *stanzasOnly) End() {
	if s.depth--; s.depth > 0 {
		s.tree.End()
	}
}

func (s *stanzasOnly) Text(text string) {
	if s.depth > 1 {
		s.tree.Text(text)
	}
}

func TestExpatRefusesWhatIsBroken(t *testing.T) {
	for _, document := range []string{"", "<a>", "<a b='1' b='2'/>", "<p:a/>", "<a>\x01</a>", "<a>&nbsp;</a>"} {
		if _, err := expatTree(document); err == nil {
			t.Errorf("%q is accepted", document)
		}
	}
}

// Any strings: expat accepts the document.
func FuzzWriterAcceptedByExpat(f *testing.F) {
	addHostile(f)
	f.Fuzz(func(t *testing.T, space, name, attr, value, text string) {
		var w Writer
		if !hostile(&w, space, name, attr, value, text) {
			w.Reset()
			w.Start("", "message")
			w.Attr("to", value)
			w.Text(text)
			w.End()
		}
		document := streamHeader + string(w.Bytes()) + footer
		got, err := expatTree(document)
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		if want := treeOf(readOne(t, string(w.Bytes()))); got != want {
			t.Fatalf("%q is read as\n%s\nand by expat as\n%s", document, want, got)
		}
	})
}

// Any bytes: what the Reader accepts, expat accepts and reads the same.
func FuzzReaderAgreesWithExpat(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add("\x00\x05\x02\x18\x05\x24\x34\x36\x09\x07", true)
	}
	f.Fuzz(func(t *testing.T, stanzas string, words bool) {
		if words {
			stanzas = inVocabulary(stanzas)
		}
		document := streamHeader + stanzas + footer
		if strings.Contains(stanzas, footer[:len(footer)-1]) {
			return // there may be more after the end of the stream
		}
		list, end := readAll(strings.NewReader(document), DefaultLimits)
		got, err := expatTree(document)
		// A space in a namespace is a syntax error, because names are joined with it.
		if end == ErrStreamClosed && err != nil && isASCII(document) && !strings.Contains(err.Error(), "syntax error") {
			t.Fatalf("%q is read as\n%s\nand refused by expat: %v", document, strings.Join(list, ""), err)
		}
		if end == ErrStreamClosed && err == nil && got != strings.Join(list, "") {
			t.Fatalf("%q is read as\n%s\nand by expat as\n%s", document, strings.Join(list, ""), got)
		}
	})
}

// isASCII tells whether expat knows all names: beyond ASCII it reads them by an
// older edition of XML.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7F }) < 0
}
