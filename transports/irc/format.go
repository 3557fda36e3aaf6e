package irc

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircfmt"
)

// The formatting codes of IRC (modern.ircdocs.horse/formatting.html) and the
// styling directives of XEP-0393 §6.2 that mean the same.
var styles = []struct {
	directive byte
	code      byte
	on        func(*ircfmt.FormattedSubstring) *bool
}{
	{'*', '\x02', func(s *ircfmt.FormattedSubstring) *bool { return &s.Bold }},
	{'_', '\x1d', func(s *ircfmt.FormattedSubstring) *bool { return &s.Italic }},
	{'~', '\x1e', func(s *ircfmt.FormattedSubstring) *bool { return &s.Strikethrough }},
	{'`', '\x11', func(s *ircfmt.FormattedSubstring) *bool { return &s.Monospace }}, // innermost: no spans are in it
}

// hexColour is a code that ircfmt does not know.
var hexColour = regexp.MustCompile(`\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?`)

// clean is a text without any formatting, fit for XML.
func clean(s string) string {
	if !hasCodes(s) {
		return withoutControls(s)
	}
	return withoutControls(ircfmt.Strip(hexColour.ReplaceAllString(s, "")))
}

// hasCodes says that there is something to read: all formatting codes are
// control characters.
func hasCodes(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 {
			return true
		}
	}
	return false
}

// formatFromIRC turns formatting codes into XEP-0393 styling where that will
// be recognised, and drops all others: colours, underline, reverse.
func formatFromIRC(s string) string {
	if !hasCodes(s) {
		return withoutControls(s)
	}
	if strings.Contains(s, "\n") { // formatting ends with the line
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			lines[i] = formatFromIRC(line)
		}
		return strings.Join(lines, "\n")
	}
	runs := styledRuns(hexColour.ReplaceAllString(s, ""))
	var b strings.Builder
	for i, run := range runs {
		inner := strings.TrimFunc(run.Content, unicode.IsSpace)
		directives := run.directives()
		if directives == "" || inner == "" || strings.ContainsAny(inner, directives) {
			b.WriteString(run.Content)
			continue
		}
		lead := run.Content[:strings.Index(run.Content, inner)]
		trail := run.Content[len(lead)+len(inner):]
		next := trail
		if next == "" && i+1 < len(runs) {
			next = runs[i+1].Content
		}
		if lead == "" && !endsOpen(b.String()) || startsWord(next) {
			b.WriteString(run.Content)
			continue
		}
		b.WriteString(lead)
		b.WriteString(directives)
		b.WriteString(inner)
		b.WriteString(reversed(directives))
		b.WriteString(trail)
	}
	return b.String()
}

type styledRun ircfmt.FormattedSubstring

// styledRuns splits at changes of what XEP-0393 can show.
func styledRuns(s string) []styledRun {
	var runs []styledRun
	for _, part := range ircfmt.Split(s) {
		part.Content = withoutControls(part.Content)
		if part.Content == "" {
			continue
		}
		run := styledRun(part)
		if n := len(runs); n > 0 && runs[n-1].directives() == run.directives() {
			runs[n-1].Content += run.Content
			continue
		}
		runs = append(runs, run)
	}
	return runs
}

func (r *styledRun) directives() string {
	var d [4]byte
	n := 0
	for _, style := range styles {
		if *style.on((*ircfmt.FormattedSubstring)(r)) {
			d[n] = style.directive
			n++
		}
	}
	return string(d[:n])
}

// endsOpen says whether a styling directive may open after the text: at its
// beginning or after whitespace (XEP-0393 §6.2).
func endsOpen(before string) bool {
	r, size := utf8.DecodeLastRuneInString(before)
	return size == 0 || unicode.IsSpace(r)
}

func startsWord(after string) bool {
	r, size := utf8.DecodeRuneInString(after)
	return size > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// formatToIRC turns the spans of XEP-0393 §6.2 in a text into formatting
// codes. Preformatted blocks and quotations stay as they are (§6.1). It is
// stricter than the XEP, as text that only looks styled must come out whole:
// no word goes on behind a span, and a span does not begin or end with its
// own directive, so __init__ stays.
func formatToIRC(text string) []string {
	return formatLines(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }))
}

// formatLines does that to lines, in place.
func formatLines(lines []string) []string {
	preformatted := false
	for i, line := range lines {
		switch {
		case preformatted:
			preformatted = line != "```"
		case strings.HasPrefix(line, "```"):
			preformatted = true
		case strings.HasPrefix(line, ">"):
		default:
			var b strings.Builder
			writeSpans(&b, line, "")
			lines[i] = b.String()
		}
	}
	return lines
}

// writeSpans writes a line, or the inside of a span whose directives are
// given as open. It takes time linear in the length.
func writeSpans(b *strings.Builder, s, open string) {
	start := 0
	var next [4]int // by directive: where a span could end, once looked for
	for i := 0; i < len(s); i++ {
		d := directive(s[i])
		if d < 0 || !opens(s, i, open) {
			continue
		}
		if next[d] < i+2 {
			next[d] = closing(s, s[i], i+2)
		}
		end := next[d]
		if end == len(s) || s[end-1] == s[i] || end+1 < len(s) && s[end+1] == s[i] {
			continue
		}
		b.WriteString(s[start:i])
		b.WriteByte(styles[d].code)
		if s[i] == '`' {
			b.WriteString(s[i+1 : end])
		} else {
			writeSpans(b, s[i+1:end], open+s[i:i+1])
		}
		b.WriteByte(styles[d].code)
		i, start = end, end+1
	}
	b.WriteString(s[start:])
}

// directive is the index in styles, or -1.
func directive(c byte) int {
	switch c {
	case '*':
		return 0
	case '_':
		return 1
	case '~':
		return 2
	case '`':
		return 3
	}
	return -1
}

func opens(s string, i int, open string) bool {
	if strings.IndexByte(open, s[i]) >= 0 {
		return false
	}
	next, size := utf8.DecodeRuneInString(s[i+1:])
	return size > 0 && next != rune(s[i]) && !unicode.IsSpace(next) && endsOpen(s[:i])
}

// closing finds the first place from i on where a span can end, or len(s).
func closing(s string, directive byte, i int) int {
	for ; i < len(s); i++ {
		if s[i] != directive {
			continue
		}
		if last, _ := utf8.DecodeLastRuneInString(s[:i]); !unicode.IsSpace(last) && !startsWord(s[i+1:]) {
			return i
		}
	}
	return len(s)
}
