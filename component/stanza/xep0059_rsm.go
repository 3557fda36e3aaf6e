package stanza

import (
	"strconv"

	"gatehouse/component/wire"
)

// ResultSetNamespace is that of result sets (XEP-0059).
const ResultSetNamespace = "http://jabber.org/protocol/rsm"

// A PageRequest is the part of a list that is asked for.
type PageRequest struct {
	Max    int    // negative: not given
	After  string // the page begins behind this one,
	Before string // or ends before this one;
	Last   bool   // or it is the last one, which an empty <before/> asks for
	Index  int    // negative: not given; or it begins at this place (§2.6)
}

// ReadPageRequest reads the result set in a query. Ok is false if there is
// none.
func ReadPageRequest(query *wire.Element) (p PageRequest, ok bool) {
	p.Max, p.Index = -1, -1
	set := query.Child(ResultSetNamespace, "set")
	if set == nil {
		return p, false
	}
	p.Max, p.Index = count(set, "max"), count(set, "index")
	p.After = set.Child(ResultSetNamespace, "after").Content()
	if before := set.Child(ResultSetNamespace, "before"); before != nil {
		p.Before = before.Content()
		p.Last = p.Before == ""
	}
	return p, true
}

// count reads a number that is not negative, or gives -1.
func count(set *wire.Element, name string) int {
	n, err := strconv.Atoi(set.Child(ResultSetNamespace, name).Content())
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// A Page tells which part of a list an answer is.
type Page struct {
	First, Last string // ids; empty for an empty page
	Index       int    // of the first
	Count       int    // of the whole list; negative: unknown
}

// WriteXML implements wire.Payload.
func (p Page) WriteXML(w *wire.Writer) {
	w.Start(ResultSetNamespace, "set")
	if p.First != "" {
		w.Start(ResultSetNamespace, "first")
		if p.Index >= 0 {
			w.Attr("index", strconv.Itoa(p.Index))
		}
		w.Text(p.First)
		w.End()
		w.Start(ResultSetNamespace, "last")
		w.Text(p.Last)
		w.End()
	}
	if p.Count >= 0 {
		w.Start(ResultSetNamespace, "count")
		w.Text(strconv.Itoa(p.Count))
		w.End()
	}
	w.End()
}

// Cut finds the requested part of a list of n entries, at most limit long: the
// entries from up to to. Find gives the place of an id. False means that the
// request names an id that is not in the list (§2.2).
func (p PageRequest) Cut(n, limit int, find func(id string) (int, bool)) (from, to int, ok bool) {
	size := limit
	if p.Max >= 0 && p.Max < limit {
		size = p.Max
	}
	from, to = 0, n
	backwards := false
	if p.After != "" {
		at, found := find(p.After)
		if !found {
			return 0, 0, false
		}
		from = at + 1
	}
	switch {
	case p.Before != "":
		at, found := find(p.Before)
		if !found {
			return 0, 0, false
		}
		to, backwards = at, true
	case p.Last:
		backwards = true
	case p.Index >= 0 && p.After == "":
		from = min(p.Index, n)
	}
	from = min(from, to)
	if backwards {
		return max(from, to-size), to, true
	}
	return from, min(to, from+size), true
}
