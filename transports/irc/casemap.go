package irc

import "strings"

// A casemap is a server's CASEMAPPING: which names it takes for the same. What it
// gives is its argument, or memory of its own.
type casemap func(string) string

// casemaps are the values of CASEMAPPING (modern.ircdocs.horse,
// #casemapping-parameter). Others fold as rfc1459.
var casemaps = map[string]casemap{
	"ascii":          folder("", ""),
	"rfc1459":        folder(`[]\~`, `{}|^`),
	"rfc1459-strict": folder(`[]\`, `{}|`),
	"strict-rfc1459": folder(`[]\`, `{}|`),
	"rfc7613":        strings.ToLower, // PRECIS UsernameCaseMapped, but for its width mapping
	"rfc8265":        strings.ToLower,
	"utf8":           strings.ToLower,
}

func casemapNamed(name string) casemap {
	if fold := casemaps[strings.ToLower(name)]; fold != nil {
		return fold
	}
	return casemaps["rfc1459"]
}

func folder(upper, lower string) casemap {
	var table [256]byte
	for i := range table {
		table[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			table[i] += 'a' - 'A'
		}
	}
	for i := range len(upper) {
		table[upper[i]] = lower[i]
	}
	return func(s string) string {
		for i := range len(s) {
			if table[s[i]] == s[i] {
				continue
			}
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = table[b[i]]
			}
			return string(b)
		}
		return s
	}
}
