package wire

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestAStanzaOverALimitIsSkippedAndReadingGoesOn(t *testing.T) {
	limits := Limits{Bytes: 1000, Depth: 5, Attrs: 4, Children: 10}
	long := strings.Repeat("x", 2000)
	const kept = "too large: <" + acc + `message from="a@b" id="1"></>`
	for _, row := range []struct{ name, in, want string }{
		{"long text", "<message from='a@b' id='1'><body>" + long + "</body></message>", kept},
		{"long text in the stanza itself", "<message from='a@b' id='1'>" + long + "</message>", kept},
		{"long value", "<message from='a@b' id='1'><a b='" + long + "'/></message>", kept},
		{"long value of the stanza", "<message from='a@b' id='1' c='" + long + "'/>", kept},
		{"long name inside", "<message from='a@b' id='1'><" + long + "/></message>", kept},
		{"long CDATA with an end tag in it", "<message from='a@b' id='1'><![CDATA[" + long + "</message>]]]></message>", kept},
		{"long white space in a tag", "<message from='a@b' id='1'" + strings.Repeat(" ", 2000) + "/>", kept},
		{"long white space in the end tag", "<message from='a@b' id='1'></message" + strings.Repeat("\n", 2000) + ">", kept},
		{"references that stand for markup",
			"<message from='a@b' id='1'>" + strings.Repeat("&lt;/message&gt;", 100) + "</message>", kept},
		{"references that stand for quotes",
			"<message from='a@b' id='1'><a b=\"" + strings.Repeat("&quot;/>", 200) + "\">'</a></message>", kept},
		{"the other quote in a value", "<message from='a@b' id='1'><a b='" + strings.Repeat("\"/>", 400) + "'/></message>", kept},
		{"long character reference", "<message from='a@b' id='1'>&#" + strings.Repeat("0", 2000) + "65;</message>", kept},
		{"line breaks that shrink", "<message from='a@b' id='1'>" + strings.Repeat("\r\n", 1000) + "</message>", kept},
		{"many elements", "<message from='a@b' id='1'>" + strings.Repeat("<a/>", 11) + "</message>", kept},
		{"deep elements", "<message from='a@b' id='1'>" + strings.Repeat("<a>", 5) + "b" + strings.Repeat("</a>", 5) + "</message>", kept},
		{"many attributes inside", "<message from='a@b' id='1'><a b='' c='' d='' e='' f=''/></message>", kept},
		{"many attributes of the stanza", "<message from='a@b' id='1' c='' d='' e=''/>",
			"too large: <" + acc + `message c="" d="" from="a@b" id="1"></>`},
		{"many prefixes in scope", "<message from='a@b' id='1'><a xmlns:a='u' xmlns:b='u' xmlns:c='u'>" +
			"<a xmlns:d='u' xmlns:e='u'/></a></message>", kept},
		{"stanza of its own namespace", "<handshake xmlns='urn:x' id='1' c='" + long + "'/>",
			`too large: <urn:x handshake id="1"></>`},
		{"stanza with a prefix and prefixed attributes",
			"<stream:x stream:y='1' id='1' xml:lang='de' c='" + long + "'/>",
			"too large: <" + nsStream + " x " + nsXML + ` lang="de" id="1"></>`},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, end := readChunked(t, streamHeader+"<a/>"+row.in+"<b/>"+footer, limits)
			want := []string{"<" + acc + "a ></>", row.want, "<" + acc + "b ></>"}
			if end != ErrStreamClosed || !slices.Equal(list, want) {
				t.Errorf("read as %q, %v", list, end)
			}
		})
	}
}

func TestStanzasAtTheLimitsAreRead(t *testing.T) {
	limits := Limits{Bytes: 200, Depth: 5, Attrs: 4, Children: 10}
	for _, row := range []struct{ name, in string }{
		{"bytes", "<a>" + strings.Repeat("x", 193) + "</a>"},
		{"bytes after white space", strings.Repeat(" ", 5000) + "<a>" + strings.Repeat("x", 193) + "</a>"},
		{"depth", "<a><b><c><d><e/></d></c></b></a>"},
		{"attributes", "<a b='' c='' d='' xmlns:e='u'/>"},
		{"elements", "<a>" + strings.Repeat("<b/>", 10) + "</a>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, end := readChunked(t, streamHeader+row.in+footer, limits)
			if end != ErrStreamClosed || len(list) != 1 || strings.HasPrefix(list[0], "too large") {
				t.Errorf("read as %q, %v", list, end)
			}
		})
	}
	list, _ := readChunked(t, streamHeader+"<a>"+strings.Repeat("x", 194)+"</a>"+footer, limits)
	if len(list) != 1 || list[0] != "too large: <"+acc+"a ></>" {
		t.Errorf("one byte more is read as %q", list)
	}
}

