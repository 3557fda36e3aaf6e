package irc

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// findEncoding gives an encoding by its WHATWG label: "iso-8859-1" is
// windows-1252 there, as on IRC. It must have ASCII in it.
func findEncoding(label string) (encoding.Encoding, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		e, err = htmlindex.Get(strings.ReplaceAll(label, "latin-", "latin")) // as Python and Emacs write it
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a character encoding; examples: windows-1252, koi8-r, shift_jis", label)
	}
	const ascii = "#[]{}|:!@ abcXYZ09"
	if got, err := e.NewDecoder().String(ascii); err != nil || got != ascii {
		return nil, fmt.Errorf("%q does not contain ASCII, which IRC needs", label)
	}
	return e, nil
}

// cutFrom is how long a line is at least that a server may have cut.
const cutFrom = 400

// decode makes valid UTF-8 of a line: what is not UTF-8 is in the encoding.
func decode(line []byte, e encoding.Encoding) string {
	if utf8.Valid(line) {
		return string(line)
	}
	tags, rest := "", line // tags are UTF-8 always (IRCv3 message-tags)
	if len(line) > 0 && line[0] == '@' {
		if i := bytes.IndexByte(line, ' '); i >= 0 {
			tags, rest = strings.ToValidUTF8(string(line[:i]), "\uFFFD"), line[i:]
		}
	}
	if utf8.Valid(rest) {
		return tags + string(rest)
	}
	if whole := withoutCutRune(rest); len(rest) >= cutFrom && utf8.Valid(whole) && !isASCII(whole) {
		return tags + string(whole)
	}
	text, err := e.NewDecoder().Bytes(rest)
	if err != nil {
		text = rest
	}
	return tags + strings.ToValidUTF8(string(text), "\uFFFD")
}

// withoutCutRune drops the rest of a character that the server's limit on a
// line's length has cut.
func withoutCutRune(line []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(line); i++ {
		if c := line[len(line)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(line[len(line)-i:]) {
				return line[:len(line)-i]
			}
			break
		}
	}
	return line
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// xmlRune says whether XML 1.0 §2.2 has the character.
func xmlRune(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// withoutControls drops what XML can't have, and line ends. IRC's formatting
// codes are among that, so they must have been read before.
func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if !xmlRune(r) || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
