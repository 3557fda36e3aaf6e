package sms

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway/transport/transporttest"
)

const wishes = 25

// The table of wishes in README.md has each of them, and names tests that exist,
// or says why there is none yet.
func TestEveryWishHasATestOrAReason(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## What people wish for\n")
	if !found {
		t.Fatal("README.md has no table of wishes")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	tests := transporttest.Declared(t, "../..")
	name := regexp.MustCompile(`\bTest[A-Z]\w+`)
	next := 1
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || strings.HasPrefix(line, "|---") || strings.TrimSpace(cells[2]) == "wish" {
			continue
		}
		if number, err := strconv.Atoi(strings.TrimSpace(cells[1])); err != nil || number != next {
			t.Errorf("row %d is numbered %q", next, cells[1])
		}
		next++
		shown := name.FindAllString(cells[4], -1)
		if len(shown) == 0 && !strings.Contains(cells[3], "not yet: ") {
			t.Errorf("nothing shows, and nothing says why not: %s", line)
		}
		for _, test := range shown {
			if !tests[test] {
				t.Errorf("there is no %s", test)
			}
		}
	}
	if next-1 != wishes {
		t.Errorf("there are %d wishes, want %d", next-1, wishes)
	}
}
