package irc

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestLinesLeaveAQueueAsTheyCame(t *testing.T) {
	var running sync.WaitGroup
	for link := range 8 { // whose queues borrow the same memory in turn
		running.Go(func() {
			var q, more lineQueue
			came, left := 0, 0
			line := func(i int) string {
				return fmt.Sprintf("PRIVMSG #garden%d :%d%s\r\n", link, i, strings.Repeat("x", i*37%900))
			}
			push := func(to *lineQueue) { to.push([]byte(line(came))); came++ }
			pop := func() {
				if got := string(q.first()); got != line(left) {
					t.Errorf("link %d: got %q, want %q", link, got, line(left))
				}
				q.dropFirst()
				left++
			}
			for round := range 400 {
				for range round % 7 {
					push(&q)
				}
				for range round % 3 {
					push(&more)
				}
				q.append(&more)
				for range min(q.n, (round*5)%9) {
					pop()
				}
				if q.n != came-left || q.load != q.n || more.n > 0 {
					t.Errorf("link %d: %d lines worth %d wait, want %d", link, q.n, q.load, came-left)
				}
			}
			for q.n > 0 {
				pop()
			}
			if left != came || q != (lineQueue{}) {
				t.Errorf("link %d: %d of %d lines left, and %+v stays", link, left, came, q)
			}
		})
	}
	running.Wait()
}

func TestABatchOfLinesIsWorthSome(t *testing.T) {
	var q lineQueue
	q.push([]byte("PING a\r\n"))
	q.push([]byte("BATCH +gb1 draft/multiline #garden\r\n" + strings.Repeat("@batch=gb1 PRIVMSG #garden :a\r\n", 20) + "BATCH -gb1\r\n"))
	if q.n != 2 || q.load != 4 {
		t.Errorf("%d lines are worth %d", q.n, q.load)
	}
	q.dropFirst()
	if got := string(q.first()); !strings.HasSuffix(got, "BATCH -gb1\r\n") || q.load != 3 {
		t.Errorf("%q is left, worth %d", got, q.load)
	}
}

func TestALineThatFailsIsNotQueued(t *testing.T) {
	var q lineQueue
	q.push([]byte("PING a\r\n"))
	if _, err := appendLine(append(q.begin(), "@label=g1 "...), 512, "PRIVMSG", "two words", "text"); err == nil {
		t.Error("a target of two words was taken")
	}
	q.push([]byte("PING b\r\n"))
	q.dropFirst()
	if got := string(q.first()); got != "PING b\r\n" || q.n != 1 {
		t.Errorf("%q is left, one of %d", got, q.n)
	}
}

func TestPongsToBarriersAreReadWhereTheyLie(t *testing.T) {
	for line, want := range map[string]uint64{
		":irc.example.org PONG irc.example.org gatehouse-7":         7,
		":irc.example.org PONG irc.example.org :gatehouse-7":        7,
		"@time=2030-01-02T03:04:05.678Z :s  pong  s  :gatehouse-12": 12,
		"PONG gatehouse-18446744073709551615":                       1<<64 - 1,
	} {
		if n, is := barrierIn([]byte(line)); !is || n != want {
			t.Errorf("%q: got %d, %v", line, n, is)
		}
	}
	for _, line := range []string{
		"", "@", ":", "PONG", ":s PONG", "gatehouse-7", "PONG gatehouse", "PONG gatehouse-", "PONG gatehouse-x", "PONG gatehouse--1",
		"PONG gatehouse-18446744073709551616", ":s PONG s :say gatehouse", ":j!j@h PRIVMSG romeo gatehouse-7", ":j!j@h PRIVMSG romeo :PONG gatehouse-7",
		"@PONG :s PRIVMSG #garden :gatehouse-7",
	} {
		if n, is := barrierIn([]byte(line)); is {
			t.Errorf("%q: got %d", line, n)
		}
	}
}
