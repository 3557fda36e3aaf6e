package irc

import (
	"bytes"
	"encoding/binary"
	"sync"
)

const (
	lineHead = 4        // bytes before a line in a queue, which say how long it is
	keptText = 16 << 10 // a larger buffer is not kept for others
)

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func borrowBuffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

func giveBack(b *[]byte) {
	if cap(*b) <= keptText {
		buffers.Put(b)
	}
}

// A lineQueue holds lines, and batches of lines that go as one, in one piece of
// memory, which it borrows as long as there are any. A copy takes the place of
// the original, as both have the same memory.
type lineQueue struct {
	text *[]byte // each line behind its length; nil: nothing was borrowed
	read int     // of text, what is before it is gone
	n    int
	load int // what all are worth as lines
}

// begin gives what to append a line to, for end.
func (q *lineQueue) begin() []byte {
	if q.text == nil {
		q.text = borrowBuffer()
	}
	if q.read > keptText && q.read > len(*q.text)/2 {
		*q.text = append((*q.text)[:0], (*q.text)[q.read:]...)
		q.read = 0
	}
	var head [lineHead]byte
	return append(*q.text, head[:]...)
}

// end takes the line, with all before it. Without it nothing was added.
func (q *lineQueue) end(b []byte) {
	from := len(*q.text)
	binary.LittleEndian.PutUint32(b[from:], uint32(len(b)-from-lineHead))
	*q.text = b
	q.n++
	q.load += cost(b[from+lineHead:])
}

func (q *lineQueue) push(line []byte) { q.end(append(q.begin(), line...)) }

// first is valid until the queue changes.
func (q *lineQueue) first() []byte {
	b := (*q.text)[q.read:]
	return b[lineHead:][:binary.LittleEndian.Uint32(b)]
}

func (q *lineQueue) dropFirst() {
	line := q.first()
	q.read += lineHead + len(line)
	q.load -= cost(line)
	if q.n--; q.n == 0 {
		q.free()
	}
}

// append takes all lines of another queue, which is empty then.
func (q *lineQueue) append(other *lineQueue) {
	if q.n == 0 {
		q.free()
		*q, *other = *other, *q
		return
	}
	for ; other.n > 0; other.dropFirst() {
		q.push(other.first())
	}
}

// free gives the memory back with all that is in it.
func (q *lineQueue) free() {
	if q.text != nil {
		giveBack(q.text)
	}
	*q = lineQueue{}
}

// cost is what servers count a line as, by what is known of how they count
// batches.
func cost(b []byte) int {
	if end := bytes.IndexByte(b, '\n'); end < 0 || end == len(b)-1 {
		return 1
	}
	return 1 + max(len(b)/512, bytes.Count(b, []byte("\n"))/8)
}
