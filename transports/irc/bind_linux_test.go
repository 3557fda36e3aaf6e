package irc

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
)

func routeLocal(verb, prefix string) error {
	out, err := exec.Command("ip", "-6", "route", verb, "local", prefix, "dev", "lo").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// routes has the kernel take a prefix for its own, as the host of a routed one
// does: ip -6 route add local PREFIX dev lo.
func routes(t *testing.T, prefix string) {
	t.Helper()
	if err := routeLocal("replace", prefix); err != nil {
		servers.Lacks(t, "an IPv6 prefix that is routed here, which takes root", err)
	}
	t.Cleanup(func() { routeLocal("del", prefix) })
}

func TestEachPersonHasAnAddressOfTheirOwn(t *testing.T) {
	const prefix = "fd67:6174:6568::/64"
	routes(t, prefix)
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		servers.Lacks(t, "IPv6 on loopback", err)
	}
	defer l.Close()
	o := testOptions()
	o.IPv6Prefix = prefix
	o.network(func(n *NetworkOptions) { n.Address = l.Addr().String() })
	made, err := o.New(transport.Env{Secret: []byte("a secret")})
	if err != nil {
		t.Fatal(err)
	}
	n := made.(*network)
	var from []string
	for _, user := range []string{romeo, benvolio, romeo} {
		s := n.servers["net"]
		set := n.linkSettings(s, nil)
		set.face = n.faceOf(user, s)
		conn, err := n.dialTCP(t.Context(), s, set, s.doors[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		arrived, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer arrived.Close()
		a := addressOf(arrived.RemoteAddr()).Addr()
		if !netip.MustParsePrefix(prefix).Contains(a) {
			t.Errorf("%s comes from %v", user, a)
		}
		from = append(from, a.String())
	}
	if from[0] != from[2] || from[0] == from[1] || slices.Contains(from, "") {
		t.Errorf("romeo, benvolio and romeo again come from %v", from)
	}
}
