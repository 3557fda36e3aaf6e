package componenttest

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// A Matcher looks at a stanza.
type Matcher struct {
	name  string
	wrong func(*wire.Element) string // empty if it matches
}

// All matches what all of them match.
func All(matchers ...Matcher) Matcher {
	return Matcher{describe(matchers), func(e *wire.Element) string {
		var wrong []string
		for _, m := range matchers {
			if w := m.wrong(e); w != "" {
				wrong = append(wrong, w)
			}
		}
		return strings.Join(wrong, "\n")
	}}
}

// Message, Presence and IQ match the kind of a stanza and more.
func Message(matchers ...Matcher) Matcher  { return kind("message", matchers) }
func Presence(matchers ...Matcher) Matcher { return kind("presence", matchers) }
func IQ(matchers ...Matcher) Matcher       { return kind("iq", matchers) }

func kind(name string, matchers []Matcher) Matcher {
	is := Matcher{name, func(e *wire.Element) string {
		if e.Name != name || e.Space != stanza.Namespace {
			return fmt.Sprintf("it is <%s>, want <%s>", e.Name, name)
		}
		return ""
	}}
	all := All(append([]Matcher{is}, matchers...)...)
	all.name = name + "(" + describe(matchers) + ")"
	if len(matchers) == 0 {
		all.name = name
	}
	return all
}

// From, To, Type and ID match an attribute of the stanza. "" matches its
// absence and "*" any value.
func From(address string) Matcher { return attr("from", address) }
func To(address string) Matcher   { return attr("to", address) }
func Type(typ string) Matcher     { return attr("type", typ) }
func ID(id string) Matcher        { return attr("id", id) }

func attr(name, want string) Matcher {
	return Matcher{fmt.Sprintf("%s=%q", name, want), func(e *wire.Element) string {
		got, there := e.Lookup(name)
		switch {
		case want == "*" && there, want == got && there == (want != ""):
			return ""
		case !there:
			return fmt.Sprintf("it has no %s, want %q", name, want)
		}
		return fmt.Sprintf("%s is %q, want %q", name, got, want)
	}}
}

// Body and Subject match the text of a message.
func Body(text string) Matcher    { return Has("body", text) }
func Subject(text string) Matcher { return Has("subject", text) }

// Status matches the show and the text of a presence; "" matches their absence.
func Status(show, text string) Matcher {
	return All(optional("show", show), optional("status", text))
}

func optional(name, want string) Matcher {
	if want == "" {
		return HasNot(name)
	}
	return Has(name, want)
}

// StanzaError matches an error by class and condition.
func StanzaError(class, condition string) Matcher {
	m := All(Type("error"), Has("error@type", class), Has("error/{"+stanza.StanzasNamespace+"}"+condition))
	m.name = fmt.Sprintf("error(%s %s)", class, condition)
	return m
}

// StatusCodes matches the status codes of an occupant's presence, all of them
// and no other (XEP-0045 §15.6).
func StatusCodes(codes ...string) Matcher {
	slices.Sort(codes)
	return Matcher{"codes " + strings.Join(codes, " "), func(e *wire.Element) string {
		got := values(e, "x/status@code")
		slices.Sort(got)
		if !slices.Equal(got, codes) {
			return fmt.Sprintf("status codes are %q, want %q", got, codes)
		}
		return ""
	}}
}

// Has matches what has an element or attribute at the path, with one of the
// values if there are any, "*" being any. A path is names of elements, from the
// stanza's children down, and perhaps an attribute: "x/item@role". A name may
// have its namespace: "{urn:xmpp:ping}ping".
func Has(path string, want ...string) Matcher {
	name := path
	if len(want) > 0 {
		name = fmt.Sprintf("%s=%q", path, strings.Join(want, "|"))
	}
	return Matcher{name, func(e *wire.Element) string {
		got := values(e, path)
		switch {
		case len(got) == 0:
			return fmt.Sprintf("it has no %s", path)
		case len(want) == 0 || slices.Contains(want, "*"):
			return ""
		}
		for _, v := range got {
			if slices.Contains(want, v) {
				return ""
			}
		}
		return fmt.Sprintf("%s is %s, want %s", path, quoted(got), quoted(want))
	}}
}

// HasNot matches what has nothing at the path.
func HasNot(path string) Matcher {
	return Matcher{"no " + path, func(e *wire.Element) string {
		if got := values(e, path); len(got) > 0 {
			return fmt.Sprintf("it has %s (%s), want none", path, quoted(got))
		}
		return ""
	}}
}

func quoted(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(out, " and ")
}

// Values gives the text or attributes at a path, as Has understands it.
func Values(r stanza.Received, path string) []string { return values(r.Element, path) }

func values(e *wire.Element, path string) (out []string) {
	path, attribute := cutAttribute(path)
	at := []*wire.Element{e}
	for _, step := range steps(path) {
		space, name := "", step
		if rest, ok := strings.CutPrefix(step, "{"); ok {
			space, name, _ = strings.Cut(rest, "}")
		}
		var below []*wire.Element
		for _, p := range at {
			for c := range p.Children() {
				if c.Name == name && (space == "" || c.Space == space) {
					below = append(below, c)
				}
			}
		}
		at = below
	}
	for _, p := range at {
		if attribute == "" {
			out = append(out, p.Content())
		} else if v, ok := p.Lookup(attribute); ok {
			out = append(out, v)
		}
	}
	return out
}

// steps splits a path at slashes outside of braces.
func steps(path string) (out []string) {
	depth, from := 0, 0
	for i, c := range path {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth == 0 {
				out = append(out, path[from:i])
				from = i + 1
			}
		}
	}
	if from < len(path) {
		out = append(out, path[from:])
	}
	return out
}

func cutAttribute(path string) (rest, attribute string) {
	i := strings.LastIndexByte(path, '@')
	if i < 0 || i < strings.LastIndexByte(path, '}') {
		return path, ""
	}
	return path[:i], path[i+1:]
}

// Wrong says why a stanza does not match all; "" if it does.
func Wrong(r stanza.Received, matchers ...Matcher) string { return mismatch(r, matchers) }
