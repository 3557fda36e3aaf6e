package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/config"
	"gatehouse/gateway/transport"
	"gatehouse/transports"
)

const examplePath = "../../config.example.toml"

// Each config in the README is taken as it stands there; only the secrets'
// files are elsewhere.
func TestTheConfigsInTheReadmeAreInOrder(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 2 {
		t.Fatalf("there are %d", len(blocks))
	}
	for _, block := range blocks {
		text := regexp.MustCompile(`file = "[^"]*"`).ReplaceAllString(block[1], fmt.Sprintf("file = %q", token))
		text = strings.ReplaceAll(text, "AC…", "AC"+strings.Repeat("0", 32))
		if !strings.Contains(text, "[[component]]") { // it goes on from the first
			text = blocks[0][1] + text
		}
		if _, err := config.Parse("README.md", []byte(text), transports.All); err != nil {
			t.Errorf("%v\n%s", err, block[1])
		}
	}
}

func TestTheExampleIsInOrderAndShowsEveryKeyWithItsDefault(t *testing.T) {
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse("config.example.toml", data, transports.All); err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if _, err := toml.Decode(string(data), &document); err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	flatten("", document, shown)
	unshown := slices.DeleteFunc(slices.Clone(transports.All), func(d transport.Driver) bool {
		return slices.Contains(shown["component.transport"], d.Name)
	})
	for _, key := range config.Keys(transports.All) {
		if slices.ContainsFunc(unshown, func(d transport.Driver) bool { return strings.HasPrefix(key.Name, "component."+d.Name+".") }) {
			continue
		}
		name := key.Name[strings.LastIndexByte(key.Name, '.')+1:]
		if !regexp.MustCompile(`\b` + name + `\b`).Match(data) {
			t.Errorf("%s is not mentioned", key.Name)
		}
		// What is empty by default is shown as an example.
		values := shown[key.Name]
		if len(values) > 0 && !slices.Contains([]string{"", "[]", "map[]"}, key.Default) && !slices.Contains(values, key.Default) {
			t.Errorf("%s is %s by default, and the example has %s", key.Name, key.Default, values)
		}
	}
}

// flatten gives the values of every key, as fmt prints them.
func flatten(name string, value any, into map[string][]string) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if name != "" {
				key = name + "." + key
			}
			flatten(key, inner, into)
		}
	case []map[string]any:
		for _, inner := range value {
			flatten(name, inner, into)
		}
	default:
		into[name] = append(into[name], fmt.Sprint(value))
	}
}
