package irc

import (
	"context"
	"io"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A server that sends two small segments with Nagle's algorithm on holds the
// second back until the first is acknowledged.
func TestSmallSegmentsAreAcknowledgedAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const rounds = 100
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetNoDelay(false)
		for range rounds {
			one := make([]byte, 1)
			if _, err := io.ReadFull(conn, one); err != nil {
				return
			}
			conn.Write([]byte("a"))
			conn.Write([]byte("b"))
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	conn, err := (&network{}).dialTCP(context.Background(), &server{configured: true}, &linkSettings{host: "127.0.0.1"}, door{port: n})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var took []time.Duration
	for range rounds {
		start := time.Now()
		conn.Write([]byte("x"))
		if _, err := io.ReadFull(conn, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	// The kernel by itself does so for the first 16 segments, and waits 40 ms behind them.
	if quarter := took[rounds/4]; quarter > 20*time.Millisecond {
		t.Errorf("of %d rounds no quarter took less than %v", rounds, quarter)
	}
}
