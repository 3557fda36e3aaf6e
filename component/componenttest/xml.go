package componenttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"gatehouse/component/wire"
)

// XML matches a stanza as a whole: names, namespaces, attributes in any order,
// text, and children in their order. "*" stands for any value of an attribute
// and any text.
func XML(text string) Matcher {
	want, err := parse(text)
	if err != nil {
		return Matcher{text, func(*wire.Element) string {
			return fmt.Sprintf("the stanza wanted is no XML: %v", err)
		}}
	}
	return Matcher{text, func(got *wire.Element) string {
		if same(got, want) {
			return ""
		}
		return "it differs (- want, + got):\n" +
			cmp.Diff(strings.Split(Pretty(want), "\n"), strings.Split(Pretty(got), "\n"))
	}}
}

func same(got, want *wire.Element) bool {
	if got.Name != want.Name || got.Space != want.Space || len(got.Attrs) != len(want.Attrs) {
		return false
	}
	for _, w := range want.Attrs {
		i := slices.IndexFunc(got.Attrs, func(g wire.Attr) bool { return g.Name == w.Name && g.Space == w.Space })
		if i < 0 || w.Value != "*" && got.Attrs[i].Value != w.Value {
			return false
		}
	}
	g, w := slices.Collect(got.Children()), slices.Collect(want.Children())
	text := trimmed(want)
	if len(g) != len(w) || text != "*" && trimmed(got) != text {
		return false
	}
	for i := range w {
		if !same(g[i], w[i]) {
			return false
		}
	}
	return true
}

// trimmed gives the text of an element, without the space that only lays out its
// children.
func trimmed(e *wire.Element) string {
	text := e.Content()
	for range e.Children() {
		return strings.TrimSpace(text)
	}
	return text
}

// Pretty gives an element as indented XML, its attributes sorted, to be read by
// people.
func Pretty(e *wire.Element) string {
	var b strings.Builder
	pretty(&b, e, "", "")
	return strings.TrimSuffix(b.String(), "\n")
}

func pretty(b *strings.Builder, e *wire.Element, space, margin string) {
	b.WriteString(margin + "<" + e.Name)
	if e.Space != space && margin != "" {
		fmt.Fprintf(b, " xmlns=%q", e.Space)
	}
	attrs := slices.Clone(e.Attrs)
	slices.SortFunc(attrs, func(x, y wire.Attr) int { return strings.Compare(x.Space+":"+x.Name, y.Space+":"+y.Name) })
	for _, a := range attrs {
		name := a.Name
		if a.Space != "" {
			name = a.Space + ":" + name
		}
		fmt.Fprintf(b, " %s=%q", name, a.Value)
	}
	text := trimmed(e)
	children := slices.Collect(e.Children())
	switch {
	case len(children) == 0 && text == "":
		b.WriteString("/>\n")
	case len(children) == 0:
		fmt.Fprintf(b, ">%s</%s>\n", text, e.Name)
	default:
		b.WriteString(">" + text + "\n")
		for _, c := range children {
			pretty(b, c, e.Space, margin+"  ")
		}
		b.WriteString(margin + "</" + e.Name + ">\n")
	}
}
