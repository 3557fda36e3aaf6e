package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/component/jid"
)

const before = `
admins = ["escalus@example.org"]
block = ["tybalt@example.org"]
[[component]]
transport = "drum"
domain = "drum.example.org"
secret = "s"
[[component]]
transport = "pigeon"
domain = "pigeon.example.org"
secret = "s"
pigeon.birds = 3
`

func TestWhatNeedsARestart(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		want           []string
	}{
		{name: "nothing"},
		{name: "who is served", from: `admins = ["escalus@example.org"]`, to: `admins = ["friar@example.org"]`},
		{name: "the log's level", from: "[[component]]", to: "log.level = \"debug\"\n[[component]]"},
		{
			name: "where it listens", from: "[[component]]", to: "http.listen = \"127.0.0.1:1\"\n[[component]]",
			want: []string{"[http] changed: that holds after a restart"},
		},
		{
			name: "a secret", from: "secret = \"s\"", to: "secret = \"t\"",
			want: []string{"component drum.example.org changed: that holds after a restart"},
		},
		{
			name: "a transport's option", from: "birds = 3", to: "birds = 4",
			want: []string{"component pigeon.example.org changed: that holds after a restart"},
		},
		{
			name: "another domain", from: "drum.example.org", to: "drums.example.org",
			want: []string{
				"component drum.example.org is gone: that holds after a restart, until then it serves nobody",
				"component drums.example.org is new: that holds after a restart",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was, err := Parse("before", []byte(before), drivers)
			if err != nil {
				t.Fatal(err)
			}
			now, err := Parse("after", []byte(strings.Replace(before, tt.from, tt.to, 1)), drivers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, was.NeedsRestart(now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhoIsServed(t *testing.T) {
	c, err := Parse("before", []byte(before), drivers)
	if err != nil {
		t.Fatal(err)
	}
	c.Components[1].Allow = Rules{mustRule(t, "example.org")}
	c.Admins = append(c.Admins, mustRule(t, "friar@example.net"))
	for address, want := range map[string]bool{
		"romeo@example.org": true, "tybalt@example.org": false, "paris@example.net": false, "friar@example.net": true,
	} {
		j, err := jid.ParsePrepared(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Serves("pigeon.example.org", j); got != want {
			t.Errorf("%s is served: %t", address, got)
		}
		if c.Serves("nowhere.example.org", j) {
			t.Errorf("%s is served by a component that is not there", address)
		}
	}
}

func mustRule(t *testing.T, s string) Rule {
	t.Helper()
	r, err := ParseRule(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
