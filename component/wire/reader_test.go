package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
)

const acc = nsComponent + " "

func TestStanzasAreRead(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"empty element", `<presence/>`, `<` + acc + `presence ></>`},
		{"text", `<a>b</a>`, `<` + acc + `a >"b"</>`},
		{"both quotes", `<a b='"' c="'"/>`, `<` + acc + `a b="\"" c="'"></>`},
		{"greater-than sign in a value", `<a b='/>'/>`, `<` + acc + `a b="/>"></>`},
		{"white space in tags", "<a\n b\t=\r\n'c'\t></a\n>", `<` + acc + `a b="c"></>`},
		{"five entities", `<a b='&lt;&gt;&amp;&apos;&quot;'>&lt;&gt;&amp;&apos;&quot;</a>`,
			`<` + acc + `a b="<>&'\"">"<>&'\""</>`},
		{"character references", `<a b='&#65;&#x42;'>&#x1F600;&#0000000000067;</a>`, `<` + acc + `a b="AB">"😀C"</>`},
		{"reference that looks like markup", `<a>&lt;b&gt;</a>`, `<` + acc + `a >"<b>"</>`},
		{"reference that looks like a reference", `<a>&amp;lt;</a>`, `<` + acc + `a >"&lt;"</>`},
		{"CDATA", `<a>x<![CDATA[<b>&lt;]]]]>y<![CDATA[]]></a>`, `<` + acc + `a >"x<b>&lt;]]y"</>`},
		{"line breaks in text", "<a>1\r\n2\r3\n4&#13;\r\r\n5</a>", `<` + acc + `a >"1\n2\n3\n4\r\n\n5"</>`},
		{"line breaks in CDATA", "<a><![CDATA[1\r\n2\r]]></a>", `<` + acc + `a >"1\n2\n"</>`},
		{"white space in a value", "<a b='1\t2\n3\r\n4\r5&#9;&#10;&#13;6'/>", `<` + acc + `a b="1 2 3 4 5\t\n\r6"></>`},
		{"brackets in text", "<a>]] >]&gt;]]&gt;></a>", `<` + acc + `a >"]] >]>]]>>"</>`},
		{"beyond ASCII", "<a b='é'>♥😀\U0010FFFD</a>", `<` + acc + `a b="é">"♥😀\U0010fffd"</>`},
		{"mixed content", "<a>1<b/>2<c>3</c></a>",
			`<` + acc + `a >"1"<` + acc + `b ></>"2"<` + acc + `c >"3"</></>`},
		{"own namespace", "<a><b xmlns='u:b'><c/></b><d/></a>",
			`<` + acc + `a ><u:b b ><u:b c ></></><` + acc + `d ></></>`},
		{"no namespace", "<a><b xmlns=''/></a>", `<` + acc + `a ><b ></></>`},
		{"prefix", "<p:a xmlns:p='u:p' p:b='1' b='2'><p:c/></p:a>", `<u:p a b="2" u:p b="1"><u:p c ></></>`},
		{"prefix declared after its use", "<p:a p:b='1' xmlns:p='u:p'/>", `<u:p a u:p b="1"></>`},
		{"prefix of another namespace further in", "<a xmlns:p='u:1'><p:b xmlns:p='u:2'/><p:c/></a>",
			`<` + acc + `a ><u:2 b ></><u:1 c ></></>`},
		{"prefix of the header", "<stream:error/>", `<` + nsStream + ` error ></>`},
		{"xml:lang", "<a xml:lang='de' lang='en'/>", `<` + acc + `a ` + nsXML + ` lang="de" lang="en"></>`},
		{"prefix xml declared", "<a xmlns:xml='" + nsXML + "' xml:lang='de'/>", `<` + acc + `a ` + nsXML + ` lang="de"></>`},
		{"name beyond ASCII", "<é·1/>", `<` + acc + `é·1 ></>`},
		{"white space before the stanza", " \r\n\t<a/>", `<` + acc + `a ></>`},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, end := readChunked(t, streamHeader+row.in+footer, DefaultLimits)
			if end != ErrStreamClosed || len(list) != 1 || list[0] != row.want {
				t.Errorf("%q is read as\n%s, %v; want\n%s", row.in, list, end, row.want)
			}
		})
	}
}

