package irc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// split cuts a text into pieces of at most limit bytes: behind a space if
// there is one in the second half, otherwise between two characters as people
// see them, or at least between two code points. The pieces are the text
// again when joined, but for formatting, which IRC ends with the line: each
// piece opens again what the one before left open.
func split(text string, limit int) []string {
	limit = max(limit, 32) // room for the formatting and the longest code point
	var pieces []string
	open := ""
	for len(open)+len(text) > limit {
		cut := cutPoint(text, limit-len(open))
		pieces = append(pieces, open+text[:cut])
		open = stillOpen(open + text[:cut])
		text = text[cut:]
	}
	if text != "" {
		pieces = append(pieces, open+text)
	}
	return pieces
}

func cutPoint(text string, limit int) int {
	if i := strings.LastIndexByte(text[:limit], ' '); i >= limit/2 {
		return i + 1
	}
	cut := runeBorder(text, limit)
	for at, tries := cut, 0; at > limit/2 && tries < 32; tries++ {
		if !oneCharacter(text, at) {
			return at
		}
		at = runeBorder(text, at-1)
	}
	return cut
}

// runeBorder is the last start of a code point at or before i, but not 0.
func runeBorder(s string, i int) int {
	for j := i; j > 0 && j > i-utf8.UTFMax; j-- {
		if utf8.RuneStart(s[j]) {
			return j
		}
	}
	return i
}

// upTo is as much of a text as limit bytes can hold.
func upTo(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return text[:runeBorder(text, limit)]
}

// oneCharacter says whether the code points around i make one character, by the
// cheaper half of UAX #29: marks, variation selectors, emoji modifiers and
// what is joined by U+200D.
func oneCharacter(s string, i int) bool {
	const joiner = '\u200D'
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	return before == joiner || after == joiner || unicode.IsMark(after) || after >= 0x1F3FB && after <= 0x1F3FF
}

// stillOpen gives the codes that toggle on what was on at the end.
func stillOpen(piece string) string {
	open := ""
	for _, style := range styles {
		if strings.Count(piece, string(style.code))%2 == 1 {
			open += string(style.code)
		}
	}
	return open
}
