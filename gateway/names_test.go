package gateway_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What no file of the core may say: a new network is one folder and one line.
// Only comments of the contract may, to give examples of addresses.
var networkName = regexp.MustCompile(`(?i)\b(irc|sms|twilio)\b`)

func TestCoreNamesNoNetwork(t *testing.T) {
	files := 0
	for _, root := range []string{".", "../component"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "e2e" || strings.HasSuffix(entry.Name(), "test")):
				return filepath.SkipDir // these are for tests
			case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			files++
			return lookForNetworks(t, path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 60 {
		t.Errorf("only %d files were looked at", files)
	}
}

func lookForNetworks(t *testing.T, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile(path, -1, len(source)), source, nil, scanner.ScanComments)
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return nil
		}
		if kind == token.COMMENT && filepath.Dir(path) == "transport" {
			continue
		}
		if name := networkName.FindString(text); name != "" {
			t.Errorf("%s names %q", fset.Position(at), name)
		}
	}
}
