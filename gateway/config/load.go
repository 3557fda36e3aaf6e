package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/transport"
)

// maxFile is how large a config, or a file with certificates, may be.
const maxFile = 1 << 20

// Load reads and checks the file. The error is Problems unless the file itself
// can't be read.
func Load(path string, drivers []transport.Driver) (*Config, error) {
	data, mode, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	c, literal, err := parse(path, data, drivers)
	if err != nil {
		return nil, err
	}
	if len(literal) > 0 && mode.Perm()&0o004 != 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: everybody on this machine can read the secret in it: run chmod 640 %s", literal[0], path))
	}
	return c, nil
}

// readFile reads a regular file of up to maxFile bytes.
func readFile(path string) ([]byte, os.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is not a file", path)
	case info.Size() > maxFile:
		return nil, 0, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	data, err := os.ReadFile(path)
	return data, info.Mode(), err
}

// Parse checks a config that was read already; name is the file's, for error
// messages. The error is Problems, all that are found.
func Parse(name string, data []byte, drivers []transport.Driver) (*Config, error) {
	c, _, err := parse(name, data, drivers)
	return c, err
}

// parse also gives the places of secrets that stand in the file itself.
func parse(name string, data []byte, drivers []transport.Driver) (*Config, []string, error) {
	var document map[string]any
	if _, err := toml.Decode(string(data), &document); err != nil {
		return nil, nil, Problems{syntaxProblem(name, err)}
	}
	c := Default()
	d := decoder{drivers: drivers}
	d.fields(path{}, document, fieldsOf(reflect.ValueOf(&c).Elem()))
	d.check(&c)

	lines := linesOf(string(data))
	if len(d.found) > 0 {
		problems := make(Problems, len(d.found))
		for i, l := range d.found {
			problems[i] = Problem{File: name, Line: lineOf(lines, l.path), Key: l.key, Text: l.text}
		}
		problems.sort()
		return nil, nil, problems
	}
	for i, component := range c.Components {
		if !component.TLS && !component.isLocal() {
			p := path{}.child("component").index(i).child("server")
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: component.server: the secret's hash and every message go to %s unencrypted: set tls = true, or use a tunnel", place(name, lineOf(lines, p)), component.Server))
		}
	}
	var literals []string
	for _, p := range d.literals {
		literals = append(literals, place(name, lineOf(lines, p))+": "+p.key)
	}
	slices.Sort(literals)
	return &c, literals, nil
}

func syntaxProblem(name string, err error) Problem {
	if e, ok := errors.AsType[toml.ParseError](err); ok {
		return Problem{File: name, Line: e.Position.Line, Text: e.Message}
	}
	return Problem{File: name, Text: strings.TrimPrefix(err.Error(), "toml: ")}
}
