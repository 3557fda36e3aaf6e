package transporttest

import (
	"path"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A census finds the goroutines that a network has started. Those count that
// have a function of the network's package, or of one below it, in their
// stack; test files and packages named …test do not.
type census struct {
	packages []string
	before   map[string]string // all that ran already, by id
}

// newCensus notes those that run already.
func newCensus(network any) *census {
	c := &census{before: goroutines()}
	c.include(network)
	return c
}

// include adds the package of a value's type.
func (c *census) include(value any) {
	t := reflect.TypeOf(value)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := t.PkgPath(); p != "" {
		c.packages = append(c.packages, p)
	}
}

// nobodyLeft waits for the goroutines started since to end.
func (c *census) nobodyLeft(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * atOnce)
	for {
		left := c.started()
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("%d goroutines are left, one of them:\n%s", len(left), left[0])
			return
		}
	}
}

func (c *census) started() (stacks []string) {
	for id, stack := range goroutines() {
		if _, old := c.before[id]; !old && c.counts(stack) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// goroutines gives the stack of each goroutine by its id.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	stacks := map[string]string{}
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		stacks[strings.Fields(stack)[1]] = stack
	}
	return stacks
}

// counts looks at the frames of a stack: below the header, a line with the
// function and an indented one with the file.
func (c *census) counts(stack string) bool {
	lines := strings.Split(stack, "\n")[1:]
	for i := 0; i+1 < len(lines); i += 2 {
		function := strings.TrimPrefix(lines[i], "created by ")
		if c.mine(packageOf(function)) && !strings.Contains(lines[i+1], "_test.go:") {
			return true
		}
	}
	return false
}

func (c *census) mine(pkg string) bool {
	if strings.HasSuffix(path.Base(pkg), "test") {
		return false
	}
	for _, p := range c.packages {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}

// packageOf gives "a/b" for "a/b.(*c).d(0x1, …)".
func packageOf(function string) string {
	slash := 0
	if before, _, _ := strings.Cut(function, "("); strings.Contains(before, "/") {
		slash = strings.LastIndex(before, "/") + 1
	}
	base, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash] + base
}
