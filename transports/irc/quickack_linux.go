package irc

import (
	"net"
	"syscall"
)

// A promptConn acknowledges what it reads at once (tcp(7), TCP_QUICKACK). IRC
// servers send small segments and leave Nagle's algorithm on: with a delayed
// acknowledgement every second message would wait 40 ms at the server.
type promptConn struct {
	*net.TCPConn
	raw   syscall.RawConn
	quick func(fd uintptr)
}

// prompt makes a connection that acknowledges at once, where that can be had.
func prompt(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &promptConn{tcp, raw, func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}}
}

// Read sets the option each time: the kernel forgets it.
func (c *promptConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		_ = c.raw.Control(c.quick)
	}
	return n, err
}
