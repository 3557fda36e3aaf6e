package wire

import "unicode/utf8"

// Where in the markup the bytes from r.token on stand, for skipping an element
// that is over a limit.
type lexical uint8

const (
	inText lexical = iota
	inTag
	inDouble
	inSingle
	inCDATA
)

// resume notes that skipping can begin here. References are replaced in place,
// so that bytes before this point are no longer what the peer sent.
func (r *Reader) resume(state lexical) { r.token, r.state = r.pos, state }

// stanza reads one top-level element, or the end of the stream.
func (r *Reader) stanza() (*Element, error) {
	r.begin()
	// White space between stanzas keeps connections alive (RFC 6120 §4.6.1): any
	// amount is fine and takes no memory.
	for {
		if r.pos == r.end {
			r.pos, r.end = 0, 0
			if err := r.fill(); err != nil {
				return nil, err
			}
		}
		if !isSpace(r.buf[r.pos]) {
			break
		}
		r.pos++
	}
	r.mark()
	e, err := r.element()
	return e, within(err)
}

func (r *Reader) element() (*Element, error) {
	c, err := r.take()
	if err != nil {
		return nil, err
	}
	if c != '<' {
		return nil, &SyntaxError{Condition: badFormat, Err: errOutside}
	}
	if c, err = r.peek(); err != nil {
		return nil, err
	}
	if c == '/' {
		if err := r.endName(r.root); err != nil {
			return nil, err
		}
		return nil, ErrStreamClosed
	}
	top, err := r.markup(c)
	for err == nil && len(r.open) > 0 {
		err = r.content()
	}
	return top, err
}

// content reads text up to the next tag, and the tag.
func (r *Reader) content() error {
	if err := r.text(); err != nil {
		return err
	}
	r.pos++ // the "<" that text stopped at
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != '/' {
		_, err = r.markup(c)
		return err
	}
	last := len(r.open) - 1
	if err := r.endName(r.open[last].name); err != nil {
		return err
	}
	r.scope = r.scope[:r.open[last].scope]
	r.open = r.open[:last]
	return nil
}

// markup reads what follows a "<" that does not begin an end tag or CDATA.
func (r *Reader) markup(c byte) (*Element, error) {
	switch c {
	case '!':
		// RFC 6120 §11.1.
		return nil, restricted("comment or document type declaration")
	case '?':
		return nil, restricted("processing instruction")
	}
	return r.startTag()
}

// endName reads the rest of an end tag from its "/".
func (r *Reader) endName(name string) error {
	r.pos++
	if r.win-r.pos > len(name) && r.view(r.pos, r.pos+len(name)) == name {
		r.pos += len(name)
	} else if err := r.expect(name); err != nil {
		return err
	}
	if _, err := r.skipSpace(); err != nil {
		return err
	}
	return r.expect(">")
}

// startTag reads a start tag or an empty element from its name on.
func (r *Reader) startTag() (*Element, error) {
	if len(r.open) >= r.limits.Depth || r.children > r.limits.Children {
		return nil, errLimit
	}
	from, colon, to, err := r.name()
	if err != nil {
		return nil, err
	}
	r.children++
	e := r.tree.element()
	o := openElement{e: e, name: r.view(from, to), scope: len(r.scope), space: r.space()}
	empty, err := r.attributes(&o)
	if len(r.open) == 0 {
		r.top = o
	}
	if err != nil {
		return nil, err
	}
	if err := r.resolve(&o, from, colon, to); err != nil {
		return nil, err
	}
	if n := len(r.open); n > 0 {
		r.open[n-1].e.link(e)
	}
	if empty {
		r.scope = r.scope[:o.scope]
	} else {
		r.open = append(r.open, o)
	}
	return e, nil
}

// space is the default namespace in scope.
func (r *Reader) space() string {
	if n := len(r.open); n > 0 {
		return r.open[n-1].space
	}
	return r.rootSpace
}

