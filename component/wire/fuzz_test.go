package wire

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var seeds = []string{
	typicalMessage,
	typicalMessage + "<presence/> <iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
	"<a b='&lt;\t\"' xml:lang='de'>&#x1F600;<![CDATA[<b>]]]]>\r\n é</a>",
	"<p:a xmlns:p='u:p' p:b='1' b='2'><p:c xmlns=''><d/></p:c></p:a>",
	"<a><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>x</body></message></forwarded></a>",
	"<a><!-- b --></a>", "<?xml version='1.0'?>", "<!DOCTYPE a>", "<a>&nbsp;</a>", "<a></b>", "<a b='1' b='2'/>", "<a>]]></a>",
	"<a><b><c><d><e><f/></e></d></c></b></a>", "<a b='' c='' d='' e='' f=''/>" + "<é·/>", "<a>" + strings.Repeat("x", 500) + "</a><b/>",
	"<a b='" + strings.Repeat("&quot;/>", 80) + "'/><b/>", "<a>" + strings.Repeat("&lt;/a&gt;", 50) + "</a><b/>",
}

// pieces of markup that a byte stands for, so that fuzzing gets past the first tag.
var vocabulary = []string{
	"<a", "<b", "<p:a", "<q:b", "<stream:c", ">", "/>", "</a>", "</b>", "</p:a>", "</q:b>", "<a>", "<b>", "<a/>", "<b/>",
	" b='", " b=\"", " c='1'", " p:b='2'", " q:b='3'", " xml:lang='de'", " xmlns='u:1'", " xmlns=''", " xmlns='jabber:client'",
	" xmlns:p='u:p'", " xmlns:q='u:p'", " xmlns:q='u:q'", " xmlns:p=''", "'", "\"", " ", "\t", "\n", "\r", "\r\n", "=",
	"&lt;", "&amp;", "&quot;", "&apos;", "&gt;", "&#13;", "&#10;", "&#9;", "&#x1F600;", "&#65;", "&nbsp;", "&", ";", "]", "]]", "]]>",
	"<![CDATA[", "<![CDATA[]]>", "<!--", "<?", "<!", "<", "</", ":", "x", "text", "é", "♥", "😀", "\xe2", "\x99", "\x00", "\uFFFE",
	"0123456789012345678901234567890123456789", "<p:a xmlns:p='u:p'>", "<b xmlns='u:2'>",
}

func inVocabulary(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString(vocabulary[int(c)%len(vocabulary)])
	}
	return b.String()
}

// Random markup, in ordinary test runs: the same as FuzzReader and FuzzRoundTrip.
func TestRandomMarkupIsReadTheSameEverywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 6000 {
		stanza := make([]byte, random.IntN(30))
		for i := range stanza {
			stanza[i] = byte(random.Uint32())
		}
		document := inVocabulary(string(stanza))
		if random.IntN(2) == 0 {
			document = "<a>" + document + "</a>"
		}
		checkReading(t, streamHeader+document+footer)
		if checkRoundTrip(t, document) {
			accepted++
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	if accepted < 200 {
		t.Errorf("only %d of the documents have a stanza", accepted)
	}
}

var small = Limits{Bytes: 400, Depth: 5, Attrs: 4, Children: 6}

// Any bytes: no panic, the limits hold, the result does not depend on how the
// bytes arrive, and where encoding/xml reads the stream too, it reads the same.
func FuzzReader(f *testing.F) {
	for _, s := range seeds {
		f.Add(streamHeader+s+footer, uint8(0))
		f.Add(s, uint8(1))
		f.Add("\x00\x05\x02\x18\x05\x24\x34\x36\x09\x07", uint8(2))
	}
	f.Fuzz(func(t *testing.T, document string, kind uint8) {
		switch kind % 3 {
		case 1:
			document = streamHeader + document + footer
		case 2:
			document = streamHeader + inVocabulary(document) + footer
		}
		checkReading(t, document)
	})
}

func checkReading(t *testing.T, document string) {
	list, end := readAll(strings.NewReader(document), small)
	for _, src := range []io.Reader{iotest.OneByteReader(strings.NewReader(document)), &pieces{rest: document}} {
		gotList, gotEnd := readAll(src, small)
		if !slices.Equal(gotList, list) || summary(gotEnd) != summary(end) {
			t.Fatalf("%q is read as\n%q, %v\nand in pieces as\n%q, %v", document, list, end, gotList, gotEnd)
		}
	}
	checkLimits(t, document)

	list, end = readAll(strings.NewReader(document), DefaultLimits)
	if end != ErrStreamClosed || strings.Count(document, "</") > 0 && !strings.HasSuffix(document, footer) ||
		strings.Count(document, footer[:len(footer)-1]) != 1 {
		return // there may be more after the end of the stream
	}
	if std, err := stdTree(document); err == nil && plainly(std) != plainly(strings.Join(list, "")) {
		t.Fatalf("%q is read as\n%s\nand by encoding/xml as\n%s", document, strings.Join(list, ""), std)
	}
}

// plainly makes no difference between kinds of white space, which encoding/xml
// does not normalize in values.
func plainly(tree string) string {
	return strings.NewReplacer(`\t`, " ", `\n`, " ", `\r`, " ", `\\`, `\\`).Replace(tree)
}

func checkLimits(t *testing.T, document string) {
	r := NewReader(strings.NewReader(document), small)
	_, err := r.Open()
	for err == nil {
		var e *Element
		e, err = r.Next()
		if err == nil {
			checkElement(t, e)
		}
		if _, ok := errors.AsType[*TooLargeError](err); ok {
			err = nil
		}
		checkMemory(t, r)
	}
}

func checkElement(t *testing.T, e *Element) {
	elements, deepest := 0, 0
	var walk func(e *Element, depth int)
	walk = func(e *Element, depth int) {
		elements++
		deepest = max(deepest, depth)
		if len(e.Attrs) > small.Attrs {
			t.Errorf("%d attributes", len(e.Attrs))
		}
		for c := range e.Children() {
			walk(c, depth+1)
		}
	}
	walk(e, 1)
	if elements > small.Children+1 || deepest > small.Depth {
		t.Errorf("%d elements, %d deep", elements, deepest)
	}
}

// What was read is written, read again, and is the same.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add("\x00\x05\x02\x18\x05\x24\x34\x36\x09\x07", true)
	}
	f.Fuzz(func(t *testing.T, stanza string, words bool) {
		if words {
			stanza = inVocabulary(stanza)
		}
		checkRoundTrip(t, stanza)
	})
}

