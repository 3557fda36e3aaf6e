package transporttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var declaredTest = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// Declared gives the names of the tests below folders, for tables that say what
// is shown by which.
func Declared(t testing.TB, folders ...string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	read := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declaredTest.FindAllSubmatch(source, -1) {
			all[string(m[1])] = true
		}
		return err
	}
	for _, folder := range folders {
		if err := filepath.WalkDir(folder, read); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
