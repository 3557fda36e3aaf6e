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

// encode makes of a line in UTF-8 what it is in an encoding, where what that
// lacks becomes a question mark.
func encode(line []byte, e encoding.Encoding) []byte {
	if isUTF8(e) {
		return line
	}
	const missing = '\x1a' // what x/text puts there, and IRC has no use for
	out, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes(line)
	if err != nil {
		return line
	}
	for i, c := range out {
		if c == missing {
			out[i] = '?'
		}
	}
	if whole, ok := bytes.CutSuffix(out, []byte("\r\n")); !ok || bytes.ContainsAny(whole, "\r\n\x00") {
		return line
	}
	return out
}

// encoded gives a line in the encoding of the channel that it goes to, or of
// the link. It needs mu.
func (l *link) encoded(b []byte) []byte {
	if isASCII(b) || l.is.utf8Only {
		return b
	}
	if end := bytes.IndexByte(b, '\n'); end >= 0 && end < len(b)-1 { // of a batch, each
		var all []byte
		for one := range bytes.Lines(b) {
			all = append(all, l.encoded(one)...)
		}
		return all
	}
	e := l.set.out
	tags, b := withoutTags(b) // which are in UTF-8
	_, rest, _ := bytes.Cut(b, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	if ch := l.channel(string(bytes.TrimSpace(target))); ch != nil && ch.set.out != nil {
		e = ch.set.out
	}
	return append(tags[:len(tags):len(tags)], encode(b, e)...)
}

// decoded reads a line by the encoding of the channel that it is about, or of
// the link. It needs mu.
func (l *link) decoded(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if l.is.utf8Only {
		return decodedUTF8(b)
	}
	const names = 4 // no line has its channel behind the fourth parameter
	rest := b
	for _, mark := range []byte("@:") { // tags and the source
		if len(rest) > 0 && rest[0] == mark {
			_, rest, _ = bytes.Cut(rest, []byte(" "))
		}
	}
	_, rest, _ = bytes.Cut(rest, []byte(" ")) // the command
	for i := 0; i < names && len(rest) > 0 && rest[0] != ':'; i++ {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte(" "))
		if ch := l.channel(l.nameParam(decode(word, l.set.in))); ch != nil && ch.set.in != nil {
			return decode(b, ch.set.in)
		}
	}
	return decode(b, l.set.in)
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

// isPlain says that a text is ASCII without control characters, as most are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= utf8.RuneSelf {
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
	if isPlain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if !xmlRune(r) || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
