//go:build !race

package irc

import (
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"

	"gatehouse/component/socket"
)

// Go doubles a stack that is too small, so that a frame too many would cost
// every user 2 KiB.
func TestAReaderThatWaitsHasTheSmallestStack(t *testing.T) {
	const readers = 400
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var lines [readers]lineReader
	var far [readers]net.Conn
	for i := range readers {
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		lines[i].conn = socket.Prompt(near)
		if far[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		defer far[i].Close()
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	stacks := func() int {
		runtime.GC()
		metrics.Read(sample)
		return int(sample[0].Value.Uint64())
	}
	before := stacks()
	var waiting sync.WaitGroup
	for i := range lines {
		waiting.Go(func() { _ = lines[i].fill() })
	}
	for all := make([]byte, 8<<20); strings.Count(string(all[:runtime.Stack(all, true)]), "irc.(*lineReader).fill(") < readers; {
		runtime.Gosched()
	}
	each := (stacks() - before) / readers
	for _, c := range far {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait()
	if each > 3<<10 {
		t.Errorf("each has a stack of %d bytes", each)
	}
}
