package wire

import "unicode/utf8"

// What a byte means to the writer.
const (
	plain   = iota
	special // needs a reference
	drop    // no XML character (XML 1.0 §2.2)
	wide    // part of a multi-byte character
)

type classes [256]uint8

var (
	attrClass = writerClasses("&<>\"'\t\n\r")
	textClass = writerClasses("&<>\r")
)

func writerClasses(escaped string) (t classes) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = wide
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			t[c] = drop
		}
	}
	for _, c := range []byte(escaped) {
		t[c] = special
	}
	return t
}

// appendEscaped appends s so that it reads back as written, without what XML
// forbids, and with U+FFFD for each byte that is not UTF-8.
func appendEscaped(b []byte, s string, class *classes) []byte {
	from := 0
	for i := 0; i < len(s); {
		switch class[s[i]] {
		case plain:
			i++
			continue
		case wide:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[from:i]...)
				b = append(b, "\uFFFD"...)
			} else if isChar(r) {
				i += size
				continue
			} else {
				b = append(b, s[from:i]...)
			}
			i += size
		case drop:
			b = append(b, s[from:i]...)
			i++
		case special:
			b = append(b, s[from:i]...)
			b = append(b, reference(s[i])...)
			i++
		}
		from = i
	}
	return append(b, s[from:]...)
}

func reference(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\'':
		return "&apos;"
	case '\t':
		return "&#9;"
	case '\n':
		return "&#10;"
	}
	return "&#13;"
}

// isChar tells whether XML allows the character (XML 1.0 §2.2).
func isChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r <= 0xD7FF:
		return true
	}
	return 0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= utf8.MaxRune
}

// What a byte means in a name.
const (
	nameStart = 1 << iota
	nameRest
)

var nameClass = func() (t classes) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
			t[c] = nameStart | nameRest
		case '0' <= c && c <= '9', c == '-', c == '.':
			t[c] = nameRest
		}
	}
	return t
}()

// isNameStart and isNameRest are for characters beyond ASCII (XML 1.0 fifth
// edition §2.3).
func isNameStart(r rune) bool {
	switch {
	case r < 0xC0 || r == 0xD7 || r == 0xF7 || r == 0x37E:
		return false
	case r <= 0x2FF, 0x370 <= r && r <= 0x1FFF, r == 0x200C, r == 0x200D,
		0x2070 <= r && r <= 0x218F, 0x2C00 <= r && r <= 0x2FEF,
		0x3001 <= r && r <= 0xD7FF, 0xF900 <= r && r <= 0xFDCF,
		0xFDF0 <= r && r <= 0xFFFD, 0x10000 <= r && r <= 0xEFFFF:
		return true
	}
	return false
}

func isNameRest(r rune) bool {
	return isNameStart(r) || r == 0xB7 || 0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040
}

// isWritableName tells whether a name can be written: an NCName that every
// edition of XML 1.0 accepts. Beyond ASCII the editions differ, and servers read
// by the fourth, so that only scripts in which they agree are let through.
func isWritableName(s string) bool {
	if s == "" || nameClass[s[0]]&nameRest != 0 && nameClass[s[0]]&nameStart == 0 {
		return false
	}
	for i, r := range s {
		if r < utf8.RuneSelf {
			if nameClass[s[i]] == 0 {
				return false
			}
		} else if !isCommonLetter(r) {
			return false
		}
	}
	return true
}

// isWritableSpace tells whether a namespace can be declared. Those of XML itself
// cannot, and a space in one upsets parsers that join names with it.
func isWritableSpace(s string) bool {
	ascii := 0
	for ascii < len(s) && ' ' < s[ascii] && s[ascii] < utf8.RuneSelf {
		ascii++
	}
	for i, r := range s[ascii:] {
		if r <= ' ' || !isChar(r) || r == utf8.RuneError && s[ascii+i] != 0xEF {
			return false
		}
	}
	return s != nsXML && s != nsXMLNS
}

func isCommonLetter(r rune) bool {
	switch {
	case r == 0xD7 || r == 0xF7:
		return false
	case 0xC0 <= r && r <= 0x131, // Latin
		0x391 <= r && r <= 0x3A1, 0x3A3 <= r && r <= 0x3CE, // Greek
		0x410 <= r && r <= 0x44F,   // Cyrillic
		0x5D0 <= r && r <= 0x5EA,   // Hebrew
		0x621 <= r && r <= 0x63A,   // Arabic
		0x3041 <= r && r <= 0x3094, // Hiragana
		0x30A1 <= r && r <= 0x30FA, // Katakana
		0x4E00 <= r && r <= 0x9FA5, // Han
		0xAC00 <= r && r <= 0xD7A3: // Hangul
		return true
	}
	return false
}
