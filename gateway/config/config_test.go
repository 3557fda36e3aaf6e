package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/component/jid"
	"gatehouse/gateway/transport"
)

const whole = `
admins = ["Me@Example.org"]
block = ["spammer@evil.example", "*.evil.example"]
[log]
level = "debug"
format = "json"
[store]
path = "other.db"
[http]
listen = ""
[contact]
admin = ["xmpp:me@example.org", "mailto:me@example.org"]
security = ["https://example.org/security"]
[[component]]
transport = "pigeon"
domain = "Pigeon.Example.org"
server = "unix:/run/xmpp/pigeon.sock"
secret = "coo"
name = "Pigeon post"
allow = ["example.org", "juliet@capulet.example"]
[component.pigeon]
birds = 3
share = 1
fast = true
rest = "90s"
since = 2024-05-01T12:00:00Z
key = { env = "CONFIG_TEST_KEY" }
bread.crumb = true
tags = { a = 1, "b.c" = 2 }
loft.north = { address = "up" }
[component.pigeon.loft.south]
address = "down"
open = false
[[component.pigeon.owner]]
jid = "romeo@example.org"
birds = ["one", "two"]
[[component]]
transport = "drum"
domain = "drum.example.org"
secret = "boom"
`

func TestEverythingThatIsWrittenIsRead(t *testing.T) {
	t.Setenv("CONFIG_TEST_KEY", "seed")
	c, err := Parse("test.toml", []byte(whole), drivers)
	if err != nil {
		t.Fatal(err)
	}
	if c.Log != (Log{Level: slog.LevelDebug, Format: "json"}) || c.Store.Path != "other.db" || c.HTTP.Listen != "" {
		t.Errorf("%+v, %+v, %+v", c.Log, c.Store, c.HTTP)
	}
	fields := []ContactField{
		{"admin-addresses", []string{"xmpp:me@example.org", "mailto:me@example.org"}},
		{"security-addresses", []string{"https://example.org/security"}},
	}
	if diff := cmp.Diff(fields, c.Contact.Fields()); diff != "" {
		t.Errorf("contact (-want +got):\n%s", diff)
	}
	pigeon := c.Components[0]
	if pigeon.Domain != "pigeon.example.org" || pigeon.Secret.Reveal() != "coo" || pigeon.Name != "Pigeon post" || pigeon.TLSConfig != nil {
		t.Errorf("%+v", pigeon)
	}
	if network, address := pigeon.Endpoint(); network != "unix" || address != "/run/xmpp/pigeon.sock" {
		t.Errorf("endpoint %s %s", network, address)
	}
	yes := true
	want := &pigeonOptions{
		Birds: 3, Share: 1, Fast: &yes, Rest: 90 * time.Second, Since: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
		Bread: bread{Kind: "rye", Crumb: true}, Tags: map[string]int{"a": 1, "b.c": 2},
		Lofts: map[string]loft{"north": {Address: "up", Open: true}, "south": {Address: "down"}},
		Owner: []owner{{JID: "romeo@example.org", Birds: []string{"one", "two"}}},
	}
	got := *pigeon.Options.(*pigeonOptions)
	if got.Key.Reveal() != "seed" {
		t.Errorf("key %q", got.Key.Reveal())
	}
	got.Key = want.Key
	secrets := cmp.Comparer(func(a, b transport.Secret) bool { return a == b })
	if diff := cmp.Diff(want, &got, secrets); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	drum := c.Components[1]
	if network, address := drum.Endpoint(); network != "tcp" || address != "127.0.0.1:5347" {
		t.Errorf("endpoint %s %s", network, address)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

func TestWhatIsNotWrittenHasItsDefault(t *testing.T) {
	c, err := Parse("test.toml", []byte("[[component]]\ntransport = \"drum\"\ndomain = \"drum.example.org\"\nsecret = \"s\""), drivers)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	if c.Log != d.Log || c.Store != d.Store || c.HTTP != d.HTTP || len(c.Admins)+len(c.Block)+len(c.Contact.Fields()) != 0 {
		t.Errorf("%+v", c)
	}
	component := c.Components[0]
	if component.Server != DefaultComponent().Server || component.TLS || component.Name != "" {
		t.Errorf("%+v", component)
	}
	if got := component.Allow; len(got) != 1 || got[0].String() != "example.org" {
		t.Errorf("allow %v", got)
	}
}

func address(t *testing.T, s string) jid.JID {
	t.Helper()
	j, err := jid.ParsePrepared(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestRulesMeanWhoTheySay(t *testing.T) {
	for name, test := range map[string]struct {
		rule    string
		allowed string
		refused string
	}{
		"an account":             {"juliet@example.org", "juliet@example.org juliet@example.org/balcony", "example.org romeo@example.org juliet@example.com juliet@chat.example.org"},
		"an account in capitals": {"Juliet@EXAMPLE.org", "juliet@example.org", "romeo@example.org"},
		"a domain":               {"example.org", "example.org juliet@example.org juliet@example.org/x", "chat.example.org x@chat.example.org badexample.org x@org"},
		"the domains below one":  {"*.example.org", "x@chat.example.org a.b.example.org", "example.org x@example.org x@badexample.org"},
		"everybody":              {"*", "x@anything.example example.org", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rule, err := ParseRule(test.rule)
			if err != nil {
				t.Fatal(err)
			}
			rules := Rules{rule}
			for _, s := range strings.Fields(test.allowed) {
				if !rules.Allows(address(t, s)) {
					t.Errorf("%s is refused", s)
				}
			}
			for _, s := range strings.Fields(test.refused) {
				if rules.Allows(address(t, s)) {
					t.Errorf("%s is allowed", s)
				}
			}
			again, err := ParseRule(rule.String())
			if err != nil || again != rule {
				t.Errorf("%q reads as %q, %v", rule, again, err)
			}
		})
	}
	if (Rules{}).Allows(address(t, "juliet@example.org")) {
		t.Error("no rule allows somebody")
	}
	if (Rules{{}}).Allows(jid.JID{}) {
		t.Error("the zero rule allows nobody's address")
	}
}

func TestAdminsAndBlockedAreKnown(t *testing.T) {
	c, err := Parse("test.toml", []byte(strings.Replace(whole, `{ env = "CONFIG_TEST_KEY" }`, `"k"`, 1)), drivers)
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string][2]bool{
		"me@example.org/phone": {true, false},
		"you@example.org":      {false, false},
		"spammer@evil.example": {false, true},
		"x@sub.evil.example":   {false, true},
		"x@evil.example":       {false, false},
	} {
		if got := [2]bool{c.IsAdmin(address(t, s)), c.IsBlocked(address(t, s))}; got != want {
			t.Errorf("%s: admin, blocked %v", s, got)
		}
	}
}

// load writes a config with a mode and loads it.
func load(t *testing.T, mode os.FileMode, text string) (*Config, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, drivers)
	return c, path, err
}

func TestWhatShouldNotStaySoIsWarnedOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const head = "[[component]]\ntransport = \"drum\"\ndomain = \"drum.example.org\"\n"
	inFile := head + "secret = { file = \"" + file + "\" }\n"
	for name, test := range map[string]struct {
		mode os.FileMode
		text string
		want string // after the file's name; empty: no warning
	}{
		"a secret in a file that everybody can read": {0o644, head + `secret = "s"`, ":4: component.secret: everybody on this machine can read"},
		"a secret in a private file":                 {0o640, head + `secret = "s"`, ""},
		"a secret elsewhere":                         {0o644, inFile, ""},
		"plain text to another machine":              {0o600, inFile + `server = "xmpp.example.org:5347"`, ":5: component.server: the secret's hash"},
		"plain text to another address":              {0o600, inFile + `server = "192.0.2.1:5347"`, ":5: component.server: the secret's hash"},
		"TLS to another machine":                     {0o600, inFile + "server = \"xmpp.example.org:5347\"\ntls = true", ""},
		"plain text to localhost":                    {0o600, inFile + `server = "localhost:5347"`, ""},
		"plain text to the loopback of IPv6":         {0o600, inFile + `server = "[::1]:5347"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, path, err := load(t, test.mode, test.text)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(c.Warnings) > 0 {
					t.Errorf("warnings: %q", c.Warnings)
				}
			} else if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], path+test.want) {
				t.Errorf("warnings: %q", c.Warnings)
			}
		})
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "none.toml"), "a folder": t.TempDir(), "a device": "/dev/zero"} {
		if _, err := Load(path, drivers); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := strings.Repeat("# long\n", maxFile/7+1)
	if _, _, err := load(t, 0o600, large); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("large: %v", err)
	}
}
