package irc

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// restingBytes are enough for most lines that come alone.
const restingBytes = 256

var errLongLine = errors.New("a line is longer than any may be")

// lineBuffers are for readers that have more to read, and only for as long.
var lineBuffers = sync.Pool{New: func() any { return new([maxLine]byte) }}

// A lineReader reads lines that end with LF or CR LF. Where it waits for a line
// it has a small buffer: it does so for days, and there are thousands.
type lineReader struct {
	conn  io.Reader
	small [restingBytes]byte
	large *[maxLine]byte // in use instead; nil: is not

	start, end int // of what was read and not given
	searched   int // up to here there is no end of a line
}

func (r *lineReader) buffer() []byte {
	if r.large != nil {
		return r.large[:]
	}
	return r.small[:]
}

// readLine gives a line without its end. It is valid until the next call, which
// may follow an error too: of a deadline's, the next goes on.
func (r *lineReader) readLine() ([]byte, error) {
	for {
		b := r.buffer()
		if i := bytes.IndexByte(b[r.searched:r.end], '\n'); i >= 0 {
			i += r.searched
			line := bytes.TrimSuffix(b[r.start:i], []byte("\r"))
			r.start, r.searched = i+1, i+1
			return line, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill waits until there is more to give.
func (r *lineReader) fill() error {
	if err := r.makeRoom(); err != nil {
		return err
	}
	n, err := r.conn.Read(r.buffer()[r.end:])
	r.end += n
	if n > 0 {
		return nil // behind something read an error comes again
	}
	return err
}

// makeRoom puts what is left at the beginning of the buffer that is right for it.
func (r *lineReader) makeRoom() error {
	left := r.buffer()[r.start:r.end]
	switch {
	case len(left) == maxLine:
		return errLongLine
	case len(left) == 0 && r.large != nil:
		lineBuffers.Put(r.large)
		r.large = nil
	case len(left) > 0 && r.large == nil:
		r.large = lineBuffers.Get().(*[maxLine]byte)
	}
	r.start, r.end = 0, copy(r.buffer(), left)
	r.searched = r.end
	return nil
}
