package wire

import (
	"errors"
	"fmt"
	"io"
	"unsafe"
)

// Limits bound what one stanza may take, so that a Reader never holds more.
type Limits struct {
	Bytes    int // of the stanza as it is sent
	Depth    int // of elements in each other, the stanza being the first
	Attrs    int // of one element, with its namespace declarations
	Children int // elements in the stanza, at any depth
}

// DefaultLimits are above what any server lets through.
var DefaultLimits = Limits{Bytes: 1 << 20, Depth: 64, Attrs: 64, Children: 10000}

const (
	nsStream = "http://etherx.jabber.org/streams"

	// An oversized stanza is skipped for at most this many times Limits.Bytes.
	skipFactor = 16

	firstBuffer = 16 << 10
	keepBuffer  = 128 << 10 // a larger buffer is given back after the stanza
)

// A Reader splits one XMPP stream into its top-level elements. It reads UTF-8
// and XML 1.0 strictly, resolves namespaces, and refuses what RFC 6120 §11.1
// forbids. However the bytes arrive, the result is the same. It is not safe for
// concurrent use.
type Reader struct {
	src    io.Reader
	limits Limits
	err    error // sticky

	// buf[pos:end] is read and not yet parsed; scanning goes up to win, which
	// ends where the limit does. While a stanza is parsed nothing before pos is
	// moved, because strings point into it: a full buffer is replaced.
	buf             []byte
	start, pos, win int
	end             int
	token           int     // where skipping would begin
	state           lexical // what stands there

	tree     arena
	children int         // elements of the stanza so far
	top      openElement // the stanza
	open     []openElement
	scope    []binding

	// Of the stream header:
	root      string // name as spelled
	rootSpace string // default namespace
	rootScope int    // bindings
	opened    bool
	closed    bool // it was an empty element
}

type openElement struct {
	e        *Element
	name     string // as spelled, for the end tag
	scope    int    // bindings outside
	space    string // default namespace within
	declared bool   // by itself
}

// A binding is a declared prefix in scope.
type binding struct{ prefix, space string }

// NewReader makes a Reader of r. Limits that are zero are the default ones.
func NewReader(r io.Reader, limits Limits) *Reader {
	for _, l := range []struct {
		limit    *int
		fallback int
	}{
		{&limits.Bytes, DefaultLimits.Bytes},
		{&limits.Depth, DefaultLimits.Depth},
		{&limits.Attrs, DefaultLimits.Attrs},
		{&limits.Children, DefaultLimits.Children},
	} {
		if *l.limit <= 0 {
			*l.limit = l.fallback
		}
	}
	return &Reader{src: r, limits: limits}
}

// errLimit is for limits within this package; the caller sees a TooLargeError.
var errLimit = errors.New("over a limit")

// Next reads the next top-level element. It, and every string in it, is valid
// only until the next call: Clone keeps it.
//
// After a *TooLargeError reading can go on. Every other error is the end and is
// returned again: ErrStreamClosed after </stream:stream>, *SyntaxError, io.EOF
// between stanzas and io.ErrUnexpectedEOF within one, or what the io.Reader
// gave.
func (r *Reader) Next() (*Element, error) {
	if r.err != nil {
		return nil, r.err
	}
	if !r.opened {
		r.err = errors.New("read xmpp stream: next before open")
		return nil, r.err
	}
	if r.closed {
		r.err = ErrStreamClosed
		return nil, r.err
	}
	e, err := r.stanza()
	if err == errLimit {
		if large := r.tooLarge(); large == nil {
			err = &SyntaxError{Condition: policyViolation, Err: errors.New("name of a stanza is over a limit")}
		} else if err = r.skip(); err == nil {
			return nil, &TooLargeError{Element: large}
		}
	}
	if err != nil {
		r.err = err
		return nil, err
	}
	return e, nil
}

// begin drops the last stanza and all strings that point into the buffer.
func (r *Reader) begin() {
	r.tree.reset()
	clear(r.open)
	r.open = r.open[:0]
	r.scope = r.scope[:r.rootScope]
	r.top = openElement{}
	r.children = 0
	rest := r.end - r.pos
	switch {
	case len(r.buf) > keepBuffer && rest <= firstBuffer/2, r.buf == nil:
		buf := make([]byte, firstBuffer)
		copy(buf, r.buf[r.pos:r.end])
		r.buf, r.pos, r.end = buf, 0, rest
	case rest == 0:
		r.pos, r.end = 0, 0
	case len(r.buf)-r.end < len(r.buf)/4:
		copy(r.buf, r.buf[r.pos:r.end])
		r.pos, r.end = 0, rest
	}
	r.mark()
}

// mark makes pos the beginning of what the byte limit counts.
func (r *Reader) mark() {
	r.start = r.pos
	r.resume(inText)
	r.win = min(r.end, r.start+r.limits.Bytes)
}

// more makes at least one byte readable at pos, which is at the window's end.
func (r *Reader) more() error {
	if r.win-r.start >= r.limits.Bytes {
		return errLimit
	}
	if r.end == len(r.buf) {
		// Strings may point into the old array: it stays as it is.
		buf := make([]byte, min(2*len(r.buf), r.start+r.limits.Bytes+firstBuffer))
		copy(buf, r.buf[:r.end])
		r.buf = buf
	}
	if err := r.fill(); err != nil {
		return err
	}
	r.win = min(r.end, r.start+r.limits.Bytes)
	return nil
}

// fill reads once into the free end of the buffer.
func (r *Reader) fill() error {
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		if n > 0 {
			r.end += n
			return nil // an error comes again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// peek gives the next byte without taking it.
func (r *Reader) peek() (byte, error) {
	if r.pos == r.win {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	return r.buf[r.pos], nil
}

func (r *Reader) take() (byte, error) {
	c, err := r.peek()
	if err == nil {
		r.pos++
	}
	return c, err
}

// expect takes exactly these bytes.
func (r *Reader) expect(s string) error {
	for i := range len(s) {
		c, err := r.take()
		if err != nil {
			return err
		}
		if c != s[i] {
			return malformed("%q where %q belongs", c, s)
		}
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// skipSpace takes white space and tells whether there was any.
func (r *Reader) skipSpace() (bool, error) {
	from := r.pos
	for {
		c, err := r.peek()
		if err != nil {
			return false, err
		}
		if !isSpace(c) {
			return r.pos > from, nil
		}
		r.pos++
	}
}

// view is buf[from:to] as a string, valid until the next begin.
func (r *Reader) view(from, to int) string {
	if from == to {
		return ""
	}
	return unsafe.String(&r.buf[from], to-from)
}

// within makes an end of input inside an element unexpected.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func malformed(format string, args ...any) error {
	return &SyntaxError{Condition: notWellFormed, Err: fmt.Errorf(format, args...)}
}

func restricted(what string) error {
	return &SyntaxError{Condition: restrictedXML, Err: errors.New(what)}
}