// attributes reads the rest of a start tag, and tells whether it ends in "/>".
// The attributes of the element have their prefixes as Space still.
func (r *Reader) attributes(o *openElement) (empty bool, err error) {
	first := len(r.tree.attrs)
	for n := 0; ; n++ {
		spaced, err := r.skipSpace()
		if err != nil {
			return false, err
		}
		switch r.buf[r.pos] {
		case '/':
			r.pos++
			o.e.Attrs = r.tree.attrs[first:len(r.tree.attrs):len(r.tree.attrs)]
			return true, r.expect(">")
		case '>':
			r.pos++
			o.e.Attrs = r.tree.attrs[first:len(r.tree.attrs):len(r.tree.attrs)]
			return false, nil
		}
		switch {
		case !spaced:
			return false, malformed("no space before an attribute")
		case n == r.limits.Attrs:
			return false, errLimit
		}
		if err := r.attribute(o); err != nil {
			return false, err
		}
	}
}

func (r *Reader) attribute(o *openElement) error {
	from, colon, to, err := r.name()
	if err != nil {
		return err
	}
	if err := r.equals(); err != nil {
		return err
	}
	valueFrom := r.pos + 1
	valueTo, err := r.value()
	if err != nil {
		return err
	}
	switch {
	case colon < 0 && r.view(from, to) == "xmlns":
		return r.declareDefault(o, valueFrom, valueTo)
	case colon < 0:
		r.tree.attrs = append(r.tree.attrs, Attr{Name: r.intern(from, to), Value: r.view(valueFrom, valueTo)})
		return nil
	case r.view(from, colon) == "xmlns":
		return r.declare(o, r.view(colon+1, to), r.intern(valueFrom, valueTo))
	}
	r.tree.attrs = append(r.tree.attrs, Attr{
		Space: r.view(from, colon), Name: r.intern(colon+1, to), Value: r.view(valueFrom, valueTo),
	})
	return nil
}

// equals takes an equals sign with white space around it.
func (r *Reader) equals() error {
	if r.win-r.pos >= 2 && r.buf[r.pos] == '=' && !isSpace(r.buf[r.pos+1]) {
		r.pos++
		return nil
	}
	if _, err := r.skipSpace(); err != nil {
		return err
	}
	if err := r.expect("="); err != nil {
		return err
	}
	_, err := r.skipSpace()
	return err
}

// name reads a qualified name; colon is negative if it has no prefix.
func (r *Reader) name() (from, colon, to int, err error) {
	from, colon = r.pos, -1
	part := r.pos // where the prefix or the local part begins
	for {
		for r.pos < r.win && nameClass[r.buf[r.pos]]&nameRest != 0 {
			if r.pos == part && nameClass[r.buf[r.pos]]&nameStart == 0 {
				return 0, 0, 0, malformed("name begins with %q", r.buf[r.pos])
			}
			r.pos++
		}
		c, err := r.peek()
		switch {
		case err != nil:
			return 0, 0, 0, err
		case c == ':' && colon < 0 && r.pos > part:
			colon = r.pos
			r.pos++
			part = r.pos
		case nameClass[c]&nameRest != 0:
			// The window moved.
		case c < utf8.RuneSelf:
			if r.pos == part || c == ':' {
				return 0, 0, 0, malformed("%q where a name belongs", c)
			}
			return from, colon, r.pos, nil
		default:
			rune, size, err := r.rune()
			if err != nil {
				return 0, 0, 0, err
			}
			if !isNameRest(rune) || r.pos == part && !isNameStart(rune) {
				return 0, 0, 0, malformed("%q in a name", rune)
			}
			r.pos += size
		}
	}
}

// rune decodes the character at pos, which is not ASCII, without taking it.
func (r *Reader) rune() (rune, int, error) {
	for !utf8.FullRune(r.buf[r.pos:r.win]) {
		if err := r.more(); err != nil {
			return 0, 0, err
		}
	}
	c, size := utf8.DecodeRune(r.buf[r.pos:r.win])
	if c == utf8.RuneError && size == 1 {
		return 0, 0, malformed("invalid utf-8")
	}
	if !isChar(c) {
		return 0, 0, malformed("forbidden character %U", c)
	}
	return c, size, nil
}
