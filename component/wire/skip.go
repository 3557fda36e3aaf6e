package wire

import (
	"errors"
	"strings"
)

// tooLarge keeps the start tag of the stanza that is over a limit, or what of it
// is read. It is nil if not even the name is.
func (r *Reader) tooLarge() *Element {
	from := r.top
	if len(r.open) > 0 {
		from = r.open[0]
	}
	if from.e == nil {
		return nil
	}
	e := &Element{Space: strings.Clone(from.e.Space), Name: strings.Clone(from.e.Name)}
	attrs := from.e.Attrs
	if e.Name == "" {
		// Within the tag: prefixes are not resolved yet.
		attrs = r.tree.attrs
		prefix, name, ok := strings.Cut(from.name, ":")
		if !ok {
			prefix, name = "", from.name
			e.Space = strings.Clone(from.space)
		} else if space, ok := r.lookup(prefix); ok {
			e.Space = strings.Clone(space)
		}
		e.Name = strings.Clone(name)
	}
	for _, a := range attrs {
		if _, twice := e.lookup(a.Space, a.Name); !twice && (a.Space == "" || a.Space == "xml") {
			e.Attrs = append(e.Attrs, Attr{
				Space: strings.Clone(a.Space), Name: strings.Clone(a.Name), Value: strings.Clone(a.Value),
			})
		}
	}
	return e
}

// States of skipping beyond those of lexical.
const (
	afterOpen  = inCDATA + 1 + iota // after "<"
	afterSlash                      // after "/" in a start tag
	inEndTag                        //
	afterBang                       // within "<![CDATA["
	afterOne                        // after "]" in CDATA
	afterTwo                        // after "]]"
)

// skip takes the rest of the stanza with constant memory. It follows tags, quotes
// and CDATA and nothing else: what is skipped is not checked for more.
func (r *Reader) skip() error {
	s := skipper{state: r.state, depth: len(r.open)}
	r.pos = r.token
	for range skipFactor * r.limits.Bytes {
		if r.pos == r.end {
			r.pos, r.end = 0, 0
			if err := r.fill(); err != nil {
				return within(err)
			}
		}
		c := r.buf[r.pos]
		r.pos++
		done, err := s.take(c)
		if done || err != nil {
			return err
		}
	}
	return &SyntaxError{Condition: policyViolation, Err: errors.New("stanza is far too large")}
}

type skipper struct {
	state lexical
	depth int
	match int // bytes of "[CDATA[" seen
}

var errFraming = malformed("framing lost in a stanza that is over a limit")

// take follows one byte, and tells whether the stanza ends with it.
func (s *skipper) take(c byte) (done bool, err error) {
	if c < ' ' && !isSpace(c) {
		return false, errFraming
	}
	switch s.state {
	case inText:
		if c == '<' {
			s.state = afterOpen
		}
	case afterOpen:
		return false, s.open(c)
	case inTag:
		switch c {
		case '>':
			s.depth++
			s.state = inText
		case '/':
			s.state = afterSlash
		case '"':
			s.state = inDouble
		case '\'':
			s.state = inSingle
		case '<':
			return false, errFraming
		}
	case inDouble, inSingle:
		switch {
		case c == '"' && s.state == inDouble, c == '\'' && s.state == inSingle:
			s.state = inTag
		case c == '<':
			return false, errFraming
		}
	case afterSlash:
		if c != '>' {
			return false, errFraming
		}
		s.state = inText
		return s.depth == 0, nil
	case inEndTag:
		switch c {
		case '>':
			s.depth--
			s.state = inText
			return s.depth == 0, nil
		case '<':
			return false, errFraming
		}
	default:
		return false, s.cdata(c)
	}
	return false, nil
}

func (s *skipper) open(c byte) error {
	switch {
	case c == '/':
		s.state = inEndTag
	case c == '!':
		s.state, s.match = afterBang, 0
	case c == '?':
		return restricted("processing instruction")
	case c >= 0x80 || nameClass[c]&nameStart != 0:
		s.state = inTag
	default:
		return errFraming
	}
	return nil
}

func (s *skipper) cdata(c byte) error {
	const opening = "[CDATA["
	switch {
	case s.state == afterBang && c != opening[s.match]:
		return restricted("comment or document type declaration")
	case s.state == afterBang:
		if s.match++; s.match == len(opening) {
			s.state = inCDATA
		}
	case c == ']' && s.state == inCDATA:
		s.state = afterOne
	case c == ']':
		s.state = afterTwo
	case c == '>' && s.state == afterTwo:
		s.state = inText
	default:
		s.state = inCDATA
	}
	return nil
}
