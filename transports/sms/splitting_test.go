package sms

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

func splitter(maxSegments int, long string) *Network {
	return &Network{maxSegments: maxSegments, long: long}
}

func TestLongMessagesBecomeNumberedTexts(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("wherefore art thou ", 30)) // 569 characters
	tests := []struct {
		name     string
		text     string
		segments int
		chars    int
		want     int // texts; 0: refused
		first    string
	}{
		{name: "one that fits", text: "O Romeo", segments: 1, want: 1, first: "O Romeo"},
		{name: "as many parts as may be", text: longOf("a", 306), segments: 2, want: 1, first: longOf("a", 306)},
		{name: "words", text: words, segments: 2, want: 2, first: "(1/2) wherefore"},
		{name: "a part each", text: words, segments: 1, want: 4, first: "(1/4) wherefore"},
		{name: "a provider's limit", text: words, segments: 10, chars: 300, want: 2, first: "(1/2) wherefore"},
		{name: "no spaces", text: longOf("a", 307), segments: 2, want: 2, first: "(1/2) " + longOf("a", 300)},
		{name: "ten", text: longOf("abcdefghi ", 150), segments: 1, want: 10, first: "(1/10) abc"},
		{name: "more than ten", text: longOf("abcdefghi ", 160), segments: 1},
		{name: "families stay together", text: longOf("👨‍👩‍👧‍👦", 20), segments: 2, want: 2},
		{name: "more than any text may have", text: longOf("a", longestText+1), segments: 255, want: 2, first: "(1/2) aaa"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := splitter(tt.segments, longSplit).pieces(tt.text, tt.chars)
			if tt.want == 0 {
				if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != transport.TooLong {
					t.Fatalf("got %d texts, %v", len(got), err)
				}
				return
			}
			if err != nil || len(got) != tt.want || !strings.HasPrefix(got[0], tt.first) {
				t.Fatalf("got %d texts, %.300q, %v", len(got), got, err)
			}
		})
	}
	if _, err := splitter(1, longRefuse).pieces(words, 0); err == nil {
		t.Error("a long message was split, though it is to be refused")
	}
}

var numberedText = regexp.MustCompile(`^\((\d+)/(\d+)\) `)

// FuzzSplitting: nothing is lost, nothing is too long, and each says which it
// is of how many.
func FuzzSplitting(f *testing.F) {
	f.Add("Good morrow, cousin. Is the day so young? But new struck nine.", 1, 30)
	f.Add(longOf("wherefore art thou ", 40), 2, 0)
	f.Add(longOf("привет ", 60), 1, 0)
	f.Add(longOf("👩🏽‍🚀🇮🇹e\u0301 ", 40), 2, 1600)
	f.Add(longOf("€^", 200), 3, 0)
	f.Fuzz(func(t *testing.T, text string, segments, chars int) {
		if !utf8.ValidString(text) || len(text) > 5000 {
			return
		}
		text = printable(text)
		segments = 1 + (segments&0xff)%10
		if chars = chars & 0xfff; chars > 0 {
			chars += 20
		}
		pieces, err := splitter(segments, longSplit).pieces(text, chars)
		if err != nil {
			return
		}
		var all strings.Builder
		for i, piece := range pieces {
			if err := checkLength(piece, segments, chars); err != nil {
				t.Errorf("%q: %v", piece, err)
			}
			if len(pieces) > 1 {
				if want := fmt.Sprintf("(%d/%d) ", i+1, len(pieces)); !strings.HasPrefix(piece, want) {
					t.Errorf("%q does not begin with %q", piece, want)
				}
				piece = numberedText.ReplaceAllString(piece, "")
			}
			all.WriteString(piece)
		}
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if bare(all.String()) != bare(text) {
			t.Errorf("%q became %q", text, pieces)
		}
	})
}

// FuzzCounting holds the count of parts against the rules of 3GPP TS 23.038 and
// TS 23.040, written anew.
func FuzzCounting(f *testing.F) {
	for _, text := range []string{"a", longOf("a", 161), longOf("€", 81), longOf("a", 152) + "€" + longOf("a", 152), longOf("я", 71), longOf("😀", 36), "", "\f^{}\\[~]|€", longOf("a", 66) + "😀я"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text = printable(text); text == "" || units(text) > longestText {
			return
		}
		if got, err := segments(text); err != nil || got != plainCount(text) {
			t.Errorf("%q is %d parts, %v, want %d", text, got, err, plainCount(text))
		}
	})
}

const (
	gsmAlphabet  = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

func plainCount(text string) int {
	single, several := 160, 153
	var sizes []int
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmAlphabet, r):
			sizes = append(sizes, 1)
		case strings.ContainsRune(gsmExtension, r):
			sizes = append(sizes, 2)
		default:
			single, several = 70, 67
		}
	}
	if single == 70 {
		sizes = nil
		for _, r := range text {
			sizes = append(sizes, utf16.RuneLen(r))
		}
	}
	total := 0
	for _, size := range sizes {
		total += size
	}
	if total <= single {
		return 1
	}
	parts, used := 1, 0
	for _, size := range sizes {
		if used+size > several {
			parts, used = parts+1, 0
		}
		used += size
	}
	return parts
}
