package guarded

import (
	"net/netip"
	"testing"
)

func TestOnlyPublicAddressesArePermitted(t *testing.T) {
	var allowed Ranges
	for _, text := range []string{"10.1.0.0/16", "fd00::/64", "192.168.7.7"} {
		p, err := ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		allowed = append(allowed, p)
	}
	for addr, want := range map[string]bool{
		"130.239.18.119": true, "2a01:4f8::1": true, "::ffff:130.239.18.119": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false,
		"::7f00:1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::7f00:1": false, "2002:7f00:1::": false, "2001:0:53aa:64c:0:0:80ff:fffe": false,
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00::1": true, "fd00:0:0:1::1": false, "192.168.7.7": true, "192.168.7.8": false,
	} {
		ip := netip.MustParseAddr(addr)
		if got := allowed.Permits(ip); got != want {
			t.Errorf("%s: %v", addr, got)
		}
		err := allowed.Control("tcp", netip.AddrPortFrom(ip, 443).String(), nil)
		if (err == nil) != want {
			t.Errorf("dial %s: %v", addr, err)
		}
	}
	if err := allowed.Control("tcp", "fe80::1%eth0", nil); err == nil {
		t.Error("an address without a port is let through")
	}
	for _, text := range []string{"", "x", "10.0.0.0/33", "10.0.0.0/8/8"} {
		if p, err := ParseRange(text); err == nil {
			t.Errorf("%q is taken for %s", text, p)
		}
	}
}
