package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// FuzzParse holds that no file makes Parse panic, that every error is a list
// of problems on lines of the file, and that every key of a document that is
// in order has a line.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(good)
	f.Add("[[component]]\ntransport = \"pigeon\"\n[component.pigeon]\nloft.\"a.b\" = { address = '''\n''' }\n")
	f.Add("component = [ { transport = \"drum\", drum = { loud = [ 1, { a = 2 } ] } } ]\n")
	f.Add("a.b.c = [[[]]]\n[[x]]\n[x.y]\n[[x.y.z]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file") {
			return // it may name a device that never ends
		}
		_, err := Parse("c.toml", []byte(text), drivers)
		problems, ok := errors.AsType[Problems](err)
		if err != nil && (!ok || len(problems) == 0) {
			t.Fatalf("error %T: %v", err, err)
		}
		for _, p := range problems {
			if p.Line < 0 || p.Line > strings.Count(text, "\n")+1 {
				t.Errorf("line %d: %v", p.Line, p)
			}
		}
		lines := linesOf(text)
		var document map[string]any
		if _, err := toml.Decode(text, &document); err != nil {
			return
		}
		for name := range document {
			if _, ok := lines[name]; !ok && !strings.ContainsAny(name, "\\\"\x1b") && name != "" {
				t.Errorf("%q has no line", name)
			}
		}
	})
}
