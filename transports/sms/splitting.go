package sms

import (
	"fmt"
	"strings"
	"unicode"

	"gatehouse/gateway/transport"
)

// What becomes of messages that are longer than one text may be.
const (
	longSplit  = "split"  // several texts, "(1/3) …"
	longRefuse = "refuse" // none
)

// maxTexts is how many texts one message may become.
const maxTexts = 10

// pieces gives the texts that a message is sent as: itself, or if that is too
// long several, which say which they are of how many.
func (n *Network) pieces(text string, maxCharacters int) ([]string, error) {
	whole := checkLength(text, n.maxSegments, maxCharacters)
	if whole == nil {
		return []string{text}, nil
	}
	if e, ok := whole.(*transport.Error); !ok || e.Reason != transport.TooLong || n.long == longRefuse {
		return nil, whole
	}
	fits := func(piece string) bool {
		if size := units(piece); size > longestText || maxCharacters > 0 && size > maxCharacters {
			return false
		}
		parts, err := segments(piece)
		return err == nil && parts <= n.maxSegments
	}
	most := n.maxSegments * 160 // characters of one text
	if maxCharacters > 0 {
		most = min(most, maxCharacters)
	}
	tooLong := &transport.Error{
		Reason: transport.TooLong,
		Text:   fmt.Sprintf("The message is too long: it would be more than %d texts of %s each.", maxTexts, amount(n.maxSegments, "part", "parts")),
	}
	if units(text) > maxTexts*most {
		return nil, tooLong
	}
	// The numbers take place of their own, so how many there are is tried.
	for total := 2; total <= maxTexts; {
		pieces := cutUp(text, total, most, fits)
		if pieces == nil {
			break
		}
		if len(pieces) <= total {
			return numbered(pieces), nil
		}
		total = len(pieces)
	}
	tooLong.Text += hint(text)
	return nil, tooLong
}

func number(i, total int) string { return fmt.Sprintf("(%d/%d) ", i+1, total) }

func numbered(pieces []string) []string {
	for i, piece := range pieces {
		pieces[i] = number(i, len(pieces)) + piece
	}
	return pieces
}

// cutUp cuts a text into pieces that fit with their number in front, between
// words where there are any. Nil: not even a character fits, or there are far
// too many pieces. None has more than so many characters.
func cutUp(text string, total, most int, fits func(string) bool) (pieces []string) {
	rest := []rune(strings.TrimSpace(text))
	for len(rest) > 0 {
		if len(pieces) > maxTexts {
			return nil
		}
		prefix := number(len(pieces), max(total, len(pieces)+1))
		low, high := 0, min(len(rest), most) // low fits
		for low < high {
			middle := (low + high + 1) / 2
			if fits(prefix + string(rest[:middle])) {
				low = middle
			} else {
				high = middle - 1
			}
		}
		at := low
		if at < len(rest) {
			at = goodCut(rest, low)
		}
		if at == 0 {
			return nil
		}
		pieces = append(pieces, strings.TrimRightFunc(string(rest[:at]), unicode.IsSpace))
		for at < len(rest) && unicode.IsSpace(rest[at]) {
			at++
		}
		rest = rest[at:]
	}
	return pieces
}

// goodCut gives where to cut a text so that at most so many characters come
// before: between words, or else between what people see as characters.
func goodCut(text []rune, most int) int {
	for at := most; at > most/2; at-- {
		if unicode.IsSpace(text[at]) || unicode.IsSpace(text[at-1]) {
			return at
		}
	}
	for at := most; at > max(0, most-64); at-- {
		if !joined(text, at) {
			return at
		}
	}
	return most
}

// joined says that the characters before and after a place belong together:
// marks, modifiers and what a joiner joins, and the two letters of a flag.
func joined(text []rune, at int) bool {
	const joiner = '\u200d'
	after := text[at]
	if unicode.IsMark(after) || after == joiner || text[at-1] == joiner || after >= 0x1f3fb && after <= 0x1f3ff || after >= 0xe0020 && after <= 0xe007f {
		return true
	}
	letters := 0
	for i := at - 1; i >= 0 && isFlagLetter(text[i]); i-- {
		letters++
	}
	return isFlagLetter(after) && letters%2 == 1
}

func isFlagLetter(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
