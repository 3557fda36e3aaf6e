package wire

import "unicode/utf8"

// What the scanning of text, attribute values and CDATA stops at.
var (
	textStops  = readerStops("<&\r]>")
	valueStops = readerStops("<&\r\n\t\"'")
	cdataStops = readerStops("\r]")
)

func readerStops(stops string) (t [256]bool) {
	for c := range t {
		t[c] = c >= utf8.RuneSelf || c < ' ' && c != '\t' && c != '\n'
	}
	for _, c := range []byte(stops) {
		t[c] = true
	}
	return t
}

// scan takes bytes up to a stop, moves them to the write position w, which never
// passes the read position, and gives the stop.
func (r *Reader) scan(w int, stops *[256]bool, state lexical) (int, byte, error) {
	for {
		p := r.pos
		buf := r.buf[:r.win]
		for p < len(buf) && !stops[buf[p]] {
			p++
		}
		if w != r.pos {
			copy(r.buf[w:], r.buf[r.pos:p])
		}
		w += p - r.pos
		r.pos = p
		r.resume(state)
		if p < r.win {
			return w, r.buf[p], nil
		}
		if err := r.more(); err != nil {
			return w, 0, err
		}
	}
}

// ahead gives the byte n after pos without taking any.
func (r *Reader) ahead(n int) (byte, error) {
	for r.pos+n >= r.win {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	return r.buf[r.pos+n], nil
}

// put writes a byte for the one at pos.
func (r *Reader) put(w int, c byte) int {
	r.buf[w] = c
	r.pos++
	return w + 1
}

// multibyte checks the character at pos and moves it.
func (r *Reader) multibyte(w int) (int, error) {
	if r.buf[r.pos] < utf8.RuneSelf {
		return w, malformed("forbidden character %U", r.buf[r.pos])
	}
	_, size, err := r.rune()
	if err != nil {
		return w, err
	}
	copy(r.buf[w:], r.buf[r.pos:r.pos+size])
	r.pos += size
	return w + size, nil
}

// newline replaces a line break by c (XML 1.0 §2.11).
func (r *Reader) newline(w int, c byte) (int, error) {
	next, err := r.ahead(1)
	if err != nil {
		return w, err
	}
	if next == '\n' {
		r.pos++
	}
	return r.put(w, c), nil
}

// text reads up to the next tag and adds a run of text to the open element.
func (r *Reader) text() error {
	from, w := r.pos, r.pos
	brackets, bracketEnd := 0, -1
	for {
		var c byte
		var err error
		if w, c, err = r.scan(w, &textStops, inText); err != nil {
			return err
		}
		switch c {
		case '<':
			next, err := r.ahead(1)
			if err != nil {
				return err
			}
			if next != '!' {
				if w > from {
					t := r.tree.element()
					t.Text = r.view(from, w)
					r.open[len(r.open)-1].e.link(t)
				}
				return nil
			}
			w, err = r.cdata(w)
			if err != nil {
				return err
			}
		case '&':
			w, err = r.reference(w)
		case '\r':
			w, err = r.newline(w, '\n')
		case ']':
			if bracketEnd != r.pos {
				brackets = 0
			}
			brackets++
			bracketEnd = r.pos + 1
			w = r.put(w, c)
		case '>':
			if bracketEnd == r.pos && brackets >= 2 {
				return malformed("]]> in text") // XML 1.0 §2.4
			}
			w = r.put(w, c)
		default:
			w, err = r.multibyte(w)
		}
		if err != nil {
			return err
		}
	}
}

// cdata reads a CDATA section: text to whoever sends it.
func (r *Reader) cdata(w int) (int, error) {
	for i, want := range []byte("<![CDATA[") {
		c, err := r.ahead(i)
		if err != nil {
			return w, err
		}
		if c != want {
			return w, restricted("comment or document type declaration")
		}
	}
	r.pos += len("<![CDATA[")
	for {
		var c byte
		var err error
		if w, c, err = r.scan(w, &cdataStops, inCDATA); err != nil {
			return w, err
		}
		switch c {
		case ']':
			end, err := r.isCDATAEnd()
			if err != nil {
				return w, err
			}
			if end {
				r.pos += len("]]>")
				r.resume(inText)
				return w, nil
			}
			w = r.put(w, c)
		case '\r':
			w, err = r.newline(w, '\n')
		default:
			w, err = r.multibyte(w)
		}
		if err != nil {
			return w, err
		}
	}
}

func (r *Reader) isCDATAEnd() (bool, error) {
	if c, err := r.ahead(1); err != nil || c != ']' {
		return false, err
	}
	c, err := r.ahead(2)
	return c == '>', err
}

// value reads a quoted attribute value, normalized (XML 1.0 §3.3.3), and gives
// where it ends; it begins after the quote.
func (r *Reader) value() (int, error) {
	quote, err := r.take()
	if err != nil {
		return 0, err
	}
	state := inDouble
	switch quote {
	case '"':
	case '\'':
		state = inSingle
	default:
		return 0, malformed("attribute value without quotes")
	}
	w := r.pos
	for {
		var c byte
		if w, c, err = r.scan(w, &valueStops, state); err != nil {
			return 0, err
		}
		switch c {
		case quote:
			r.pos++
			r.resume(inTag)
			return w, nil
		case '"', '\'':
			w = r.put(w, c)
		case '<':
			return 0, malformed("< in an attribute value")
		case '&':
			w, err = r.reference(w)
		case '\t', '\n':
			w = r.put(w, ' ')
		case '\r':
			w, err = r.newline(w, ' ')
		default:
			w, err = r.multibyte(w)
		}
		if err != nil {
			return 0, err
		}
	}
}

// reference reads a reference from its "&" and writes its character. Nothing is
// written before all of it is read, so that skipping can begin at the "&".
func (r *Reader) reference(w int) (int, error) {
	c, err := r.ahead(1)
	if err != nil {
		return w, err
	}
	var char rune
	var size int
	if c == '#' {
		char, size, err = r.number()
	} else {
		char, size, err = r.entity()
	}
	if err != nil {
		return w, err
	}
	r.pos += size
	return w + utf8.EncodeRune(r.buf[w:w+utf8.RuneLen(char)], char), nil
}

func (r *Reader) entity() (rune, int, error) {
	for n := 1; ; n++ {
		c, err := r.ahead(n)
		if err != nil {
			return 0, 0, err
		}
		if nameClass[c]&nameRest != 0 && n <= 32 {
			continue
		}
		if c != ';' || n == 1 {
			return 0, 0, malformed("& without a reference")
		}
		switch r.view(r.pos+1, r.pos+n) {
		case "lt":
			return '<', n + 1, nil
		case "gt":
			return '>', n + 1, nil
		case "amp":
			return '&', n + 1, nil
		case "apos":
			return '\'', n + 1, nil
		case "quot":
			return '"', n + 1, nil
		}
		return 0, 0, restricted("entity reference")
	}
}

// number reads a character reference, "&#10;" or "&#xA;".
func (r *Reader) number() (rune, int, error) {
	n, base := 2, rune(10)
	c, err := r.ahead(n)
	if err != nil {
		return 0, 0, err
	}
	if c == 'x' {
		n, base = 3, 16
	}
	var char rune
	for first := n; ; n++ {
		if c, err = r.ahead(n); err != nil {
			return 0, 0, err
		}
		if c == ';' && n > first {
			break
		}
		d := digit(c)
		if d >= base {
			return 0, 0, malformed("%q in a character reference", c)
		}
		if char = char*base + d; char > utf8.MaxRune {
			return 0, 0, malformed("character reference out of range")
		}
	}
	if !isChar(char) {
		return 0, 0, malformed("reference to forbidden character %U", char)
	}
	return char, n + 1, nil
}

func digit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return 99
}
