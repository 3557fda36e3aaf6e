package irc

import (
	"strconv"
	"strings"
)

// Messages of several lines (IRCv3 multiline): the capability and the type of
// its batches have one name.
const (
	multilineCap = "draft/multiline"
	concatTag    = "draft/multiline-concat"
	batchPrefix  = "gb" // of the references of our own batches

	mostBatchBytes = 32 << 10 // of one, whatever the server takes
	mostBatchLines = 256
)

// A parcel is one message on the wire: a line, or a batch of several.
type parcel struct {
	text   string  // as the server shows it
	pieces []piece // of a batch
}

func (p parcel) lines() int { return max(1, len(p.pieces)) }

// A piece is one line of a parcel.
type piece struct {
	text  string
	joint bool // it goes on with the line before
}

// parcels adds what a message is on the wire: where the server takes several
// lines as one message that is one, or as few as there can be; elsewhere there
// is one for each line.
func (l *link) parcels(to []parcel, text, target string) []parcel {
	if l.goesAsItIs(text, target) {
		return append(to, parcel{text: text})
	}
	if all := l.severalLines(text, target); all != nil {
		return append(to, all...)
	}
	return append(to, alone(l.texts(text, target))...)
}

// alone makes a parcel of each line.
func alone(texts []string) []parcel {
	all := make([]parcel, len(texts))
	for i, text := range texts {
		all[i].text = text
	}
	return all
}

// multilineLimits are what the server takes as one message. The value of the
// capability is max-bytes=…,max-lines=…, of which the second may be missing.
func (l *link) multilineLimits() (bytes, lines int, ok bool) {
	if !l.caps.on.has(multilineCap) || !l.caps.on.has("batch") {
		return 0, 0, false
	}
	lines = mostBatchLines
	for token := range strings.SplitSeq(l.caps.values[multilineCap], ",") {
		key, value, _ := strings.Cut(token, "=")
		n, err := strconv.Atoi(value)
		switch {
		case err != nil || n < 1:
		case key == "max-bytes":
			bytes = min(n, mostBatchBytes)
		case key == "max-lines":
			lines = min(n, mostBatchLines)
		}
	}
	return bytes, lines, bytes > 0
}

// severalLines gives the parcels of a text that needs several lines, or nil. An
// action is one line on IRC, and is told line by line.
func (l *link) severalLines(text, target string) []parcel {
	bytes, lines, ok := l.multilineLimits()
	text = strings.Trim(oneLineEnd.Replace(withoutCTCP(text)), "\n")
	if !ok || strings.HasPrefix(text, actionMark) {
		return nil
	}
	limit := min(l.textLimit(target), bytes)
	if len(text) <= limit && !strings.Contains(text, "\n") {
		return nil
	}
	var pieces []piece
	for _, styled := range formatLines(strings.Split(text, "\n")) {
		if strings.TrimSpace(styled) == "" {
			pieces = append(pieces, piece{})
			continue
		}
		for i, text := range splitClosed(styled, limit) {
			pieces = append(pieces, piece{text, i > 0})
		}
	}
	if len(pieces) < 2 {
		return nil
	}
	return pack(pieces, bytes, lines)
}

var oneLineEnd = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// pack puts lines into as few parcels as the limits allow. None begins or ends
// with a blank line, as a message of nothing else is not allowed.
func pack(pieces []piece, bytes, lines int) (all []parcel) {
	var now []piece
	size := 0
	flush := func() {
		for len(now) > 0 && now[len(now)-1].text == "" {
			now = now[:len(now)-1]
		}
		if len(now) > 0 {
			all = append(all, parcel{together(now), now})
		}
		now, size = nil, 0
	}
	for _, p := range pieces {
		more := len(p.text)
		if !p.joint {
			more++ // the line end before it
		}
		if len(now) > 0 && (size+more > bytes || len(now) >= lines) {
			flush()
		}
		if len(now) == 0 {
			if p.text == "" {
				continue
			}
			p.joint, more = false, len(p.text)
		}
		now = append(now, p)
		size += more
	}
	flush()
	return all
}

// together is what the lines of a parcel say together.
func together(pieces []piece) string {
	var b strings.Builder
	for i, p := range pieces {
		if i > 0 && !p.joint {
			b.WriteByte('\n')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// splitClosed splits a line so that the pieces look right alone, and as one
// line when they are joined: each closes the formatting that the next one
// opens again.
func splitClosed(text string, limit int) []string {
	pieces := split(text, limit-len(styles))
	for i := range pieces[:max(len(pieces)-1, 0)] {
		pieces[i] += stillOpen(pieces[i])
	}
	return pieces
}

// wire adds the bytes of a parcel. Those of a batch are in one piece, as
// nothing else may be sent while it is open; its tags belong before the first
// line, which opens it. to is the command with what stands before the text.
func (l *link) wire(b []byte, p parcel, to []string) ([]byte, error) {
	say := func(b []byte, text string) ([]byte, error) {
		var params [4]string
		return appendLine(b, l.is.lineLen, to[0], append(append(params[:0], to[1:]...), text)...)
	}
	if p.lines() == 1 {
		return say(b, p.text)
	}
	l.lastBatch++
	reference := batchPrefix + strconv.FormatUint(l.lastBatch, 10)
	b, err := appendLine(b, l.is.lineLen, "BATCH", "+"+reference, multilineCap, to[1])
	for _, piece := range p.pieces {
		if err != nil {
			return nil, err
		}
		b = append(b, "@batch="+reference...)
		if piece.joint {
			b = append(b, ";"+concatTag...)
		}
		b, err = say(append(b, ' '), piece.text)
	}
	if err != nil {
		return nil, err
	}
	return appendLine(b, l.is.lineLen, "BATCH", "-"+reference)
}

// multilineRefused takes a FAIL of a batch. A server goes on to refuse each
// line that it still reads of it, which is no news.
func (l *link) multilineRefused(m *message) bool {
	if m.param(0) != "BATCH" {
		return false
	}
	const anyOther = "MULTILINE_INVALID"
	p := l.withLabel(l.labelOf(m))
	for _, told := range []bool{true, false} {
		for _, open := range l.open {
			if p == nil && open.batched && open.told == told && (!told || m.code() == anyOther) {
				p = open
			}
		}
	}
	if p == nil || !p.batched {
		return false
	}
	if p.echo != nil {
		p.echo.texts = nil // none of it will be shown
	}
	l.failed(p, l.failure(m))
	return true
}
