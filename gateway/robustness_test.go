package gateway_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
)

func TestRobustnessTableNamesTestsThatExist(t *testing.T) {
	exists := map[string]bool{}
	definition := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, dir := range []string{"../component", "../gateway"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range definition.FindAllStringSubmatch(string(text), -1) {
				exists[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	table, err := os.ReadFile("../component/README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(table), -1)
	if len(named) < 40 {
		t.Errorf("the table names %d tests", len(named))
	}
	for _, name := range named {
		if !exists[name] {
			t.Errorf("the table names %s, which is not there", name)
		}
	}
}

func TestStormOfPresenceIsBorneInSilence(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		for range 2000 {
			w.says(orchard, `<presence to='%s'><show>dnd</show></presence>`, verona)
			w.says(orchard, `<presence to='%s' type='unavailable'/>`, verona)
			w.settle()
		}
		w.ExpectNothing()
		w.verona.called(t, "open romeo@example.org", "join #garden romeo")
	})
}

func TestFarewellForAnotherNickIsTheClients(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.leaves(cell, garden, "a nick it never had")
		w.Expect(gone(cell, garden, "romeo", StatusCodes("110")))
		w.leaves(cell, garden, "romeo")
		w.ExpectNothing()
		w.speaks(orchard, garden, "still here")
		w.Expect(inRoom(orchard, garden, "romeo", "still here"))
	})
}
