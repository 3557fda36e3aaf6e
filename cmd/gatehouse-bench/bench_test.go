package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// The short version of the measurement: nothing may be lost or refused, however
// long it takes.
func TestNothingIsLostUnderLoad(t *testing.T) {
	servers.Need(t, "inspircd", "prosody", "ejabberd")
	program := filepath.Join(t.TempDir(), "gatehouse")
	if out, err := exec.Command("go", "build", "-o", program, "gatehouse/cmd/gatehouse").CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, out)
	}
	var table strings.Builder
	if err := run(t.Context(), options{quick: true, alone: true, program: program}, &table); err != nil {
		t.Error(err)
	}
	t.Log("\n" + table.String())
}

func TestTheTableIsPutBetweenItsMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("# Speed\n"+tableBegins+"old\n"+tableEnds+"More.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := record(file, "| new |\n"); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(file); string(got) != "# Speed\n"+tableBegins+"\n| new |\n\n"+tableEnds+"More.\n" {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(file, []byte("# Speed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := record(file, "| new |\n"); err == nil {
		t.Error("a file without marks was taken")
	}
}

func TestTheTableSaysHowManyTimes(t *testing.T) {
	c := comparison{figure: "rate", what: "stanzas/s", higher: true, goal: 40}
	got := c.line("fan-out", []figures{{"rate": 52000}, {"rate": 1080}})
	if want := "| fan-out: stanzas/s | 52000 | 1080 | 48× | ≥ 40× |"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	got = c.line("fan-out", []figures{{"rate": 52000}, nil})
	if want := "| fan-out: stanzas/s | 52000 | failed | – | ≥ 40× |"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
