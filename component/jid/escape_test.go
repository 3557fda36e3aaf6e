package jid

import (
	"strings"
	"testing"
)

func TestEscapeWritesAnyTextAsALocalPart(t *testing.T) {
	for _, row := range []struct{ name, text, local string }{
		{"nothing special", "treville", "treville"},
		{"empty", "", ""},
		{"all ten", `a "&'/:<>@\5c`, `a\20\22\26\27\2f\3a\3c\3e\40\5c5c`},
		{"room with an ampersand", "#r&d%net", `#r\26d%net`},
		{"mail address", "treville@musketeers.lit", `treville\40musketeers.lit`},
		{"backslash alone", `c:\net`, `c\3a\net`},
		{"backslash that reads as an escape", `c:\5commas`, `c\3a\5c5commas`},
		{"example of an escaped cn", `c:\cool stuff`, `c\3a\cool\20stuff`},
		{"text that is escaped already", `\5c20`, `\5c5c20`},
		{"two backslashes and digits", `\\20`, `\\5c20`},
		{"backslash before a space", `\ a`, `\\20a`},
		{"backslash at the end", `a\`, `a\`},
		{"backslash and one digit", `\2`, `\2`},
		{"digits of no escape", `\21\25\7f`, `\21\25\7f`},
		{"digits in capitals", `\2F`, `\5c2F`},
		{"percent sign", "100%", "100%"},
		{"channels", "#&+!", `#\26+!`},
		{"letters of rfc1459", `[]\~`, `[]\~`},
		{"beyond ASCII", "tréville", "tréville"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Escape(row.text); got != row.local {
				t.Errorf("Escape(%q) = %q, want %q", row.text, got, row.local)
			}
			if got := Unescape(row.local); got != row.text {
				t.Errorf("Unescape(%q) = %q, want %q", row.local, got, row.text)
			}
		})
	}
}

func TestEscapeDropsSpacesAtTheEnds(t *testing.T) {
	if got := Escape("  a b "); got != `a\20b` {
		t.Errorf("got %q", got)
	}
}

func TestOddSpellingsLeadToTheOneOfEscape(t *testing.T) {
	for _, row := range []struct{ name, local, want string }{
		{"space in front", `\20a`, "a"},
		{"space at the end", `a\20`, "a"},
		{"escape that is not needed", `\5c@`, `\\40`},
		{"backslash escaped without need", `a\5cb`, `a\b`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Escape(Unescape(row.local)); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", `\5c20`, `a "&'/:<>@\`, `\\5c5c\2F`, " a ", "#r&d%net"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		local := Escape(s)
		if strings.ContainsAny(local, ` "&'/:<>@`) {
			t.Errorf("Escape(%q) = %q has a forbidden character", s, local)
		}
		if strings.HasPrefix(local, `\20`) || strings.HasSuffix(local, `\20`) {
			t.Errorf("Escape(%q) = %q has a space at an end", s, local)
		}
		if got := Unescape(local); got != strings.Trim(s, " ") {
			t.Errorf("Unescape(%q) = %q, want %q", local, got, s)
		}
		if again := Escape(Unescape(s)); again != Escape(Unescape(again)) {
			t.Errorf("%q has no one spelling: %q", s, again)
		}
		// What nodeprep does to an escaped text, it does to the text.
		if folded, err := (JID{Local: local, Domain: "b"}).Prepare(); err == nil && isASCII(s) {
			if got := Unescape(folded.Local); got != strings.ToLower(strings.Trim(s, " ")) {
				t.Errorf("%q is %q after nodeprep", s, got)
			}
		}
	})
}
