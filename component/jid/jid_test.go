package jid

import (
	"strings"
	"testing"
)

func TestParseSplitsAnAddress(t *testing.T) {
	long := strings.Repeat("a", 1023)
	for _, row := range []struct {
		name, in string
		want     JID
		refused  bool
	}{
		{name: "domain alone", in: "irc.example.org", want: JID{Domain: "irc.example.org"}},
		{name: "account", in: "romeo@example.org", want: JID{"romeo", "example.org", ""}},
		{name: "full", in: "romeo@example.org/orchard", want: JID{"romeo", "example.org", "orchard"}},
		{name: "domain with a resource", in: "irc.example.org/token", want: JID{"", "irc.example.org", "token"}},
		{name: "at sign and slash in the resource", in: "a@b/c@d/e", want: JID{"a", "b", "c@d/e"}},
		{name: "at sign in the resource of a domain", in: "b/c@d", want: JID{"", "b", "c@d"}},
		{name: "symbol in the local part", in: "♥@a.example", want: JID{"♥", "a.example", ""}},
		{name: "spelling is kept", in: "Foo@A.Example./Res", want: JID{"Foo", "A.Example.", "Res"}},
		{name: "space in the resource", in: "a@b/my phone", want: JID{"a", "b", "my phone"}},
		{name: "longest parts", in: long + "@" + long + "/" + long, want: JID{long, long, long}},
		{name: "nothing", in: "", refused: true},
		{name: "empty local part", in: "@b", refused: true},
		{name: "empty domain", in: "a@", refused: true},
		{name: "empty domain before a resource", in: "a@/r", refused: true},
		{name: "empty resource", in: "a@b/", refused: true},
		{name: "slash alone", in: "/", refused: true},
		{name: "local part of 1024 bytes", in: long + "a@b", refused: true},
		{name: "domain of 1024 bytes", in: long + "a", refused: true},
		{name: "resource of 1024 bytes", in: "b/" + long + "a", refused: true},
		{name: "invalid UTF-8", in: "a\xff@b", refused: true},
		{name: "surrogate", in: "a@b/\xed\xa0\x80", refused: true},
		{name: "line feed", in: "a@b/c\nd", refused: true},
		{name: "NUL", in: "a\x00@b", refused: true},
		{name: "U+FFFE", in: "a@b/\uFFFE", refused: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Parse(row.in)
			if (err != nil) != row.refused || got != row.want {
				t.Errorf("Parse(%.60q) = %+v, %v", row.in, got, err)
			}
			if err == nil && (got.String() != row.in || string(got.AppendTo([]byte("to "))) != "to "+row.in) {
				t.Errorf("%.60q is written as %q", row.in, got)
			}
		})
	}
}

func TestPrepareGivesTheOneSpelling(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"prepared already", "romeo@example.org/Orchard", "romeo@example.org/Orchard"},
		{"capitals", "Foo@A.Ejab.Test/Res", "foo@a.ejab.test/Res"},
		{"trailing dot", "foo@example.org.", "foo@example.org"},
		{"sharp s and umlaut", "STRAßE.Ü@b", "strasse.ü@b"},
		{"capital sharp s, which Unicode 3.2 lacks", "ẞ@b", "ẞ@b"},
		{"decomposed letter", "u\u0308@b/u\u0308", "ü@b/ü"},
		{"ligature", "ﬁ@b/ﬁ", "fi@b/fi"},
		{"long s", "ſ@b", "s@b"},
		{"symbol", "♥@a.example", "♥@a.example"},
		{"emoji that Unicode 3.2 lacks", "😀@b/😀", "😀@b/😀"},
		{"squared letter that Unicode 3.2 lacks", "🄰@b", "🄰@b"},
		{"soft hyphen", "ro\u00admeo@b", "romeo@b"},
		{"Mongolian soft hyphen", "ro\u1806meo@b/o\u1806", "romeo@b/o"},
		{"fullwidth digits of a resource", "a@b/１２", "a@b/12"},
		{"international domain", "a@BÜCHER.example", "a@bücher.example"},
		{"encoded label stays", "a@XN--bcher-kva.example", "a@xn--bcher-kva.example"},
		{"ideographic full stops", "a@例。example．", "a@例.example"},
		{"right to left", "אבג@b", "אבג@b"},
		{"address of IPv6", "a@[2001:DB8::1]", "a@[2001:db8::1]"},
		{"address of IPv4", "a@192.0.2.1", "a@192.0.2.1"},
		{"channel", "#Garden%irc.libera.chat@irc.b", "#garden%irc.libera.chat@irc.b"},
		{"brackets of rfc1459", "Nick[]\\~%net@irc.b", "nick[]\\~%net@irc.b"},
		{"escapes", `#r\26d\5c20\20x%net@irc.b`, `#r\26d\5c20\20x%net@irc.b`},
		{"escape in capitals", `a\2Fb@irc.b`, `a\2fb@irc.b`},
		{"phone", "+15551234567@sms.b", "+15551234567@sms.b"},
		{"short code", "32665;phone-context=us@sms.b", "32665;phone-context=us@sms.b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParsePrepared(row.in)
			if err != nil || got.String() != row.want {
				t.Errorf("ParsePrepared(%q) = %q, %v; want %q", row.in, got, err, row.want)
			}
		})
	}
}

