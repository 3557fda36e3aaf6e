package irc

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
)

// Each row of the README's table of numerics has all those of one reason.
func TestReadmeHasTheNumericsOfTheCode(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Numerics")
	want := make(map[transport.Reason][]string)
	for numeric, r := range refusals {
		want[r.reason] = append(want[r.reason], numeric)
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !isNumeric(strings.TrimSpace(cells[1])[:min(3, len(strings.TrimSpace(cells[1])))]) {
			continue
		}
		got := strings.Fields(cells[1])
		r, known := refusals[got[0]]
		if !known {
			t.Errorf("the README has %s, which the code has not", got[0])
			continue
		}
		slices.Sort(want[r.reason])
		if !slices.Equal(got, want[r.reason]) {
			t.Errorf("the README has %q for %s, the code has %q", got, strings.TrimSpace(cells[2]), want[r.reason])
		}
		delete(want, r.reason)
	}
	for _, numerics := range want {
		t.Errorf("the README lacks %q", numerics)
	}
}
