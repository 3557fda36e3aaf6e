package irc

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
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

// Each row of the README's tables names tests, all of which there are.
func TestReadmeNamesTestsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := transporttest.Declared(t, ".", "../../gateway")
	_, rows, _ := strings.Cut(string(text), "### IRCv3")
	rows, _, _ = strings.Cut(rows, "###")
	shown := 0
	for row := range strings.Lines(rows) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), " | ")
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| IRCv3") {
			continue
		}
		if shown++; len(cells) != 4 {
			t.Errorf("a row with %d cells: %s", len(cells), row)
			continue
		}
		for name := range strings.SplitSeq(cells[3], ", ") {
			if name = strings.TrimSpace(name); !tests[name] {
				t.Errorf("%s is shown by %q, which there is not", cells[0], name)
			}
		}
	}
	if shown < 30 {
		t.Errorf("only %d rows were read", shown)
	}
}
