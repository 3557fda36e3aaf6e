//go:build !linux

package irc

import "net"

func prompt(conn net.Conn) net.Conn { return conn }
