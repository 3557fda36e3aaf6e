package irc

import (
	"slices"
	"strings"
)

// A capSet is a set of the capabilities that we know: a word for each link, of
// which there are thousands.
type capSet uint64

var capBits = bitsOf(slices.Concat(wantedCaps, noNamesCaps, []string{saslCap}))

func bitsOf(names []string) map[string]capSet {
	if len(names) > 64 {
		panic("irc: more capabilities than bits")
	}
	bits := make(map[string]capSet, len(names))
	for i, name := range names {
		bits[name] = 1 << i
	}
	return bits
}

func (s capSet) has(name string) bool { return s&capBits[name] != 0 }

// offer takes what a server offers of what we know.
func (c *capabilities) offer(names []string) {
	for _, name := range names {
		name, value, _ := strings.Cut(name, "=")
		if _, known := capBits[name]; !known {
			continue
		}
		c.withdraw(name)
		c.offered |= capBits[name]
		if value != "" {
			if c.values == nil {
				c.values = make(map[string]string)
			}
			c.values[strings.Clone(name)] = strings.Clone(value) // without their line
		}
	}
}

func (c *capabilities) withdraw(name string) {
	c.offered &^= capBits[name]
	delete(c.values, name)
}
