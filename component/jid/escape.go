package jid

import "strings"

const hexDigits = "0123456789abcdef"

// Escape writes any text as a local part (XEP-0106 §4.2). Spaces at either end
// are dropped, because an escaped local part must neither begin nor end with
// \20 (§4.1 rule 6). Otherwise Unescape gives the text back.
func Escape(local string) string {
	local = strings.Trim(local, " ")
	n := 0
	for i := 0; i < len(local); i++ {
		if mustEscape(local, i) {
			n++
		}
	}
	if n == 0 {
		return local
	}
	var b strings.Builder
	b.Grow(len(local) + 2*n)
	for i := 0; i < len(local); i++ {
		c := local[i]
		if !mustEscape(local, i) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('\\')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// mustEscape tells whether the byte at i is escaped: one of the nine characters
// that nodeprep forbids, or a backslash that would read as an escape. Digits in
// capitals count too, because nodeprep makes them small before anyone unescapes.
func mustEscape(s string, i int) bool {
	switch s[i] {
	case ' ', '"', '&', '\'', '/', ':', '<', '>', '@':
		return true
	case '\\':
		return i+2 < len(s) && escaped(s[i+1], lower(s[i+2])) != 0
	}
	return false
}

// Unescape gives the text that an escaped local part stands for. It knows the
// ten sequences of XEP-0106 §3.3, in small letters; everything else stays.
func Unescape(local string) string {
	i := strings.IndexByte(local, '\\')
	if i < 0 {
		return local
	}
	var b strings.Builder
	b.Grow(len(local))
	b.WriteString(local[:i])
	for ; i < len(local); i++ {
		c := local[i]
		if c == '\\' && i+2 < len(local) {
			if e := escaped(local[i+1], local[i+2]); e != 0 {
				c = e
				i += 2
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// escaped gives the character that the two digits stand for, or 0.
func escaped(high, low byte) byte {
	switch high {
	case '2':
		switch low {
		case '0':
			return ' '
		case '2':
			return '"'
		case '6':
			return '&'
		case '7':
			return '\''
		case 'f':
			return '/'
		}
	case '3':
		switch low {
		case 'a':
			return ':'
		case 'c':
			return '<'
		case 'e':
			return '>'
		}
	case '4':
		if low == '0' {
			return '@'
		}
	case '5':
		if low == 'c' {
			return '\\'
		}
	}
	return 0
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
