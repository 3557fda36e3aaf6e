package irc

import (
	"net/netip"
	"syscall"
)

const ipv6FreeBind = 78 // IPV6_FREEBIND, ipv6(7)

// freeBind lets a socket have an address that no interface has, as those out of
// a routed prefix (ip(7), IP_FREEBIND).
func freeBind(c syscall.RawConn, from netip.Addr) error {
	var err error
	control := c.Control(func(fd uintptr) {
		if from.Is4() {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_FREEBIND, 1)
			return
		}
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6FreeBind, 1)
	})
	if control != nil {
		return control
	}
	return err
}
