package wire

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"gatehouse/component/jid"
)

func TestElementsAreWritten(t *testing.T) {
	for _, row := range []struct {
		name  string
		write func(w *Writer)
		want  string
	}{
		{"stanza of the stream's namespace", func(w *Writer) {
			New(nsComponent, "message", NewText(nsComponent, "body", "hi")).WriteXML(w)
		}, `<message><body>hi</body></message>`},
		{"stanza of jabber:client", func(w *Writer) {
			New(nsClient, "message", NewText(nsClient, "body", "hi")).WriteXML(w)
		}, `<message><body>hi</body></message>`},
		{"stanza without a namespace", func(w *Writer) {
			New("", "message", NewText("", "body", "hi")).WriteXML(w)
		}, `<message><body>hi</body></message>`},
		{"payload of its own namespace", func(w *Writer) {
			New("", "iq", New("jabber:iq:version", "query", NewText("jabber:iq:version", "name", "x"))).WriteXML(w)
		}, `<iq><query xmlns="jabber:iq:version"><name>x</name></query></iq>`},
		{"no namespace means the parent's", func(w *Writer) {
			New("", "iq", New("jabber:iq:version", "query", New("", "name"))).WriteXML(w)
		}, `<iq><query xmlns="jabber:iq:version"><name/></query></iq>`},
		{"forwarded message", func(w *Writer) {
			New("", "message", New("urn:xmpp:forward:0", "forwarded",
				New(nsClient, "message", New(nsClient, "body")))).WriteXML(w)
		}, `<message><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client"><body/></message></forwarded></message>`},
		{"forwarded message as it came to the component", func(w *Writer) {
			New("", "message", New("urn:xmpp:forward:0", "forwarded",
				New(nsComponent, "message", New(nsComponent, "body")))).WriteXML(w)
		}, `<message><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client"><body/></message></forwarded></message>`},
		{"stanza within another", func(w *Writer) {
			New("", "message", New(nsClient, "body")).WriteXML(w)
		}, `<message><body/></message>`},
		{"attribute with everything to escape", func(w *Writer) {
			w.Start("", "a")
			w.Attr("b", "&<>\"'\t\n\r/>é")
			w.End()
		}, `<a b="&amp;&lt;&gt;&quot;&apos;&#9;&#10;&#13;/&gt;é"/>`},
		{"text with everything to escape", func(w *Writer) {
			w.Start("", "a")
			w.Text("&<>\"'\t\n\r]]>é")
			w.End()
		}, "<a>&amp;&lt;&gt;\"'\t\n&#13;]]&gt;é</a>"},
		{"characters that XML forbids", func(w *Writer) {
			w.Start("", "a")
			w.Attr("b", "\x001\x1f\uFFFE")
			w.Text("\x02\x1d\x1f\x0f\x161\uFFFF😀")
			w.End()
		}, `<a b="1">1😀</a>`},
		{"invalid UTF-8", func(w *Writer) {
			w.Start("", "a")
			w.Attr("b", "\xff")
			w.Text("caf\xe9 \xed\xa0\x80 \xe2\x99")
			w.End()
		}, "<a b=\"\uFFFD\">caf\uFFFD \uFFFD\uFFFD\uFFFD \uFFFD\uFFFD</a>"},
		{"replacement character", func(w *Writer) { NewText("", "a", "\uFFFD").WriteXML(w) }, "<a>\uFFFD</a>"},
		{"empty value and empty text", func(w *Writer) {
			w.Start("", "a")
			w.Attr("b", "")
			w.Text("")
			w.End()
		}, `<a b=""/>`},
		{"language", func(w *Writer) {
			w.Start("", "a")
			w.AttrNS("xml", "lang", "de")
			w.Attr("lang", "en")
			w.End()
			New("", "b").SetAttr("xml:lang", "fr").WriteXML(w)
			w.Start("", "c")
			w.Attr("xml:lang", "nl")
			w.End()
		}, `<a xml:lang="de" lang="en"/><b xml:lang="fr"/><c xml:lang="nl"/>`},
		{"attributes of other namespaces", func(w *Writer) {
			w.Start("", "a")
			w.Attr("b", "1")
			w.AttrNS("urn:x", "b", "2")
			w.AttrNS("urn:x", "c", "3")
			w.End()
		}, `<a b="1" xmlns:n2="urn:x" n2:b="2" xmlns:n3="urn:x" n3:c="3"/>`},
		{"several texts and elements", func(w *Writer) {
			New("", "a").AddText("1").Add(nil, New("", "b"), nil).AddText("").AddText("2").WriteXML(w)
		}, `<a>1<b/>2</a>`},
		{"nothing", func(w *Writer) { (*Element)(nil).WriteXML(w) }, ""},
		{"address", func(w *Writer) {
			w.Start("", "a")
			w.JIDAttr("to", jid.JID{Local: "a", Domain: "b", Resource: "c"})
			w.JIDAttr("from", jid.JID{Domain: "b", Resource: "<\"\xff'&"})
			w.End()
		}, "<a to=\"a@b/c\" from=\"b/&lt;&quot;\uFFFD&apos;&amp;\"/>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var w Writer
			row.write(&w)
			if got := string(w.Bytes()); got != row.want || w.Err() != nil || w.Len() != len(row.want) {
				t.Errorf("wrote\n%q, %v; want\n%q", got, w.Err(), row.want)
			}
		})
	}
}

