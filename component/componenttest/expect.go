package componenttest

import (
	"fmt"
	"strings"

	"gatehouse/component/stanza"
)

// Expect waits for the next stanza and fails the test unless it matches all.
func (s *Server) Expect(matchers ...Matcher) stanza.Received {
	s.t.Helper()
	r, ok := s.inbox.pop(expectLimit)
	if !ok {
		s.t.Fatalf("no stanza within %v, want %s", expectLimit, describe(matchers))
	}
	if wrong := mismatch(r, matchers); wrong != "" {
		s.t.Fatalf("unexpected stanza:\n%s\ngot:\n%s", indent(wrong), indent(Pretty(r.Element)))
	}
	return r
}

// ExpectInAnyOrder waits for as many stanzas as there are matchers, which have
// to match one each. It gives the stanzas in the order of the matchers.
func (s *Server) ExpectInAnyOrder(matchers ...Matcher) []stanza.Received {
	s.t.Helper()
	out := make([]stanza.Received, len(matchers))
	found := make([]bool, len(matchers))
next:
	for range matchers {
		r, ok := s.inbox.pop(expectLimit)
		if !ok {
			s.t.Fatalf("no stanza within %v, want also %s", expectLimit, describe(missing(matchers, found)))
		}
		var wrong []string
		for i, m := range matchers {
			if found[i] {
				continue
			}
			w := m.wrong(r.Element)
			if w == "" {
				out[i], found[i] = r, true
				continue next
			}
			wrong = append(wrong, fmt.Sprintf("%s: %s", m.name, w))
		}
		s.t.Fatalf("unexpected stanza, it is none of these:\n%s\ngot:\n%s",
			indent(strings.Join(wrong, "\n")), indent(Pretty(r.Element)))
	}
	return out
}

func missing(matchers []Matcher, found []bool) (out []Matcher) {
	for i, m := range matchers {
		if !found[i] {
			out = append(out, m)
		}
	}
	return out
}

// ExpectNothing fails the test if a stanza comes within a second.
func (s *Server) ExpectNothing() {
	s.t.Helper()
	if r, ok := s.inbox.pop(nothingLimit); ok {
		s.t.Fatalf("unexpected stanza, want none:\n%s", indent(Pretty(r.Element)))
	}
}

// Skip drops what has come so far.
func (s *Server) Skip() {
	for {
		if _, ok := s.inbox.take(); !ok {
			return
		}
	}
}

func describe(matchers []Matcher) string {
	names := make([]string, len(matchers))
	for i, m := range matchers {
		names[i] = m.name
	}
	if len(names) == 0 {
		return "any stanza"
	}
	return strings.Join(names, " ")
}

func mismatch(r stanza.Received, matchers []Matcher) string {
	return All(matchers...).wrong(r.Element)
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(text, "\n", "\n\t")
}
