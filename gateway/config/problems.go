package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Problems are everything that is wrong with a config, in the file's order.
type Problems []Problem

// A Problem is one thing that is wrong, and what to do about it.
type Problem struct {
	File string
	Line int    // 0: it belongs to no line
	Key  string // "component.domain"; may be empty
	Text string
}

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.Text)
	return b.String()
}

// sort orders by line; what has none goes last.
func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(uint(a.Line-1), uint(b.Line-1)), cmp.Compare(a.Key, b.Key))
	})
}

// A path is where a value stands.
type path struct {
	at  string // one spelling, for looking lines up: "component[1].x.nick"
	key string // for people: "component.x.nick"
}

func (p path) child(name string) path {
	key := toml.Key{name}.String()
	if p.at == "" {
		return path{at: name, key: key}
	}
	return path{at: p.at + "." + name, key: p.key + "." + key}
}

func (p path) index(i int) path {
	return path{at: fmt.Sprintf("%s[%d]", p.at, i), key: p.key}
}

// below gives the path of a key that is written as in the file.
func (p path) below(key string) path {
	return path{at: p.at + "." + strings.NewReplacer(`"`, "", `'`, "").Replace(key), key: p.key + "." + key}
}

// within tells whether p is q or stands below it.
func (p path) within(q path) bool {
	rest, ok := strings.CutPrefix(p.at, q.at)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// nearest gives the known name that was probably meant, or "".
func nearest(name string, known []string) string {
	best, distance := "", 1+max(1, len(name)/3)
	name = strings.ToLower(name)
	for _, k := range known {
		if d := edits(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the optimal string alignment distance, in bytes: insertions,
// deletions, replacements, and swaps of neighbours, one each.
func edits(a, b string) int {
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}