func TestBrokenStanzasEndTheStream(t *testing.T) {
	for _, row := range []struct{ name, in, condition string }{
		{"comment", "<a><!-- b --></a>", restrictedXML},
		{"comment between stanzas", "<!-- b -->", restrictedXML},
		{"processing instruction", "<a><?php?></a>", restrictedXML},
		{"xml declaration between stanzas", "<?xml version='1.0'?>", restrictedXML},
		{"document type", "<!DOCTYPE a>", restrictedXML},
		{"document type inside", "<a><!DOCTYPE a></a>", restrictedXML},
		{"entity", "<a>&nbsp;</a>", restrictedXML},
		{"entity in a value", "<a b='&eacute;'/>", restrictedXML},
		{"ampersand alone", "<a> & </a>", notWellFormed},
		{"ampersand at the end of a value", "<a b='&'/>", notWellFormed},
		{"reference without digits", "<a>&#;</a>", notWellFormed},
		{"hexadecimal reference without digits", "<a>&#x;</a>", notWellFormed},
		{"hexadecimal digit in a decimal reference", "<a>&#a;</a>", notWellFormed},
		{"reference to NUL", "<a>&#0;</a>", notWellFormed},
		{"reference to a control character", "<a>&#x1B;</a>", notWellFormed},
		{"reference to a surrogate", "<a>&#xD83D;</a>", notWellFormed},
		{"reference to U+FFFE", "<a>&#xFFFE;</a>", notWellFormed},
		{"reference beyond Unicode", "<a>&#x110000;</a>", notWellFormed},
		{"reference beyond 64 bits", "<a>&#x1000000000000000041;</a>", notWellFormed},
		{"control character", "<a>\x1b</a>", notWellFormed},
		{"control character in a value", "<a b='\x01'/>", notWellFormed},
		{"control character in CDATA", "<a><![CDATA[\x00]]></a>", notWellFormed},
		{"U+FFFF", "<a>\uFFFF</a>", notWellFormed},
		{"invalid UTF-8", "<a>\xff</a>", notWellFormed},
		{"overlong UTF-8", "<a>\xc0\xaf</a>", notWellFormed},
		{"surrogate in UTF-8", "<a>\xed\xa0\xbd</a>", notWellFormed},
		{"cut character", "<a>\xe2\x99</a>", notWellFormed},
		{"invalid UTF-8 in a name", "<a\xff/>", notWellFormed},
		{"wrong end tag", "<a></b>", notWellFormed},
		{"longer end tag", "<a></ab>", notWellFormed},
		{"shorter end tag", "<ab></a>", notWellFormed},
		{"end tag with another prefix of the same namespace", "<p:a xmlns:p='u' xmlns:q='u'></q:a>", notWellFormed},
		{"end tag of nothing", "</a>", notWellFormed},
		{"end of the stream inside", "<a></stream:stream>", notWellFormed},
		{"attribute twice", "<a b='1' b='2'/>", notWellFormed},
		{"attribute twice by prefixes", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", notWellFormed},
		{"attribute without a value", "<a b/>", notWellFormed},
		{"attribute without quotes", "<a b=1/>", notWellFormed},
		{"attributes without a space", "<a b='1'c='2'/>", notWellFormed},
		{"less-than sign in a value", "<a b='<'/>", notWellFormed},
		{"end of CDATA in text", "<a>]]></a>", notWellFormed},
		{"three brackets", "<a>]]]></a>", notWellFormed},
		{"prefix not declared", "<p:a/>", notWellFormed},
		{"prefix of an attribute not declared", "<a p:b='1'/>", notWellFormed},
		{"prefix out of scope", "<a><b xmlns:p='u'/><p:c/></a>", notWellFormed},
		{"prefix declared twice", "<a xmlns:p='u' xmlns:p='v'/>", notWellFormed},
		{"prefix declared as nothing", "<a xmlns:p=''/>", notWellFormed},
		{"namespace declared twice", "<a xmlns='u' xmlns='v'/>", notWellFormed},
		{"prefix xmlns declared", "<a xmlns:xmlns='u'/>", notWellFormed},
		{"prefix xmlns used", "<xmlns:a/>", notWellFormed},
		{"prefix xml for another namespace", "<a xmlns:xml='u'/>", notWellFormed},
		{"namespace of xml as the default", "<a xmlns='" + nsXML + "'/>", notWellFormed},
		{"namespace of xmlns for a prefix", "<a xmlns:p='" + nsXMLNS + "'/>", notWellFormed},
		{"two colons", "<stream:a:b/>", notWellFormed},
		{"colon in front", "<:a/>", notWellFormed},
		{"colon at the end", "<stream:/>", notWellFormed},
		{"digit in front", "<1/>", notWellFormed},
		{"space in front of the name", "< a/>", notWellFormed},
		{"slash in the tag", "<a / >", notWellFormed},
		{"text between stanzas", "<a/>b", badFormat},
		{"reference between stanzas", "&#32;", badFormat},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, end := readChunked(t, streamHeader+row.in+footer, DefaultLimits)
			broken, ok := errors.AsType[*SyntaxError](end)
			if !ok || broken.Condition != row.condition {
				t.Errorf("%q ends in %v, want %s", row.in, end, row.condition)
			}
		})
	}
}

