package config

import (
	"fmt"
	"strconv"
	"strings"
)

// linesOf tells on which line every key, table and list element of a TOML
// document stands, by path.at. The document has been parsed already: nothing
// is checked here, and what could not be in a document is passed over.
func linesOf(document string) map[string]int {
	s := scanner{text: document, line: 1, lines: map[string]int{}, tables: map[string]int{}}
	var table path
	for s.skip("\n"); s.more(); s.skip("\n") {
		start := s.at
		if s.text[s.at] == '[' {
			table = s.header()
		} else {
			s.keyAndValue(table)
		}
		if s.at == start {
			s.at++
		}
	}
	return s.lines
}

type scanner struct {
	text   string
	at     int
	line   int
	lines  map[string]int
	tables map[string]int // how many elements an array of tables has yet
}

func (s *scanner) more() bool { return s.at < len(s.text) }

func (s *scanner) looksAt(prefix string) bool { return strings.HasPrefix(s.text[s.at:], prefix) }

// advance passes n bytes and counts their lines.
func (s *scanner) advance(n int) {
	n = min(n, len(s.text)-s.at)
	s.line += strings.Count(s.text[s.at:s.at+n], "\n")
	s.at += n
}

// skip passes blanks, comments and the bytes in also.
func (s *scanner) skip(also string) {
	for s.more() {
		switch c := s.text[s.at]; {
		case c == '#':
			s.advance(lengthUntil(s.text[s.at:], "\n"))
		case c == ' ', c == '\t', c == '\r', strings.IndexByte(also, c) >= 0:
			s.advance(1)
		default:
			return
		}
	}
}

func lengthUntil(text, any string) int {
	if i := strings.IndexAny(text, any); i >= 0 {
		return i
	}
	return len(text)
}

// header reads "[table]" or "[[table]]" and gives its path.
func (s *scanner) header() path {
	array := s.looksAt("[[")
	s.advance(1)
	if array {
		s.advance(1)
	}
	parts := s.key()
	s.advance(lengthUntil(s.text[s.at:], "\n"))
	var p path
	for i, name := range parts {
		p = p.child(name)
		s.found(p)
		if array && i == len(parts)-1 {
			s.tables[p.at]++
		}
		if n := s.tables[p.at]; n > 0 {
			p = p.index(n - 1)
			s.found(p)
		}
	}
	return p
}

// found notes the line of a path when it is first seen.
func (s *scanner) found(p path) {
	if _, ok := s.lines[p.at]; !ok {
		s.lines[p.at] = s.line
	}
}

func (s *scanner) keyAndValue(table path) {
	p := table
	for _, name := range s.key() {
		p = p.child(name)
		s.found(p)
	}
	s.skip("=")
	s.value(p)
}

// key reads a dotted key.
func (s *scanner) key() []string {
	var parts []string
	for {
		s.skip("")
		if !s.more() {
			return parts
		}
		var part string
		switch s.text[s.at] {
		case '"':
			quoted := s.quoted()
			part = strings.Trim(quoted, `"`)
			if plain, err := strconv.Unquote(quoted); err == nil {
				part = plain
			}
		case '\'':
			part = strings.Trim(s.quoted(), "'")
		default:
			n := lengthUntil(s.text[s.at:], ".=[]{},#\"' \t\r\n")
			part = s.text[s.at : s.at+n]
			s.advance(n)
		}
		parts = append(parts, part)
		s.skip("")
		if !s.looksAt(".") {
			return parts
		}
		s.advance(1)
	}
}

// value passes a value and notes what is inside it.
func (s *scanner) value(p path) {
	s.skip("")
	if !s.more() {
		return
	}
	switch s.text[s.at] {
	case '"', '\'':
		s.quoted()
	case '[':
		s.advance(1)
		for i := 0; s.inside(']'); i++ {
			element := p.index(i)
			s.found(element)
			s.value(element)
		}
	case '{':
		s.advance(1)
		for s.inside('}') {
			s.keyAndValue(p)
		}
	default:
		s.advance(lengthUntil(s.text[s.at:], ",]}#\n"))
	}
}

// inside moves to the next element, or past the end. It always moves on from
// what cannot begin an element, so that loops around it end.
func (s *scanner) inside(end byte) bool {
	s.skip("\n,")
	for s.more() {
		switch s.text[s.at] {
		case end:
			s.advance(1)
			return false
		case ']', '}', '=':
			s.advance(1)
			s.skip("\n,")
		default:
			return true
		}
	}
	return false
}

// quoted passes any of the four kinds of string and gives it with its quotes.
func (s *scanner) quoted() string {
	quote := s.text[s.at : s.at+1]
	if triple := strings.Repeat(quote, 3); s.looksAt(triple) {
		quote = triple
	}
	start := s.at
	i := s.at + len(quote)
	for i < len(s.text) && !strings.HasPrefix(s.text[i:], quote) {
		if s.text[i] == '\\' && quote[0] == '"' {
			i++
		}
		i++
	}
	i += len(quote)
	// A multi-line string may end in up to five quotes: two are its own.
	for len(quote) == 3 && i < len(s.text) && s.text[i] == quote[0] {
		i++
	}
	s.advance(i - s.at)
	return s.text[start:s.at]
}

// lineOf gives the line of a path, or of the nearest thing around it.
func lineOf(lines map[string]int, p path) int {
	for at := p.at; at != ""; {
		if line, ok := lines[at]; ok {
			return line
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			return 0
		}
		at = at[:i]
	}
	return 0
}

// place gives a path as people find it: "gatehouse.toml:14".
func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}