func TestSkippingEndsTheStreamWhereFramingIsLost(t *testing.T) {
	long := "<a>" + strings.Repeat("x", 300)
	for _, row := range []struct{ name, in, condition string }{
		{"far too long", long + strings.Repeat("x", 4000), policyViolation},
		{"name without an end", "<" + strings.Repeat("x", 300), policyViolation},
		{"comment", long + "<!-- </a> -->", restrictedXML},
		{"document type", long + "<!DOCTYPE a>", restrictedXML},
		{"processing instruction", long + "<?a?>", restrictedXML},
		{"less-than sign in a tag", long + "<b <", notWellFormed},
		{"less-than sign in a value", long + "<b c='<", notWellFormed},
		{"less-than sign in an end tag", long + "</b<", notWellFormed},
		{"less-than sign and a space", long + "< b", notWellFormed},
		{"slash in a tag", long + "<b/ >", notWellFormed},
		{"control character", long + "\x00", notWellFormed},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, end := readChunked(t, streamHeader+row.in+footer, Limits{Bytes: 200, Depth: 64})
			if broken, ok := errors.AsType[*SyntaxError](end); !ok || broken.Condition != row.condition {
				t.Errorf("ends in %v, want %s", end, row.condition)
			}
		})
	}
	if _, end := readChunked(t, streamHeader+long, Limits{Bytes: 200}); end != io.ErrUnexpectedEOF {
		t.Errorf("cut: %v", end)
	}
}

// A reader of this many bytes that nobody holds in memory.
func stream(parts ...io.Reader) io.Reader {
	return io.MultiReader(append([]io.Reader{strings.NewReader(streamHeader)}, parts...)...)
}

func repeat(s string, n int) io.Reader { return &repeater{s: s, n: n} }

type repeater struct {
	s, rest string
	n       int
}

func (r *repeater) Read(b []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.s
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestHugeStanzasTakeNoMemoryBeyondTheLimit(t *testing.T) {
	for _, row := range []struct {
		name string
		in   []io.Reader
	}{
		{"10 MB of text in small chunks", []io.Reader{strings.NewReader("<a id='1'>"), repeat("0123456789", 1000000), strings.NewReader("</a>")}},
		{"100000 attributes", []io.Reader{strings.NewReader("<a id='1'"), repeat(" b='c'", 100000), strings.NewReader("/>")}},
		{"a million elements in each other", []io.Reader{strings.NewReader("<a id='1'>"), repeat("<b>", 1000000), repeat("</b>", 1000000), strings.NewReader("</a>")}},
		{"a million elements in turn", []io.Reader{strings.NewReader("<a id='1'>"), repeat("<b/>", 1000000), strings.NewReader("</a>")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := NewReader(stream(append(row.in, strings.NewReader(typicalMessage))...), DefaultLimits)
			if _, err := r.Open(); err != nil {
				t.Fatal(err)
			}
			_, err := r.Next()
			large, ok := errors.AsType[*TooLargeError](err)
			if !ok || large.Element.Name != "a" || large.Element.Attr("id") != "1" {
				t.Fatalf("got %v", err)
			}
			checkMemory(t, r)
			e, err := r.Next()
			if err != nil || e.Child(nsComponent, "body").Content() != "But soft, what light & so on" {
				t.Errorf("then %s, %v", treeOf(e), err)
			}
			if len(r.buf) > keepBuffer || len(r.tree.slabs) > keepSlabs || cap(r.tree.attrs) > keepAttrs {
				t.Errorf("keeps %d bytes, %d slabs, %d attributes", len(r.buf), len(r.tree.slabs), cap(r.tree.attrs))
			}
		})
	}
}

// checkMemory holds what the reader has against its limits.
func checkMemory(t *testing.T, r *Reader) {
	t.Helper()
	if most := 2*r.limits.Bytes + 4*firstBuffer; len(r.buf) > most {
		t.Errorf("buffer of %d bytes", len(r.buf))
	}
	if most := 2*(r.limits.Children+2)/slabSize + 1 + keepSlabs; len(r.tree.slabs) > most {
		t.Errorf("%d slabs", len(r.tree.slabs))
	}
	if len(r.tree.attrs) > r.limits.Bytes/5+1 || len(r.scope) > r.rootScope+r.limits.Attrs || cap(r.open) > 2*r.limits.Depth+4 {
		t.Errorf("%d attributes, %d bindings, %d open", len(r.tree.attrs), len(r.scope), cap(r.open))
	}
}

func TestWhiteSpaceBetweenStanzasTakesNoMemory(t *testing.T) {
	r := NewReader(stream(repeat(" \n", 5000000), strings.NewReader("<a/>")), DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Next(); err != nil || e.Name != "a" || len(r.buf) > firstBuffer {
		t.Errorf("%v, %v, %d bytes", e, err, len(r.buf))
	}
}

func TestElementsStayWholeWhileTheBufferGrows(t *testing.T) {
	var in, want strings.Builder
	in.WriteString("<a>")
	want.WriteString("<" + acc + "a >")
	for i := range 2000 {
		fmt.Fprintf(&in, "<b c='&lt;%d'>&amp;%d</b>", i, i)
		fmt.Fprintf(&want, `<%sb c="<%d">"&%d"</>`, acc, i, i)
	}
	in.WriteString("</a>")
	want.WriteString("</>")
	list, end := readChunked(t, streamHeader+in.String()+in.String()+footer, DefaultLimits)
	if end != ErrStreamClosed || !slices.Equal(list, []string{want.String(), want.String()}) {
		t.Errorf("%d stanzas, %v", len(list), end)
	}
}

func TestTheHeaderOutlivesItsBuffer(t *testing.T) {
	header := "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' xmlns:own='urn:own'>"
	r := NewReader(io.MultiReader(strings.NewReader(header), repeat("<own:a/><b/>", 5000), strings.NewReader("</s:stream>")), DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 10000 {
		e, err := r.Next()
		if err != nil || e.Space != []string{"urn:own", nsComponent}[i%2] {
			t.Fatalf("stanza %d is %+v, %v", i, e, err)
		}
	}
	if _, err := r.Next(); err != ErrStreamClosed {
		t.Error(err)
	}
}
