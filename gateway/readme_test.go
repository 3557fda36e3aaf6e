package gateway_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	xepRow  = regexp.MustCompile(`(?m)^\| (XEP-\d{4}) `)
	anyXEP  = regexp.MustCompile(`XEP-\d{4}`)
	sources = []string{"../cmd", "../component", "../gateway", "../transports"}
)

// citedElsewhere are specifications that the code follows in passing, or
// cites for what it does not do.
var citedElsewhere = map[string]string{
	"XEP-0068": "part of forms",
	"XEP-0297": "the writer knows how forwarded stanzas are namespaced",
}

// A specification is in the table exactly if the code cites it.
func TestReadmeListsTheXEPsOfTheCode(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed, last := map[string]bool{}, ""
	for _, m := range xepRow.FindAllStringSubmatch(string(readme), -1) {
		if m[1] <= last {
			t.Errorf("the README lists %s behind %s", m[1], last)
		}
		listed[m[1]], last = true, m[1]
	}
	cited := map[string]string{} // where
	for _, dir := range sources {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "test/") || strings.Contains(path, "e2e") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, x := range anyXEP.FindAllString(string(text), -1) {
				cited[x] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for x := range listed {
		if cited[x] == "" {
			t.Errorf("the README lists %s, which no code cites", x)
		}
	}
	for x, path := range cited {
		if !listed[x] && citedElsewhere[x] == "" {
			t.Errorf("%s cites %s, which the README does not list", path, x)
		}
	}
}