func TestMisuseOfTheWriterIsAnError(t *testing.T) {
	for _, row := range []struct {
		name  string
		write func(w *Writer)
	}{
		{"no name", func(w *Writer) { w.Start("", ""); w.End() }},
		{"name with a prefix", func(w *Writer) { w.Start("", "a:b"); w.End() }},
		{"name with a digit in front", func(w *Writer) { w.Start("", "0"); w.End() }},
		{"name with markup", func(w *Writer) { w.Start("", "a><b"); w.End() }},
		{"name with a space", func(w *Writer) { w.Start("", "a b"); w.End() }},
		{"name with invalid UTF-8", func(w *Writer) { w.Start("", "a\xff"); w.End() }},
		{"name of the fifth edition alone", func(w *Writer) { w.Start("", "a\U00010000"); w.End() }},
		{"attribute name with markup", func(w *Writer) { w.Start("", "a"); w.Attr("b='", ""); w.End() }},
		{"attribute name with a prefix", func(w *Writer) { w.Start("", "a"); w.Attr("b:c", ""); w.End() }},
		{"declaration as an attribute", func(w *Writer) { w.Start("", "a"); w.Attr("xmlns", "u"); w.End() }},
		{"declaration of a prefix as an attribute", func(w *Writer) { w.Start("", "a"); w.Attr("xmlns:b", "u"); w.End() }},
		{"attribute twice", func(w *Writer) { w.Start("", "a"); w.Attr("b", ""); w.Attr("b", ""); w.End() }},
		{"language twice", func(w *Writer) { w.Start("", "a"); w.Attr("xml:lang", ""); w.AttrNS(nsXML, "lang", ""); w.End() }},
		{"attribute of a namespace twice", func(w *Writer) { w.Start("", "a"); w.AttrNS("u", "b", ""); w.AttrNS("u", "b", ""); w.End() }},
		{"attribute after text", func(w *Writer) { w.Start("", "a"); w.Text("b"); w.Attr("c", ""); w.End() }},
		{"attribute after a child", func(w *Writer) { w.Start("", "a"); w.Start("", "b"); w.End(); w.Attr("c", ""); w.End() }},
		{"attribute outside", func(w *Writer) { w.Attr("a", "") }},
		{"address outside", func(w *Writer) { w.JIDAttr("a", jid.JID{Domain: "b"}) }},
		{"text outside", func(w *Writer) { w.Text("a") }},
		{"end outside", func(w *Writer) { w.Start("", "a"); w.End(); w.End() }},
		{"no end", func(w *Writer) { w.Start("", "a"); w.Start("", "b"); w.End() }},
		{"namespace of xml", func(w *Writer) { w.Start(nsXML, "a"); w.End() }},
		{"namespace of declarations", func(w *Writer) { w.Start("", "a"); w.AttrNS(nsXMLNS, "b", ""); w.End() }},
		{"namespace with a control character", func(w *Writer) { w.Start(nsXML+"\x01", "a"); w.End() }},
		{"namespace with a space", func(w *Writer) { w.Start("u v", "a"); w.End() }},
		{"namespace of invalid UTF-8", func(w *Writer) { w.Start("u\xff", "a"); w.End() }},
		{"too deep", func(w *Writer) {
			for range 1000 {
				w.Start("", "a")
			}
			for range 1000 {
				w.End()
			}
		}},
		{"too deep a tree", func(w *Writer) {
			e := New("", "a")
			for range 1000 {
				e = New("", "a", e)
			}
			e.WriteXML(w)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var w Writer
			New("", "message").WriteXML(&w)
			n := w.Len()
			row.write(&w)
			if w.Err() == nil {
				t.Errorf("no error for %q", w.Bytes())
			}
			w.Truncate(n)
			New("", "presence").WriteXML(&w)
			if got := string(w.Bytes()); got != "<message/><presence/>" || w.Err() != nil {
				t.Errorf("after Truncate: %q, %v", got, w.Err())
			}
		})
	}
}

