package irc

import (
	"errors"
	"strings"
)

var errBadLine = errors.New("parameter that an IRC line can't have")

// line makes the bytes of one line, as appendLine does.
func line(limit int, command string, params ...string) ([]byte, error) {
	size := len(command) + len(" :") + len("\r\n")
	for _, p := range params {
		size += len(" ") + len(p)
	}
	return appendLine(make([]byte, 0, size), limit, command, params...)
}

// appendLine adds one line with its CR LF: the only place that makes one. The
// last parameter may be any text: line ends in it become spaces, and it is cut
// at the limit. Another that would not stay one parameter, or not whole, is an
// error.
func appendLine(b []byte, limit int, command string, params ...string) ([]byte, error) {
	if command == "" || strings.ContainsFunc(command, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}) {
		return nil, errBadLine
	}
	const end = "\r\n"
	limit += len(b)
	b = append(b, command...)
	for i, p := range params {
		b = append(b, ' ')
		if i == len(params)-1 {
			if p == "" || p[0] == ':' || strings.ContainsAny(p, " \r\n\x00") {
				b = append(b, ':')
			}
			if len(b)+len(end) > limit {
				return nil, errBadLine
			}
			b = appendText(b, p)
		} else if p == "" || p[0] == ':' || strings.ContainsAny(p, " \r\n\x00") {
			return nil, errBadLine
		} else {
			b = append(b, p...)
		}
	}
	if most := limit - len(end); len(b) > most {
		if len(params) == 0 {
			return nil, errBadLine
		}
		b = withoutCutRune(b[:most])
	}
	return append(b, end...), nil
}

// appendText adds a text whose line ends become spaces, and NULs nothing.
func appendText(b []byte, text string) []byte {
	if !strings.ContainsAny(text, "\r\n\x00") {
		return append(b, text...)
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n' && i > 0 && text[i-1] == '\r', c == 0:
		case c == '\r', c == '\n':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return b
}