func TestStreamEnds(t *testing.T) {
	for _, row := range []struct {
		name, in string
		want     error
	}{
		{"closed", "<a/></stream:stream>", ErrStreamClosed},
		{"closed with spaces", " </stream:stream\n>", ErrStreamClosed},
		{"cut between stanzas", "<a/> ", io.EOF},
		{"cut in a tag", "<a", io.ErrUnexpectedEOF},
		{"cut in a value", "<a b='", io.ErrUnexpectedEOF},
		{"cut in text", "<a>b", io.ErrUnexpectedEOF},
		{"cut in a character", "<a>\xe2\x99", io.ErrUnexpectedEOF},
		{"cut in a reference", "<a>&am", io.ErrUnexpectedEOF},
		{"cut in CDATA", "<a><![CDATA[b]]", io.ErrUnexpectedEOF},
		{"cut in the end tag", "<a></a", io.ErrUnexpectedEOF},
		{"cut in the end of the stream", "</stream", io.ErrUnexpectedEOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, end := readChunked(t, streamHeader+row.in, DefaultLimits); end != row.want {
				t.Errorf("ends in %v", end)
			}
		})
	}
}

func TestAnErrorIsTheEnd(t *testing.T) {
	r := NewReader(strings.NewReader(streamHeader+"<a></b><c/>"), DefaultLimits)
	if _, err := r.Next(); err == nil {
		t.Fatal("a stanza before the header")
	}
	r = NewReader(strings.NewReader(streamHeader+"<a></b><c/>"), DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	_, first := r.Next()
	e, second := r.Next()
	if first == nil || second != first || e != nil {
		t.Errorf("first %v, then %v", first, second)
	}
}

func TestStreamHeaderIsRead(t *testing.T) {
	const want = nsStream + " stream "
	for _, row := range []struct{ name, in string }{
		{"as Prosody sends it", `<?xml version='1.0'?><stream:stream xml:lang='en' xmlns='jabber:component:accept' ` +
			`id='1' xmlns:stream='http://etherx.jabber.org/streams' from='irc.b'>`},
		{"as ejabberd sends it", `<?xml version='1.0'?><stream:stream id='1' xmlns:stream='http://etherx.jabber.org/streams' ` +
			`xmlns='jabber:component:accept' from='irc.b'>`},
		{"as Openfire sends it", `<?xml version='1.0' encoding='UTF-8'?><stream:stream ` +
			`xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:component:accept" from="irc.b" id="1">`},
		{"without a declaration", `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1' from='irc.b'>`},
		{"with white space", " \n<?xml version = \"1.0\" standalone='yes' ?>\r\n\t" +
			"<stream:stream\nxmlns:stream='http://etherx.jabber.org/streams'\nid = '1'\nfrom='irc.b'\n>"},
		{"with another prefix", `<s:stream xmlns:s='http://etherx.jabber.org/streams' id='1' from='irc.b'>`},
		{"without a prefix", `<stream xmlns='http://etherx.jabber.org/streams' id='1' from='irc.b'>`},
		{"and closed at once", `<stream xmlns='http://etherx.jabber.org/streams' id='1' from='irc.b'/>`},
	} {
		t.Run(row.name, func(t *testing.T) {
			readChunked(t, row.in+"<a/>", DefaultLimits)
			r := NewReader(strings.NewReader(row.in), DefaultLimits)
			e, err := r.Open()
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Space + " " + e.Name + " "; got != want || e.Attr("id") != "1" || e.Attr("from") != "irc.b" {
				t.Errorf("read as %s", treeOf(e))
			}
			if _, err := r.Next(); err != io.EOF && !strings.HasSuffix(row.in, "/>") {
				t.Errorf("then %v", err)
			}
		})
	}
}

func TestAPeerThatSpeaksNoXMPPIsTold(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"http", "HTTP/1.1 400 Bad Request\r\n\r\n<html>", "http"},
		{"alert of tls", "\x15\x03\x01\x00\x02\x02\x46", "tls"},
		{"mail server", "220 mail.example.org ESMTP\r\n", `"220 mail.example.org ESMTP\r\n"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := NewReader(strings.NewReader(row.in), DefaultLimits).Open()
			if other, ok := errors.AsType[*NotXMPPError](err); !ok || other.Got != row.want {
				t.Errorf("%v", err)
			}
			readChunked(t, row.in, DefaultLimits)
		})
	}
}

func TestXMLThatIsNoStreamIsRefused(t *testing.T) {
	for _, row := range []struct{ name, in, condition string }{
		{"web page", "<html>", badFormat},
		{"document type", "<!DOCTYPE html>", restrictedXML},
		{"comment", "<!-- a --><stream>", restrictedXML},
		{"stylesheet", "<?xml-stylesheet href='a'?>", restrictedXML},
		{"wrong namespace", "<stream:stream xmlns:stream='u'>", invalidNamespace},
		{"prefix not declared", "<stream:stream>", notWellFormed},
		{"another encoding", "<?xml version='1.0' encoding='latin1'?>", unsupportedEncoding},
		{"another version", "<?xml version='2.0'?>", notWellFormed},
		{"no version", "<?xml encoding='utf-8'?>", notWellFormed},
		{"version twice", "<?xml version='1.0' version='1.0'?>", notWellFormed},
		{"two declarations", "<?xml version='1.0'?><?xml version='1.0'?>", restrictedXML},
		{"syslog", "<34>Oct 11", notWellFormed},
		{"endless white space", strings.Repeat(" ", 2000), policyViolation},
		{"endless header", "<stream:stream a='" + strings.Repeat("a", 2000), policyViolation},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := readChunked(t, row.in, Limits{Bytes: 1000})
			if broken, ok := errors.AsType[*SyntaxError](err); !ok || broken.Condition != row.condition {
				t.Errorf("%v, want %s", err, row.condition)
			}
		})
	}
}

func TestAHeaderThatIsCut(t *testing.T) {
	for in, want := range map[string]error{
		"": io.EOF, " \n": io.EOF, "<": io.ErrUnexpectedEOF, "<?xml vers": io.ErrUnexpectedEOF,
		"<?xml version='1.0'?>": io.ErrUnexpectedEOF, "<stream:stream id='": io.ErrUnexpectedEOF,
	} {
		if _, err := readChunked(t, in, DefaultLimits); err != want {
			t.Errorf("%q ends in %v, want %v", in, err, want)
		}
	}
}
