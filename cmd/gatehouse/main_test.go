package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `
[[component]]
transport = "echo"
domain = "echo.example.org"
secret = "s"
`

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		args         []string
		status       int
		stdout       string
		stderr       string
	}{
		{name: "version", args: []string{"version"}, stdout: "gatehouse "},
		{name: "help", args: []string{"-help"}, stderr: "usage: gatehouse"},
		{name: "unknown command", args: []string{"dance"}, status: 2, stderr: "usage: gatehouse"},
		{name: "two commands", args: []string{"check", "run"}, status: 2, stderr: "usage: gatehouse"},
		{name: "unknown flag", args: []string{"-x"}, status: 2, stderr: "usage: gatehouse"},
		{name: "a config in order", config: good, args: []string{"check"}, stdout: "echo.example.org (echo)"},
		{
			name: "a mistyped key", config: good + "servr = \"x\"\n", args: []string{"check"},
			status: 2, stderr: "config.toml:6: unknown key component.servr (did you mean server?)",
		},
		{name: "a config that is not there", args: []string{"-config", "nowhere.toml", "check"}, status: 2, stderr: "nowhere.toml"},
		{
			name: "a store that can't be opened", config: "[store]\npath = \"/nowhere/at/all.db\"\n" + good, args: []string{"run"},
			status: 1, stderr: "open store /nowhere/at/all.db",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.config != "" {
				path := filepath.Join(t.TempDir(), "config.toml")
				if err := os.WriteFile(path, []byte(tt.config), 0o600); err != nil {
					t.Fatal(err)
				}
				tt.args = append([]string{"-config", path}, tt.args...)
			}
			var stdout, stderr bytes.Buffer
			if status := command(tt.args, &stdout, &stderr); status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("said %q and %q", stdout.String(), stderr.String())
			}
			if tt.stdout == "" && stdout.Len() > 0 {
				t.Errorf("said %q on stdout", stdout.String())
			}
		})
	}
}
