// Package guarded keeps what strangers name from leading into private
// networks: the addresses of servers, of pictures, of address books. It lets
// connections go only to where everybody could go, or to ranges that the
// operator allows, and asks for the address that is really dialled, so that a
// name which resolves to something else the second time does not get through.
package guarded

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// ErrPrivate says that an address is not public, and not allowed.
var ErrPrivate = errors.New("not a public address")

// Ranges are the loopback, private and other special addresses that may be
// connected to all the same.
type Ranges []netip.Prefix

// ParseRange reads "10.0.0.0/8", or a single address.
func ParseRange(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// Permits says whether a connection may go to the address.
func (r Ranges) Permits(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, p := range r {
		if p.Contains(ip) {
			return true
		}
	}
	return isPublic(ip)
}

// Control is for a net.Dialer's field of that name: it refuses a connection
// with ErrPrivate before anything is sent.
func (r Ranges) Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("guard %s: %w", address, err)
	}
	if !r.Permits(to.Addr()) {
		return ErrPrivate
	}
	return nil
}

// notPublic are the special purpose ranges (RFC 6890 and its registries) that
// netip does not tell by a method, and those that embed an IPv4 address.
var notPublic = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return ps
}

func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
