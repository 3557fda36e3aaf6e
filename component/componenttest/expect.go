package componenttest

import (
	"fmt"
	"strings"

	"gatehouse/component/stanza"
)

// Expect waits for the next stanza and fails the test unless it matches all.
func (in *Inbox) Expect(matchers ...Matcher) stanza.Received {
	in.t.Helper()
	r, ok := in.queue.pop(in.Patience)
	if !ok {
		in.t.Fatalf("no stanza within %v, want %s", in.Patience, describe(matchers))
	}
	if wrong := mismatch(r, matchers); wrong != "" {
		in.t.Fatalf("unexpected stanza:\n%s\ngot:\n%s", indent(wrong), indent(Pretty(r.Element)))
	}
	return r
}

// ExpectInAnyOrder waits for as many stanzas as there are matchers, which have
// to match one each. It gives the stanzas in the order of the matchers.
func (in *Inbox) ExpectInAnyOrder(matchers ...Matcher) []stanza.Received {
	in.t.Helper()
	out := make([]stanza.Received, len(matchers))
	found := make([]bool, len(matchers))
next:
	for range matchers {
		r, ok := in.queue.pop(in.Patience)
		if !ok {
			in.t.Fatalf("no stanza within %v, want also %s", in.Patience, describe(missing(matchers, found)))
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
		in.t.Fatalf("unexpected stanza, it is none of these:\n%s\ngot:\n%s",
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
func (in *Inbox) ExpectNothing() {
	in.t.Helper()
	if r, ok := in.queue.pop(nothingLimit); ok {
		in.t.Fatalf("unexpected stanza, want none:\n%s", indent(Pretty(r.Element)))
	}
}

// Skip drops what has come so far.
func (in *Inbox) Skip() {
	for {
		if _, ok := in.queue.take(); !ok {
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
