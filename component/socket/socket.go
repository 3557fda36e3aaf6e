// Package socket makes connections cheaper to read and write, where that can be
// had: on Linux. Elsewhere they stay as they are.
//
// Go's scheduler is told of each system call, as it may block, and after a silence
// wakes a thread to watch over it: every 20 µs, for a millisecond or more. A call
// of a socket that has something, or room, takes some microseconds, and needs no
// watch. That was a seventh of the gateway's CPU for messages that come alone.
package socket

import "net"

// Direct gives a connection whose calls the scheduler is not told of. It behaves
// as conn does, which its NetConn returns.
func Direct(conn net.Conn) net.Conn { return direct(conn, false) }

// Prompt gives a direct connection that acknowledges what it reads at once
// (tcp(7), TCP_QUICKACK). A server that sends small segments with Nagle's algorithm
// on would wait 40 ms with every second one for a delayed acknowledgement.
func Prompt(conn net.Conn) net.Conn { return direct(conn, true) }

// Beneath gives what other connections lie around, such as those of TLS.
func Beneath(conn net.Conn) net.Conn {
	for {
		around, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = around.NetConn()
	}
}