func TestPrepareRefusesWhatNoAddressMayHave(t *testing.T) {
	for _, row := range []struct {
		name string
		in   JID
	}{
		{"no domain", JID{Local: "a"}},
		{"domain of a dot", JID{Domain: "."}},
		{"empty label", JID{Domain: "a..b"}},
		{"leading dot", JID{Domain: ".b"}},
		{"space in the domain", JID{Domain: "a b"}},
		{"at sign in the domain", JID{Domain: "a@b"}},
		{"fullwidth at sign in the domain", JID{Domain: "a＠b"}},
		{"fullwidth slash in the domain", JID{Domain: "a／b"}},
		{"half an IPv6 address", JID{Domain: "[2001:db8::1"}},
		{"brackets around a name", JID{Domain: "[a]"}},
		{"space in the local part", JID{Local: "a b", Domain: "b"}},
		{"no-break space in the local part", JID{Local: "a\u00a0b", Domain: "b"}},
		{"quote", JID{Local: `a"b`, Domain: "b"}},
		{"ampersand", JID{Local: "a&b", Domain: "b"}},
		{"apostrophe", JID{Local: "a'b", Domain: "b"}},
		{"slash", JID{Local: "a/b", Domain: "b"}},
		{"colon", JID{Local: "a:b", Domain: "b"}},
		{"less-than sign", JID{Local: "a<b", Domain: "b"}},
		{"greater-than sign", JID{Local: "a>b", Domain: "b"}},
		{"at sign", JID{Local: "a@b", Domain: "b"}},
		{"fullwidth at sign", JID{Local: "a＠b", Domain: "b"}},
		{"soft hyphen alone", JID{Local: "\u00ad", Domain: "b"}},
		{"delete", JID{Local: "a\x7fb", Domain: "b"}},
		{"private use", JID{Local: "\ue000", Domain: "b"}},
		{"left-to-right override", JID{Domain: "b", Resource: "a\u202eb"}},
		{"both directions", JID{Local: "אa", Domain: "b"}},
		{"right to left ending in a digit", JID{Domain: "b", Resource: "א1"}},
		{"line feed in the resource", JID{Domain: "b", Resource: "a\nb"}},
		{"replacement character", JID{Domain: "b", Resource: "\ufffd"}},
		{"invalid UTF-8", JID{Domain: "b", Resource: "\xff"}},
		{"part that grows beyond 1023 bytes", JID{Local: strings.Repeat("\u3300", 300), Domain: "b"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, err := row.in.Prepare(); err == nil {
				t.Errorf("%q is prepared as %q", row.in, got)
			}
		})
	}
}

func TestPartsOfAnAddressAreReplaced(t *testing.T) {
	full := JID{"romeo", "example.org", "orchard"}
	if bare := full.Bare(); bare != (JID{"romeo", "example.org", ""}) || !bare.IsBare() || full.IsBare() {
		t.Errorf("bare is %v", bare)
	}
	if got := full.WithResource("garden").String(); got != "romeo@example.org/garden" {
		t.Errorf("with another resource: %s", got)
	}
	if full.WithResource("") != full.Bare() || full.IsZero() || !(JID{}).IsZero() {
		t.Error("an empty resource or address is not told")
	}
}

func TestPreparedASCIICostsNoAllocation(t *testing.T) {
	buffer := make([]byte, 0, 100)
	n := testing.AllocsPerRun(100, func() {
		j, err := ParsePrepared("#garden%irc.libera.chat@irc.example.org/Romeo M.")
		if err != nil {
			t.Fatal(err)
		}
		buffer = j.AppendTo(buffer[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{
		"romeo@example.org/orchard", "Foo@A.B./C@d/e", "♥@a.example", "😀@b/ſ", "ﬁ@ＢÜCHER。b.", "אבג@b",
		"a\u0345\u0300@b", "@", "/", "a@[::1]/x", "\u1e9e\u0130@b", "🄰@b/\u00ad",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := Parse(s)
		if err != nil {
			return
		}
		if j.String() != s {
			t.Fatalf("%q is written as %q", s, j)
		}
		p, err := j.Prepare()
		if err != nil {
			return
		}
		again, err := ParsePrepared(p.String())
		if err != nil || again != p {
			t.Fatalf("%q is prepared as %q, and that as %q, %v", s, p, again, err)
		}
	})
}

func BenchmarkParsePrepared(b *testing.B) {
	for _, row := range []struct{ name, in string }{
		{"prepared", "#garden%irc.libera.chat@irc.example.org/romeo"},
		{"capitals", "Romeo@Example.org/orchard"},
		{"beyond ASCII", "Rómeo@example.org/Obstgärten"},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParsePrepared(row.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
