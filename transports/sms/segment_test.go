package sms

import (
	"errors"
	"strings"
	"testing"

	encoding "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"

	"gatehouse/gateway/transport"
)

func longOf(s string, n int) string { return strings.Repeat(s, n) }

func TestTextIsCutAtTheBordersOfTheSpecification(t *testing.T) {
	tests := []struct {
		name string
		text string
		want int
	}{
		{"one character", "a", 1},
		{"as many as fit", longOf("a", 160), 1},
		{"one more", longOf("a", 161), 2},
		{"two full parts", longOf("a", 306), 2},
		{"one more than two", longOf("a", 307), 3},
		{"euro signs count twice", longOf("€", 80), 1},
		{"one more euro sign", longOf("€", 81), 2},
		{"a pair is not cut", longOf("a", 152) + "€" + longOf("a", 152), 3},
		{"UCS-2", longOf("я", 70), 1},
		{"one more in UCS-2", longOf("я", 71), 2},
		{"two full parts of UCS-2", longOf("я", 134), 2},
		{"one more than two in UCS-2", longOf("я", 135), 3},
		{"pictures count twice", longOf("😀", 35), 1},
		{"one more picture", longOf("😀", 36), 2},
		{"one character changes all", longOf("a", 160) + "я", 3},
		{"255 parts", longOf("a", 255*153), 255},
	}
	for _, tt := range tests {
		if got, err := segments(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
}

func TestTooLongMessageIsToldHowLongItIs(t *testing.T) {
	tests := []struct {
		name     string
		text     string
		parts    int
		chars    int
		mentions []string // none: it is not refused
	}{
		{name: "as many parts as may be", text: longOf("a", 306), parts: 2},
		{name: "one part too many", text: longOf("a", 307), parts: 2, mentions: []string{"3 parts", "limit is 2"}},
		{name: "not in the GSM alphabet", text: longOf("a", 140) + "я", parts: 2, mentions: []string{"3 parts", "'я'", "67"}},
		{name: "as many characters as may be", text: longOf("a", 1600), parts: 20, chars: 1600},
		{name: "one character too many", text: longOf("a", 1601), parts: 20, chars: 1600, mentions: []string{"1601", "1600"}},
		{name: "pictures are two characters", text: longOf("😀", 801), parts: 200, chars: 1600, mentions: []string{"1602", "1600"}},
		{name: "more than any text may have", text: longOf("a", longestText+1), parts: 255, mentions: []string{"39016"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkLength(tt.text, tt.parts, tt.chars)
			if len(tt.mentions) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*transport.Error](err)
			if !ok || e.Reason != transport.TooLong {
				t.Fatalf("got %v", err)
			}
			for _, s := range tt.mentions {
				if !strings.Contains(e.Text, s) {
					t.Errorf("%q does not mention %q", e.Text, s)
				}
			}
		})
	}
}

func TestTextIsMadeFitToSend(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string
	}{
		{"plain", "hello", "hello"},
		{"styling", "*bold* _it_ ~no~ `code`", "*bold* _it_ ~no~ 'code'"},
		{"an action", "/me waves", "* waves"},
		{"not an action", "/mean", "/mean"},
		{"curly quotes", "“O Romeo” – it’s…", `"O Romeo" - it's...`},
		{"odd spaces", "a\u00a0b\u2009c\u200bd", "a b cd"},
		{"a ligature and fullwidth letters", "ﬁne ＡＢＣ", "fine ABC"},
		{"all or nothing", "“привет”", "“привет”"},
		{"pictures keep all", "it’s 😀", "it’s 😀"},
		{"links stay", "see “https://example.org/a–b’c”", "see “https://example.org/a–b’c”"},
		{"links that fit", "it’s at https://example.org/a", "it's at https://example.org/a"},
		{"a tag of OTR", "hello \t  \t\t\t\t \t \t \t    \t\t  \t   \t\t  \t\t", "hello"},
		{"an action that says it is there", "/me is here \t  \t\t\t\t \t \t \t  ", "* is here"},
		{"line ends", "a\r\nb\rc", "a\nb\nc"},
		{"control characters", "a\x00\x1b\u0085b", "ab"},
		{"no UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		if got := outgoingText(tt.in, true); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := outgoingText("it’s", false); got != "it’s" {
		t.Errorf("switched off: got %q", got)
	}
}

func TestPlainTextsAreCountedAsTheEncoderCountsThem(t *testing.T) {
	for c := range 256 {
		septets, err := gsm7.Encode([]byte{byte(c)})
		if one := c < 0x80 && c != 0x1b && err == nil && len(septets) == 1; isBasic(string([]byte{byte(c)})) != one {
			t.Errorf("%#x: basic is not %v", c, one)
		}
	}
	for n := range 400 {
		text := strings.Repeat("a", n)
		parts, err := encoding.Encode([]byte(text))
		if got, failed := segments(text); got != len(parts) || (err == nil) != (failed == nil) {
			t.Errorf("%d characters: %d parts, want %d", n, got, len(parts))
		}
	}
}
