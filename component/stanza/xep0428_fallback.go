package stanza

import (
	"strconv"
	"unicode/utf8"

	"gatehouse/component/wire"
)

// FallbackNamespace is that of marks on what only those are to see who don't
// know the rest (XEP-0428).
const FallbackNamespace = "urn:xmpp:fallback:0"

// A Fallback marks the first End characters of the body as such; all of it, if
// End is 0.
type Fallback struct {
	For string // a namespace
	End int
}

// WriteXML implements wire.Payload.
func (f Fallback) WriteXML(w *wire.Writer) {
	w.Start(FallbackNamespace, "fallback")
	w.Attr("for", f.For)
	w.Start(FallbackNamespace, "body")
	if f.End > 0 {
		w.Attr("start", "0")
		w.Attr("end", strconv.Itoa(f.End))
	}
	w.End()
	w.End()
}

// cutFallback takes out of a body what a fallback element marks, and gives both.
// Characters are code points (XEP-0426 §3). A range that can't be is none.
func cutFallback(body string, fallback *wire.Element) (rest, cut string) {
	ranged := false
	for c := range fallback.Children() {
		if c.Name != "body" {
			continue
		}
		from, to, ok := fallbackRange(body, c)
		if !ok {
			continue
		}
		// More than one range of one element is not known to be used.
		return body[:from] + body[to:], body[from:to]
	}
	for range fallback.Children() {
		ranged = true // for the subject alone, or for nothing that there is
	}
	if ranged {
		return body, ""
	}
	return "", body
}

func fallbackRange(body string, c *wire.Element) (from, to int, ok bool) {
	start, hasStart := c.Lookup("start")
	end, hasEnd := c.Lookup("end")
	if !hasStart && !hasEnd {
		return 0, len(body), true
	}
	first, err := strconv.Atoi(start)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	last := utf8.RuneCountInString(body)
	if hasEnd {
		n, err := strconv.Atoi(end)
		if err != nil || n < first {
			return 0, 0, false
		}
		last = min(n, last)
	}
	from, to, n := len(body), len(body), 0
	for i := range body {
		if n == first {
			from = i
		}
		if n == last {
			to = i
			break
		}
		n++
	}
	return from, max(from, to), true
}
