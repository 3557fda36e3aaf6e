package irc

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// pieces gives what is to be read in pieces of any size, and at times nothing
// but the end of a wait.
type pieces struct {
	text   string
	random *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.random.IntN(4) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:1+p.random.IntN(len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

func TestLinesAreReadHoweverTheyCome(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var want []string
		var text strings.Builder
		for range 1 + random.IntN(20) {
			line := strings.Repeat("x", random.IntN([]int{10, 2 * restingBytes, maxLine - 2}[random.IntN(3)]))
			want = append(want, line)
			text.WriteString(line + []string{"\n", "\r\n"}[random.IntN(2)])
		}
		r := &lineReader{conn: &pieces{text.String() + "without an end", random}}
		for i := 0; ; {
			line, err := r.readLine()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			if err != nil {
				if err != io.EOF || i != len(want) {
					t.Fatalf("after %d of %d lines: %v", i, len(want), err)
				}
				break
			}
			if i == len(want) || string(line) != want[i] {
				t.Fatalf("line %d: %q", i, line)
			}
			i++
		}
	}
}

func TestReaderAtRestHasNoLargeBuffer(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	r := &lineReader{conn: &pieces{strings.Repeat(strings.Repeat("x", 3*restingBytes)+"\n", 5), random}}
	for {
		if _, err := r.readLine(); err == io.EOF {
			break
		}
	}
	if r.large != nil {
		t.Error("it keeps one")
	}
}

func TestLineWithoutAnEndIsRefused(t *testing.T) {
	r := &lineReader{conn: strings.NewReader(strings.Repeat("x", 2*maxLine))}
	if _, err := r.readLine(); err != errLongLine {
		t.Error(err)
	}
}
