package socket

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pair gives both ends of a connection, the first as with gives it.
func pair(t testing.TB, network string, with func(net.Conn) net.Conn) (ours, theirs net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	theirs, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	ours = with(dialled)
	patience := time.Now().Add(time.Minute)
	_, _ = ours.SetDeadline(patience), theirs.SetDeadline(patience)
	return ours, theirs
}

// kinds are the connections that each test is for, and what Go's own does.
var kinds = []struct {
	name, network string
	with          func(net.Conn) net.Conn
}{
	{"Go's", "tcp", func(c net.Conn) net.Conn { return c }},
	{"direct", "tcp", Direct},
	{"prompt", "tcp", Prompt},
	{"unix", "unix", Direct},
}

func onEach(t *testing.T, test func(t *testing.T, ours, theirs net.Conn)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ours, theirs := pair(t, k.network, k.with)
			test(t, ours, theirs)
		})
	}
}

// More than any buffer of the kernel's goes out in pieces, as the other side
// takes it, while as much comes in.
func TestAllArrivesBothWays(t *testing.T) {
	onEach(t, func(t *testing.T, ours, theirs net.Conn) {
		sent := make([]byte, 32<<20)
		_, _ = rand.Read(sent)
		go func() {
			_, _ = io.Copy(theirs, theirs)
			_ = theirs.Close()
		}()
		wrote := make(chan error, 1)
		go func() {
			n, err := ours.Write(sent)
			if err == nil && n != len(sent) {
				err = io.ErrShortWrite
			}
			wrote <- err
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(ours, got); err != nil {
			t.Fatal(err)
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, sent) {
			t.Error("what came back is not what was sent")
		}
	})
}

func TestTheEndIsEOF(t *testing.T) {
	onEach(t, func(t *testing.T, ours, theirs net.Conn) {
		_, _ = theirs.Write([]byte("last"))
		_ = theirs.Close()
		b := make([]byte, 10)
		if n, err := ours.Read(nil); n != 0 || err != nil {
			t.Errorf("reading nothing gave %d, %v", n, err)
		}
		if n, err := ours.Read(b); string(b[:n]) != "last" || err != nil {
			t.Errorf("read %q, %v", b[:n], err)
		}
		if n, err := ours.Read(b); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
	})
}

// The errors are those of Go's own connections: callers tell them apart.
func TestErrorsAreNamed(t *testing.T) {
	isTimeout := func(err error) bool {
		e, ok := errors.AsType[net.Error](err)
		return ok && e.Timeout() && errors.Is(err, os.ErrDeadlineExceeded)
	}
	onEach(t, func(t *testing.T, ours, theirs net.Conn) {
		check := func(what, op string, err error, ok bool) {
			t.Helper()
			e, is := errors.AsType[*net.OpError](err)
			if !ok || !is || e.Op != op || e.Net != ours.LocalAddr().Network() || e.Addr == nil {
				t.Errorf("%s: %#v: %v", what, e, err)
			}
		}
		_ = ours.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := ours.Read(make([]byte, 1))
		check("nothing to read", "read", err, isTimeout(err))

		much := make([]byte, 32<<20)
		_ = ours.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := ours.Write(much)
		check("nobody reads", "write", err, isTimeout(err))
		if n == 0 || n == len(much) {
			t.Errorf("nobody reads: %d bytes were written", n)
		}

		_ = theirs.Close() // with bytes unread: a reset
		_ = ours.SetDeadline(time.Now().Add(time.Minute))
		for err = nil; err == nil; { // the first may still come before it
			_, err = ours.Write([]byte("more"))
		}
		check("reset", "write", err, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))

		_ = ours.Close()
		_, err = ours.Read(make([]byte, 1))
		check("closed", "read", err, errors.Is(err, net.ErrClosed))
		_, err = ours.Write([]byte("x"))
		check("closed", "write", err, errors.Is(err, net.ErrClosed))
	})
}

func TestClosingEndsWhoWaits(t *testing.T) {
	onEach(t, func(t *testing.T, ours, theirs net.Conn) {
		ended := make(chan error, 2)
		go func() {
			_, err := ours.Read(make([]byte, 1))
			ended <- err
		}()
		go func() {
			_, err := ours.Write(make([]byte, 32<<20))
			ended <- err
		}()
		time.Sleep(10 * time.Millisecond) // both wait, most likely
		_ = ours.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("ended with %v", err)
			}
		}
	})
}

func TestWhatLiesBeneathIsFound(t *testing.T) {
	onEach(t, func(t *testing.T, ours, _ net.Conn) {
		switch c := Beneath(ours).(type) {
		case *net.TCPConn, *net.UnixConn:
		default:
			t.Errorf("beneath is a %T", c)
		}
	})
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if Direct(one) != one || Beneath(one) != one {
		t.Error("a pipe is no socket, and stays as it is")
	}
}

func TestCallsAllocateNothing(t *testing.T) {
	ours, theirs := pair(t, "tcp", Prompt)
	b := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = ours.Write(b)
		_, _ = io.ReadFull(theirs, b)
		_, _ = theirs.Write(b)
		_, _ = io.ReadFull(ours, b)
	}); n != 0 {
		t.Errorf("%v allocations there and back", n)
	}
}

func BenchmarkThereAndBack(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			ours, theirs := pair(b, k.network, k.with)
			go func() { _, _ = io.Copy(theirs, theirs) }()
			one := make([]byte, 100)
			for b.Loop() {
				_, _ = ours.Write(one)
				_, _ = io.ReadFull(ours, one)
			}
		})
	}
}
