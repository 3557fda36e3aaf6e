//go:build !linux

package irc

import (
	"net/netip"
	"syscall"
)

// freeBind does nothing where there is no such option: the address must be one
// of an interface.
func freeBind(syscall.RawConn, netip.Addr) error { return nil }
