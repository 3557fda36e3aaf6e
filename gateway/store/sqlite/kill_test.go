package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// childPath makes the test binary a child that only writes to a store.
const childPath = "GATEHOUSE_TEST_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, putForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// putForEver prints the key of every item once it is acknowledged.
func putForEver(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	var mutex sync.Mutex
	failed := make(chan error)
	for i := range 32 {
		go func() {
			for n := 0; ; n++ {
				text := fmt.Sprintf("item %d of %d", n, i)
				which, key := "in", int64(0)
				var err error
				if i%2 == 0 {
					key, _, err = s.Inbox().Put(context.Background(), store.InboxItem{Component: "a", User: "b", Event: []byte(text)})
				} else {
					which = "out"
					key, _, err = s.Outbox("a").Put(context.Background(), transport.OutboxItem{User: "b", Text: text})
				}
				if err != nil {
					failed <- err
					return
				}
				mutex.Lock()
				fmt.Println(which, key, strconv.Quote(text))
				mutex.Unlock()
			}
		}()
	}
	return <-failed
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	path := newPath(t)
	acknowledged := map[string]string{}
	for range 5 {
		for key, text := range killWhileItPuts(t, path, 200+rand.IntN(2000)) {
			acknowledged[key] = text
		}
		stored := everything(t, path)
		for key, text := range acknowledged {
			if stored[key] != text {
				t.Fatalf("%s was acknowledged as %q and is %q", key, text, stored[key])
			}
		}
		t.Logf("%d acknowledged, %d stored", len(acknowledged), len(stored))
	}
}

// killWhileItPuts kills a child after it has acknowledged some items, and gives
// all that it acknowledged.
func killWhileItPuts(t *testing.T, path string, after int) map[string]string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var which, text string
		var key int64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %q", &which, &key, &text); err != nil {
			continue // cut off by the kill
		}
		acknowledged[fmt.Sprint(which, key)] = text
		if len(acknowledged) == after {
			// At any moment of a commit, which takes about as long.
			time.AfterFunc(rand.N(5*time.Millisecond), func() { child.Process.Kill() })
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	if len(acknowledged) < after {
		t.Fatalf("only %d acknowledged", len(acknowledged))
	}
	return acknowledged
}

func everything(t *testing.T, path string) map[string]string {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stored := map[string]string{}
	in, err := s.Inbox().Pending(t.Context(), "a", "b", 0, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range in {
		stored[fmt.Sprint("in", item.Key)] = string(item.Event)
	}
	out, err := s.Outbox("a").In(t.Context(), transport.Queued, time.Now(), 0, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range out {
		stored[fmt.Sprint("out", item.Key)] = item.Text
	}
	return stored
}