// checkRoundTrip tells whether there was a stanza.
func checkRoundTrip(t *testing.T, stanza string) bool {
	r := NewReader(strings.NewReader(streamHeader+stanza), DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	e, err := r.Next()
	if err != nil {
		return false
	}
	var w Writer
	e.WriteXML(&w)
	if w.Err() != nil {
		return false // names that no server reads
	}
	again := readOne(t, string(w.Bytes()))
	if got, want := canonical(treeOf(again)), canonical(treeOf(e)); got != want {
		t.Fatalf("%q is written as %q:\n%s\n%s", stanza, w.Bytes(), want, got)
	}
	if got, want := treeOf(e.Clone()), treeOf(e); got != want {
		t.Fatalf("%q is cloned as\n%s\n%s", stanza, want, got)
	}
	if std, err := stdTree(streamHeader + string(w.Bytes()) + footer); err != nil || canonical(plainly(std)) != canonical(plainly(treeOf(again))) {
		t.Fatalf("%q is read by encoding/xml as\n%s, %v", w.Bytes(), std, err)
	}
	return true
}

// canonical makes no difference between the two content namespaces.
func canonical(tree string) string {
	return strings.ReplaceAll(tree, "<"+nsComponent+" ", "<"+nsClient+" ")
}

// hostile builds a stanza out of any strings, and tells whether the writer
// should take it.
func hostile(w *Writer, space, name, attr, value, text string) bool {
	w.Start("", "message")
	w.Attr("to", value)
	w.Text(text)
	w.Start(space, name)
	w.Attr(attr, value)
	w.AttrNS("xml", "lang", text)
	w.AttrNS(space, attr+"x", text)
	w.Text(value)
	w.Start(value, "inner")
	w.AttrNS(text, "a", value)
	w.Start("jabber:client", "body")
	w.End()
	w.End()
	w.Text(text)
	w.End()
	w.End()
	return w.Err() == nil
}

// Any strings: what is written without an error is read by the Reader and by
// encoding/xml, and the text comes back but for what XML cannot hold.
func FuzzWriter(f *testing.F) {
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
		if w.Err() != nil {
			t.Fatal(w.Err())
		}
		e := readOne(t, string(w.Bytes()))
		if got, want := e.Attr("to"), legal(value); got != want {
			t.Errorf("value %q is read back as %q", value, got)
		}
		if got, want := e.first.textOf(), legal(text); got != want {
			t.Errorf("text %q is read back as %q", text, got)
		}
		if _, err := stdTree(streamHeader + string(w.Bytes()) + footer); err != nil {
			t.Errorf("%q is not read by encoding/xml: %v", w.Bytes(), err)
		}
	})
}

func (e *Element) textOf() string {
	if e == nil {
		return ""
	}
	return e.Text
}

// legal is what XML can hold of a string.
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		if isChar(r) {
			return r
		}
		return -1
	}, s)
}

func addHostile(f *testing.F) {
	f.Add("urn:x", "a", "b", "c", "d")
	f.Add("", "é", "xmlns", "&<>\"'\t\r\n", "]]>\x00\xff")
	f.Add(nsXML, "0", "xml:lang", "\uFFFE\x1b", "<![CDATA[")
	f.Add("jabber:client", "message", "to", "urn:y", "urn:z")
	f.Add("u v", "a:b", "b='", "http://www.w3.org/2000/xmlns/", nsXML)
}
