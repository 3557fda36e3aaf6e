//go:build !386 && !s390x

package socket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

type conn struct {
	net.Conn
	raw     syscall.RawConn
	prompt  bool
	in, out half
}

// A half is one direction, and the call that is being made in it.
type half struct {
	mu  sync.Mutex
	try func(fd uintptr) (done bool)
	b   []byte
	n   int // of its bytes are done
	err error
}

func direct(plain net.Conn, prompt bool) net.Conn {
	var s syscall.Conn
	switch c := plain.(type) {
	case *net.TCPConn:
		s = c
	case *net.UnixConn:
		s = c
	default:
		return plain
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return plain
	}
	c := &conn{Conn: plain, raw: raw, prompt: prompt}
	c.in.try, c.out.try = c.tryRead, c.tryWrite
	return c
}

func (c *conn) NetConn() net.Conn { return c.Conn }

func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.in.run(b, c.raw.Read)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, c.explained("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.run(b, c.raw.Write)
	return n, c.explained("write", err)
}

// run tries until all is done, as often as the socket is ready for more.
func (h *half) run(b []byte, whenReady func(try func(uintptr) bool) error) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.b, h.n, h.err = b, 0, nil
	err := whenReady(h.try)
	if err == nil {
		err = h.err
	}
	h.b = nil
	return h.n, err
}

func (c *conn) tryRead(fd uintptr) (done bool) {
	n, errno := call(syscall.SYS_READ, fd, c.in.b)
	if errno == syscall.EAGAIN {
		return false
	}
	if errno != 0 {
		c.in.err = os.NewSyscallError("read", errno)
		return true
	}
	if c.in.n = n; n > 0 && c.prompt {
		acknowledge(fd)
	}
	return true
}

func (c *conn) tryWrite(fd uintptr) (done bool) {
	for h := &c.out; h.n < len(h.b); {
		n, errno := call(syscall.SYS_WRITE, fd, h.b[h.n:])
		if errno == syscall.EAGAIN {
			return false
		}
		if errno != 0 {
			h.err = os.NewSyscallError("write", errno)
			return true
		}
		if n == 0 {
			h.err = io.ErrUnexpectedEOF
			return true
		}
		h.n += n
	}
	return true
}

// call reads or writes some bytes.
func call(trap, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// acknowledge is to be called for each read: the kernel forgets it.
func acknowledge(fd uintptr) {
	on := int32(1)
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK,
		uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}

// explained says whose error it is, as the connection itself would.
func (c *conn) explained(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*net.OpError); ok { // of the raw connection: closed, or too late
		e.Op = op
		return e
	}
	return &net.OpError{Op: op, Net: c.RemoteAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
