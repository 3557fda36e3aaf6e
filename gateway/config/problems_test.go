package config

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// good is a component without a problem, on lines 1 to 4.
const good = `[[component]]
transport = "pigeon"
domain = "pigeon.example.org"
secret = "coo"
`

func TestProblemsNameTheLineTheKeyAndWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string // each begins a problem, in this order
	}{
		"a key misspelt in the transport's table": {good + "[component.pigeon]\nbrids = 3",
			[]string{`c.toml:6: unknown key component.pigeon.brids (did you mean birds?)`}},
		"a dotted key misspelt": {good + "pigeon.bread.knid = \"rye\"",
			[]string{`c.toml:5: unknown key component.pigeon.bread.knid (did you mean kind?)`}},
		"a key misspelt in an inline table": {good + "pigeon = { birds = 1,\n  loft = { a = { address = \"x\", opne = true } } }",
			[]string{`c.toml:6: unknown key component.pigeon.loft.a.opne (did you mean open?)`}},
		"a key misspelt in the second of two tables": {good + "[[component.pigeon.owner]]\njid = \"a\"\n[[component.pigeon.owner]]\njdi = \"b\"",
			[]string{`c.toml:8: unknown key component.pigeon.owner.jdi (did you mean jid?)`}},
		"the same key known in one component and not in the other": {
			good + "[component.pigeon]\nbirds = 1\n[[component]]\ntransport = \"drum\"\ndomain = \"drum.example.org\"\nsecret = \"s\"\n[component.drum]\nbirds = 1",
			[]string{`c.toml:12: unknown key component.drum.birds (there are: loud)`}},
		"a key in capitals": {good + "[Log]\nlevel = \"info\"",
			[]string{`c.toml:5: unknown key Log (did you mean log?)`}},
		"a quoted key with a dot": {good + "[component.pigeon.loft.\"a.b\"]\naddress = \"x\"\nadress = \"y\"",
			[]string{`c.toml:7: unknown key component.pigeon.loft."a.b".adress (did you mean address?)`}},
		"a key unlike any other": {good + "[http]\nzebra = 1",
			[]string{`c.toml:6: unknown key http.zebra (there are: listen)`}},
		"a table of another transport": {good + "[component.drum]\nloud = true",
			[]string{`c.toml:5: component.drum: this component has transport = "pigeon": put its options in [component.pigeon]`}},
		"wrong types, all at once": {good + `name = 5
tls = "yes"
allow = "example.org"
[component.pigeon]
birds = "three"
small = 256
share = "half"
fast = 1
rest = 90
since = 5
key = 5
bread = []
loft = [1]
owner = { jid = "x" }
tags = { a = "x" }
name = ["a"]
`, []string{
			`c.toml:5: component.name: must be a string, not 5`,
			`c.toml:6: component.tls: must be true or false, not a string`,
			`c.toml:7: component.allow: must be a list in brackets, not a string`,
			`c.toml:9: component.pigeon.birds: must be a whole number, not a string`,
			`c.toml:10: component.pigeon.small: the number 256 is out of range`,
			`c.toml:11: component.pigeon.share: must be a number, not a string`,
			`c.toml:12: component.pigeon.fast: must be true or false, not 1`,
			`c.toml:13: component.pigeon.rest: must be a duration with its unit, as in "30s" or "1h30m", not 90`,
			`c.toml:14: component.pigeon.since: must be a date, as in 2024-05-01T12:00:00Z, not 5`,
			`c.toml:15: component.pigeon.key: a secret is a string, { file = "…" } or { env = "…" }, not int64`,
			`c.toml:16: component.pigeon.bread: must be a table, [component.pigeon.bread], not a list`,
			`c.toml:17: component.pigeon.loft: must be a table, [component.pigeon.loft], not a list`,
			`c.toml:18: component.pigeon.owner: must be a list: write [[component.pigeon.owner]] with two brackets`,
			`c.toml:19: component.pigeon.tags.a: must be a whole number, not a string`,
			`c.toml:20: component.pigeon.name: must be a string, not a list`,
		}},
		"one bracket too few": {strings.Replace(good, "[[component]]", "[component]", 1),
			[]string{`c.toml:1: component: must be a list: write [[component]] with two brackets`}},
		"nothing at all": {"", []string{`c.toml: has no [[component]]`}},
		"an empty component": {"\n[[component]]\n", []string{
			`c.toml:2: component.domain: is missing`,
			`c.toml:2: component.secret: is missing`,
			`c.toml:2: component.transport: is missing: write one of drum, pigeon`,
		}},
		"a transport misspelt": {strings.Replace(good, `"pigeon"`, `"pidgeon"`, 1) + "[component.pigeon]\nbirds = 1",
			[]string{`c.toml:2: component.transport: there is no transport "pidgeon" (did you mean pigeon?)`}},
		"an empty transport": {strings.Replace(good, `"pigeon"`, `""`, 1),
			[]string{`c.toml:2: component.transport: there is no transport "": write one of drum, pigeon`}},
		"a domain that is none": {strings.Replace(good, "pigeon.example.org", "pigeon example", 1),
			[]string{`c.toml:3: component.domain: "pigeon example" is no domain`}},
		"an account for a domain": {strings.Replace(good, "pigeon.example.org", "me@example.org", 1),
			[]string{`c.toml:3: component.domain: "me@example.org" is more than a domain: write "example.org"`}},
		"a domain twice, in another spelling": {good + strings.Replace(good, "pigeon.example", "Pigeon.EXAMPLE", 1),
			[]string{`c.toml:7: component.domain: "pigeon.example.org" belongs to another component already`}},
		"a domain without a parent": {strings.Replace(good, "pigeon.example.org", "pigeon", 1),
			[]string{`c.toml:1: component.allow: is missing, and "pigeon" has no parent domain to allow`}},
		"an empty secret": {strings.Replace(good, `"coo"`, `""`, 1), []string{`c.toml:4: component.secret: is missing`}},
		"a secret in two places": {strings.Replace(good, `"coo"`, `{ file = "a", env = "b" }`, 1),
			[]string{`c.toml:4: component.secret: a secret is found in one place`}},
		"a secret in no file": {strings.Replace(good, `"coo"`, `{ file = "/missing/secret" }`, 1),
			[]string{`c.toml:4: component.secret: read secret: open /missing/secret`}},
		"rules that are none, each on its line": {good + "allow = [\n  \"example.org\", # fine\n  \"a b@example.org\",\n  \"me@example.org/phone\",\n  \"*.x@example.org\",\n  7,\n]", []string{
			`c.toml:7: component.allow: "a b@example.org" is no address`,
			`c.toml:8: component.allow: "me@example.org/phone" has a resource: write "me@example.org"`,
			`c.toml:9: component.allow: "*." goes before a domain`,
			`c.toml:10: component.allow: must be a string, not a number`,
		}},
		"a domain as admin": {"admins = [\n\"me@example.org\",\n\"example.org\", \"*\" ]\n" + good, []string{
			`c.toml:3: admins: must be an account, as in "juliet@example.org", not "example.org"`,
			`c.toml:3: admins: must be an account, as in "juliet@example.org", not "*"`,
		}},
		"everybody blocked": {"block = [\"*\"]\n" + good, []string{`c.toml:1: block: "*" would block everybody`}},
		"log, store and HTTP": {good + "[log]\nlevel = \"loud\"\nformat = \"xml\"\n[store]\npath = \"\"\n[http]\nlisten = \"8087\"", []string{
			`c.toml:6: log.level: must be "debug", "info", "warn" or "error", not "loud"`,
			`c.toml:7: log.format: must be "text" or "json", not "xml"`,
			`c.toml:9: store.path: is empty`,
			`c.toml:11: http.listen: "8087" is not host:port`,
		}},
		"a history of less than nothing": {good + "[store]\nhistory_age = \"-1h\"\nhistory_length = -1", []string{
			`c.toml:6: store.history_age: must not be negative`,
			`c.toml:7: store.history_length: must not be negative`,
		}},
		"contacts that are no URIs": {good + "[contact]\nadmin = [\"me@example.org\",\n\"mailto:me@example.org\"]\nsales = [\"\"]", []string{
			`c.toml:6: contact.admin: "me@example.org" is not a URI: write it as in "mailto:me@example.org"`,
			`c.toml:8: contact.sales: "" is not a URI`,
		}},
		"a server without a port":        {good + `server = "example.org"`, []string{`c.toml:5: component.server: "example.org" is not host:port`}},
		"a server with port 0":           {good + `server = "127.0.0.1:0"`, []string{`c.toml:5: component.server: "127.0.0.1:0" has no port`}},
		"a server without a host":        {good + `server = ":5347"`, []string{`c.toml:5: component.server: ":5347" has no host`}},
		"a socket without a path":        {good + `server = "unix:"`, []string{`c.toml:5: component.server: names no socket`}},
		"TLS details without TLS":        {good + "tls_ca_file = \"x\"\ntls_server_name = \"y\"", []string{`c.toml:5: component.tls_ca_file: has no effect`, `c.toml:6: component.tls_server_name: has no effect`}},
		"authorities that are not there": {good + "tls = true\ntls_ca_file = \"/missing/ca.pem\"", []string{`c.toml:6: component.tls_ca_file: can't be read`}},
		"authorities in no file":         {good + "tls = true\ntls_ca_file = \"/dev/zero\"", []string{`c.toml:6: component.tls_ca_file: can't be read: /dev/zero is not a file`}},
		"a name with a line break":       {good + `name = "a\nb"`, []string{`c.toml:5: component.name: has a control character`}},
		"what the transport finds": {good + "[component.pigeon]\nneeds = \"everything\"\n[component.pigeon.loft.north]\nopen = true", []string{
			`c.toml:5: component.pigeon: everything is too much`,
			`c.toml:7: component.pigeon.loft.north.address: is missing`,
		}},
		"broken syntax": {good + "name = \"x", []string{`c.toml:5: `}},
		"a key twice":   {good + "domain = \"x\"", []string{`c.toml:5: `}},
		"not even text": {good + "name = \"\xff\"", []string{`c.toml:5: `}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("c.toml", []byte(test.text), drivers)
			problems, ok := errors.AsType[Problems](err)
			if !ok || c != nil {
				t.Fatalf("config %v, error %v", c, err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(problems) || len(lines) != len(test.want) {
				t.Fatalf("problems:\n%v", err)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestASecretInTheWrongPlaceIsNotRepeated(t *testing.T) {
	_, err := Parse("c.toml", []byte(good+"tls = \"hunter2\"\n[component.pigeon]\nbirds = \"hunter2\"\nkey = [\"hunter2\"]"), drivers)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error: %v", err)
	}
}

func TestTLSTrustsTheGivenAuthoritiesForTheRightName(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // half of the handshakes fail
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	text := good + "tls = true\nserver = \"" + server.Listener.Addr().String() + "\"\n"
	for name, test := range map[string]struct {
		more string
		name string
		ok   bool
	}{
		"authority given, name from the server": {`tls_ca_file = "` + file + `"`, "127.0.0.1", true},
		"authority and name given":              {`tls_ca_file = "` + file + "\"\ntls_server_name = \"example.com\"", "example.com", true},
		"authority given, wrong name":           {`tls_ca_file = "` + file + "\"\ntls_server_name = \"wrong.test\"", "wrong.test", false},
		"authority not given":                   {"", "127.0.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("c.toml", []byte(text+test.more), drivers)
			if err != nil {
				t.Fatal(err)
			}
			config := c.Components[0].TLSConfig
			if config.ServerName != test.name {
				t.Errorf("server name %q", config.ServerName)
			}
			network, address := c.Components[0].Endpoint()
			conn, err := tls.Dial(network, address, config)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != test.ok {
				t.Errorf("dial: %v", err)
			}
		})
	}
	c, err := Parse("c.toml", []byte(good+"tls = true\nserver = \"unix:/x\""), drivers)
	if err != nil || c.Components[0].TLSConfig.ServerName != "pigeon.example.org" {
		t.Errorf("over a socket the name is not the domain's: %v", err)
	}
}

func TestEveryWayToWriteAKeyHasItsLine(t *testing.T) {
	const text = `# comment with [table] and key = 1
a = 1
"b c" = 2 # [x]
d . 'e.f' . g = "]"
h = """
i = 1
"quotes\""""""
j = '''
k = 1'''
l = [ 1, # one ]
  [ 2,
    3 ], { m = 4,
  n.o = "}" } ]
p = 1979-05-27 07:32:00
q = '\'
[ r . s ]
t = ""
[[u]]
v = 1
[[u]]
v = 2
[u.w]
x = 3
[[u.y]]
z = 4
[[u.y]]
z = 5
`
	want := map[string]int{
		"a": 2, "b c": 3, "d": 4, "d.e.f": 4, "d.e.f.g": 4, "h": 5, "j": 8,
		"l": 10, "l[0]": 10, "l[1]": 11, "l[1][0]": 11, "l[1][1]": 12, "l[2]": 12, "l[2].m": 12, "l[2].n": 13, "l[2].n.o": 13,
		"p": 14, "q": 15, "r": 16, "r.s": 16, "r.s.t": 17,
		"u": 18, "u[0]": 18, "u[0].v": 19, "u[1]": 20, "u[1].v": 21, "u[1].w": 22, "u[1].w.x": 23,
		"u[1].y": 24, "u[1].y[0]": 24, "u[1].y[0].z": 25, "u[1].y[1]": 26, "u[1].y[1].z": 27,
	}
	if diff := cmp.Diff(want, linesOf(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(linesOf(text), linesOf(strings.ReplaceAll(text, "\n", "\r\n"))); diff != "" {
		t.Errorf("with CRLF:\n%s", diff)
	}
}

func TestTheNearestNameIsMeant(t *testing.T) {
	known := []string{"network", "nick", "name", "tls", "tls_ca_file"}
	for wrong, want := range map[string]string{
		"netwrok": "network", "networks": "network", "Network": "network", "nik": "nick", "tsl": "tls",
		"tls-ca-file": "tls_ca_file", "zebra": "", "": "", "encoding": "",
	} {
		if got := nearest(wrong, known); got != want {
			t.Errorf("%q: %q, not %q", wrong, got, want)
		}
	}
}
