package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(script string) func() *exec.Cmd {
	return func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }
}

var sleeper = shell("exec sleep 600")

// group returns the processes of a process group, without those that are dead
// and wait for init to reap them.
func group(id int) (left []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// proc(5): after the name come state, parent and group.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(id) && fields[0] != "Z" {
			left = append(left, string(text))
		}
	}
	return left
}

// inState says whether a process is in a state of proc(5), stat.
func inState(pid int, state byte) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	if i := bytes.LastIndexByte(text, ')'); i < 0 || i+2 >= len(text) || text[i+2] != state {
		return fmt.Errorf("process %d is not in state %c: %s", pid, state, text)
	}
	return nil
}

// TestServersDieWithTheirParent runs this test binary as the parent.
func TestServersDieWithTheirParent(t *testing.T) {
	if dir := os.Getenv("GATEHOUSE_TEST_PARENT"); dir != "" {
		s := &Server{Name: "sleeper", Dir: dir, startLimit: time.Minute,
			command: sleeper, ready: func(context.Context) error { return nil }}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("child %d\n", s.PID())
		select {} // until killed
	}

	parent := exec.Command(os.Args[0], "-test.run=^TestServersDieWithTheirParent$")
	parent.Env = append(os.Environ(), "GATEHOUSE_TEST_PARENT="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(buf[:n])), "child "))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("child %d: %v", child, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = retry(ctx, func() error {
		// A zombie that nobody reaps is dead too.
		if err := syscall.Kill(child, 0); errors.Is(err, syscall.ESRCH) {
			return nil
		}
		return inState(child, 'Z')
	})
	if err != nil {
		t.Error(err)
	}
}