func TestMessageThereAndBackCostsNoAllocation(t *testing.T) {
	r := openEndless(t, typicalMessage)
	var w Writer
	n := testing.AllocsPerRun(1000, func() {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		w.Reset()
		e.WriteXML(&w)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnAddressIsWrittenWithoutAllocation(t *testing.T) {
	var w Writer
	domain := strings.Repeat("b", 20)
	n := testing.AllocsPerRun(1000, func() {
		w.Reset()
		w.Start("", "message")
		w.JIDAttr("to", jid.JID{Local: "a", Domain: domain, Resource: "c"})
		w.End()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The examples are of the XEPs that their names say, shortened.
func TestStanzasComeThroughUnchanged(t *testing.T) {
	for _, row := range []struct{ name, xml string }{
		{"XEP-0045 join", `<presence from="hag66@shakespeare.lit/pda" id="n13mt3l" to="coven@chat.shakespeare.lit/thirdwitch">` +
			`<x xmlns="http://jabber.org/protocol/muc"><password>cauldronburn</password></x></presence>`},
		{"XEP-0045 self presence", `<presence from="coven@chat.shakespeare.lit/thirdwitch" to="hag66@shakespeare.lit/pda">` +
			`<x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="member" role="participant"/><status code="110"/></x></presence>`},
		{"XEP-0297 forwarded message", `<message to="mercutio@verona.lit" from="romeo@montague.lit/orchard" type="chat" id="28gs">` +
			`<body>A most courteous exposition!</body><forwarded xmlns="urn:xmpp:forward:0"><delay xmlns="urn:xmpp:delay" ` +
			`stamp="2010-07-10T23:08:25Z"/><message xmlns="jabber:client" from="juliet@capulet.lit/orchard" id="0202197" ` +
			`to="romeo@montague.lit" type="chat"><body>Yet I should kill thee with much cherishing.</body>` +
			`<mood xmlns="http://jabber.org/protocol/mood"><amorous/></mood></message></forwarded></message>`},
		{"XEP-0030 information", `<iq type="result" from="plays.shakespeare.lit" to="romeo@montague.net/orchard" id="info1">` +
			`<query xmlns="http://jabber.org/protocol/disco#info"><identity category="conference" type="text" ` +
			`name="Play-Specific Chatrooms"/><feature var="http://jabber.org/protocol/disco#info"/></query></iq>`},
		{"XEP-0106 address", `<message from="porthos@musketeers.lit/gate" to="d\27artagnan@musketeers.lit" type="chat">` +
			`<body>And do you always forget your eyes when you run?</body></message>`},
		{"XEP-0030 name in two languages", `<query xmlns="http://jabber.org/protocol/disco#info"><identity xml:lang="en" name="Psi"/>` +
			`<identity xml:lang="el" name="Ψ"/></query>`},
		{"XEP-0393 text with line breaks", "<message type=\"chat\"><body>&gt; That that is, is.\n\nSaid \"the\" old 'hermit' of Prague &amp; co.</body></message>"},
		{"RFC 6120 error", `<iq type="error" id="a&amp;b"><error type="cancel" by="example.net"><item-not-found ` +
			`xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="de">x</text></error></iq>`},
		{"no namespace within one", `<message><a xmlns="urn:a"><b xmlns=""><c/></b></a></message>`},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := readOne(t, row.xml)
			var w Writer
			e.WriteXML(&w)
			if got := string(w.Bytes()); got != row.xml || w.Err() != nil {
				t.Errorf("written as\n%s, %v; want\n%s", got, w.Err(), row.xml)
			}
			d := xml.NewDecoder(strings.NewReader(string(w.Bytes())))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("encoding/xml: %v", err)
				}
			}
		})
	}
}
