package irc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/transport"
)

const benvolio = "benvolio@xmpp.example.org"

func TestUsersAreToldApartButNotByTheirNames(t *testing.T) {
	v, other := veil("one secret"), veil("another secret")
	name := regexp.MustCompile(`^[a-z][a-z0-9]{8}$`)
	seen := map[string]bool{}
	for i := range 5000 {
		user := fmt.Sprintf("user%d@xmpp.example.org", i)
		ident := v.ident(user, "net")
		if !name.MatchString(ident) || seen[ident] {
			t.Fatalf("%s is %q", user, ident)
		}
		seen[ident] = true
	}
	if v.ident(romeo, "net") != veil("one secret").ident(romeo, "net") {
		t.Error("a user has two names")
	}
	if v.ident(romeo, "net") == v.ident(romeo, "net2") || v.ident(romeo, "net") == other.ident(romeo, "net") {
		t.Error("the name tells the same user on two networks or gateways")
	}
}

func TestAddressesStayWithinTheirPrefix(t *testing.T) {
	v := veil("one secret")
	for _, text := range []string{"2001:db8:1:2::/64", "2001:db8:ff00::/41", "2001:db8::/112", "fd00::/7"} {
		prefix := netip.MustParsePrefix(text)
		all := map[netip.Addr]bool{}
		for i := range 100 {
			a := v.address(prefix, fmt.Sprint("user", i))
			if !prefix.Contains(a) {
				t.Errorf("%v is not in %v", a, prefix)
			}
			all[a] = true
		}
		if len(all) < 99 {
			t.Errorf("%v: %d addresses of 100 users", prefix, len(all))
		}
	}
	if p := v.localPrefix(); !netip.MustParsePrefix("fd00::/8").Contains(p.Addr()) || p.Bits() != 64 {
		t.Errorf("the local prefix is %v", p)
	}
}

func TestWebIRCComesFirst(t *testing.T) {
	o := testOptions()
	o.network(func(n *NetworkOptions) {
		n.WebIRC = transport.NewSecret("open")
		n.Password = transport.NewSecret("pw")
	})
	inWorld(t, o, func(w *world) {
		w.joins(garden, "romeo")
		f := w.network.faceOf(romeo, w.network.servers["net"])
		w.accepts().expect("WEBIRC open gatehouse "+f.ip+" "+f.ip, "PASS pw", "CAP LS 302")
		if a := netip.MustParseAddr(f.ip); !a.IsPrivate() || strings.HasPrefix(f.ip, ":") {
			t.Errorf("the address is %s", f.ip)
		}
	})
}

func TestWebIRCGivesHostsToPeople(t *testing.T) {
	o := testOptions()
	o.IPv6Prefix, o.HideUser = "2001:db8:1:2::/64", true
	o.network(func(n *NetworkOptions) {
		n.WebIRC, n.WebIRCGateway, n.WebIRCDomain = transport.NewSecret("open"), "verona", "Users.example.org"
	})
	inWorld(t, o, func(w *world) {
		w.joins(garden, "romeo")
		ident := w.network.veil.ident(romeo, "net")
		ip := w.network.veil.address(netip.MustParsePrefix(o.IPv6Prefix), romeo)
		w.accepts().expect("WEBIRC open verona "+ident+".users.example.org "+ip.StringExpanded(), "CAP LS 302", "NICK romeo", "USER "+ident+" 0 * romeo")
	})
}

func TestWebIRCPasswordGoesToTheConfigsServerOnly(t *testing.T) {
	for _, set := range []transport.Values{
		{"address": {"irc.example.net"}}, {"ports": {"7000"}}, {"verify_cert": {"false"}},
	} {
		o := testOptions()
		o.AnyNetwork = true
		o.network(func(n *NetworkOptions) { n.WebIRC = transport.NewSecret("open") })
		inWorld(t, o, func(w *world) {
			w.network.settings = settingsOf{"net": set}
			w.joins(garden, "romeo")
			w.accepts().expect("CAP LS 302")
		})
	}
}

func TestOriginsOfTheConfigAreChecked(t *testing.T) {
	for _, tt := range []struct {
		key    string
		change func(*Options)
	}{
		{"bind", func(o *Options) { o.Bind = "eth0" }},
		{"ipv6_prefix", func(o *Options) { o.IPv6Prefix = "192.0.2.0/24" }},
		{"ipv6_prefix", func(o *Options) { o.IPv6Prefix = "2001:db8::1/128" }},
		{"ipv6_prefix", func(o *Options) { o.IPv6Prefix = "2001:db8::1" }},
		{"identd", func(o *Options) { o.Identd = "113" }},
		{"network.net.bind", func(o *Options) { o.network(func(n *NetworkOptions) { n.Bind = "here" }) }},
		{"network.net.webirc_password", func(o *Options) { o.network(func(n *NetworkOptions) { n.WebIRC = transport.NewSecret("two words") }) }},
		{"network.net.webirc_password", func(o *Options) { o.network(func(n *NetworkOptions) { n.WebIRCDomain = "example.org" }) }},
		{"network.net.webirc_gateway", func(o *Options) {
			o.network(func(n *NetworkOptions) { n.WebIRC, n.WebIRCGateway = transport.NewSecret("open"), "a b" })
		}},
		{"network.net.webirc_domain", func(o *Options) {
			o.network(func(n *NetworkOptions) { n.WebIRC, n.WebIRCDomain = transport.NewSecret("open"), "a b" })
		}},
	} {
		o := testOptions()
		tt.change(o)
		var e *transport.OptionError
		if err := o.Check(); !errors.As(err, &e) || e.Key != tt.key {
			t.Errorf("%s: %v", tt.key, err)
		}
	}
}

// An identWorld is a network whose identd runs, and a server that it connects to.
type identWorld struct {
	*network
	identd string
	irc    net.Listener
}

func newIdentWorld(t *testing.T) *identWorld {
	port, err := servers.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	w := &identWorld{identd: fmt.Sprintf("127.0.0.1:%d", port)}
	if w.irc, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Identd = w.identd
	n, err := o.New(transport.Env{Secret: []byte("a secret")})
	if err != nil {
		t.Fatal(err)
	}
	w.network = n.(*network)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		w.irc.Close()
	})
	return w
}

func (w *identWorld) connects(t *testing.T, user string) net.Conn {
	t.Helper()
	s := w.servers["net"]
	conn, err := w.dialFrom(t.Context(), net.Dialer{}, s, w.faceOf(user, s), w.irc.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// asks sends any text to identd, and gives what comes back.
func (w *identWorld) asks(t *testing.T, question string) string {
	t.Helper()
	var conn net.Conn
	var err error
	for range 200 { // until it listens
		if conn, err = net.Dial("tcp", w.identd); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, question)
	answer, _ := bufio.NewReader(conn).ReadString('\n')
	return answer
}

func TestIdentdKnowsOurConnectionsAndNoOthers(t *testing.T) {
	w := newIdentWorld(t)
	first, second := w.connects(t, romeo), w.connects(t, benvolio)
	ports := func(c net.Conn) (int, int) {
		return c.LocalAddr().(*net.TCPAddr).Port, c.RemoteAddr().(*net.TCPAddr).Port
	}
	for user, c := range map[string]net.Conn{romeo: first, benvolio: second} {
		here, there := ports(c)
		want := fmt.Sprintf("%d , %d : USERID : UNIX : %s\r\n", here, there, w.veil.ident(user, "net"))
		for _, form := range []string{"%d,%d\r\n", "%d , %d\r\n", " %d, %d \n"} {
			if got := w.asks(t, fmt.Sprintf(form, here, there)); got != want {
				t.Errorf("asked about %s: %q, want %q", user, got, want)
			}
		}
		want = fmt.Sprintf("%d , %d : ERROR : NO-USER\r\n", there, here)
		if got := w.asks(t, fmt.Sprintf("%d,%d\r\n", there, here)); got != want {
			t.Errorf("with the ports the wrong way round: %q, want %q", got, want)
		}
	}
	here, there := ports(first)
	first.Close()
	if got := w.asks(t, fmt.Sprintf("%d,%d\r\n", here, there)); !strings.HasSuffix(got, "NO-USER\r\n") {
		t.Errorf("after the connection was closed: %q", got)
	}
	stranger, err := net.Dial("tcp", w.irc.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	here, there = ports(stranger)
	if got := w.asks(t, fmt.Sprintf("%d,%d\r\n", here, there)); !strings.HasSuffix(got, "NO-USER\r\n") {
		t.Errorf("about another program's connection: %q", got)
	}
}

func TestIdentdTakesNoNonsense(t *testing.T) {
	w := newIdentWorld(t)
	for _, question := range []string{"0,6667\r\n", "6667\r\n", "65536,1\r\n", "-1,1\r\n", "a,b\r\n", "\r\n", "1,2,3\r\n"} {
		if got := w.asks(t, question); got != "0 , 0 : ERROR : INVALID-PORT\r\n" {
			t.Errorf("%q: %q", question, got)
		}
	}
	if got := w.asks(t, strings.Repeat("1", 10*identLine)+"\r\n"); got != "" {
		t.Errorf("a long line: %q", got)
	}
}

func TestIdentdWaitsForAConnectionThatIsBeingMade(t *testing.T) {
	w := newIdentWorld(t)
	made := w.idents.dialling("theident1")
	conn, err := net.Dial("tcp", w.irc.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { made(conn) })
	defer conn.Close()
	got := w.asks(t, fmt.Sprintf("%d,%d\r\n", conn.LocalAddr().(*net.TCPAddr).Port, conn.RemoteAddr().(*net.TCPAddr).Port))
	if !strings.HasSuffix(got, "UNIX : theident1\r\n") {
		t.Errorf("got %q", got)
	}
}

func TestIdentdServesABoundedNumber(t *testing.T) {
	var places identPlaces
	var leave func()
	for i := range identClients {
		if leave = places.take(netip.AddrFrom4([4]byte{192, 0, 2, byte(i / identOfOne)})); leave == nil {
			t.Fatalf("there is no room for number %d", i)
		}
	}
	stranger := netip.MustParseAddr("198.51.100.1")
	if places.take(stranger) != nil {
		t.Error("there is room for one too many")
	}
	leave()
	if places.take(stranger) == nil {
		t.Error("there is no room once somebody is gone")
	}
}

func TestNobodyKeepsOthersOutOfIdentd(t *testing.T) {
	w := newIdentWorld(t)
	w.asks(t, "1,1\r\n") // it listens
	stranger := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	for range identOfOne + 1 {
		c, err := stranger.Dial("tcp", w.identd)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	c, err := stranger.Dial("tcp", w.identd)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a stranger may have any number of connections")
	}
	if got := w.asks(t, "1,1\r\n"); got == "" {
		t.Error("others are not served")
	}
}

func TestConnectionsComeFromTheAddressOfTheConfig(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct{ all, own, want string }{
		{"127.0.0.2", "", "127.0.0.2"}, {"127.0.0.2", "127.0.0.3", "127.0.0.3"}, {"", "", "127.0.0.1"},
	} {
		o := testOptions()
		o.Bind, o.IPv6Prefix = tt.all, "2001:db8:1:2::/64" // which a server without IPv6 is not reached from
		o.network(func(n *NetworkOptions) { n.Address, n.Bind = l.Addr().String(), tt.own })
		made, err := o.New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		n := made.(*network)
		s := n.servers["net"]
		set := n.linkSettings(s, nil)
		set.face = n.faceOf(romeo, s)
		conn, err := n.dialTCP(t.Context(), s, set, s.doors[0])
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if from := addressOf(conn.LocalAddr()).Addr().String(); from != tt.want {
			t.Errorf("%+v: the connection comes from %s", tt, from)
		}
		conn.Close()
	}
}
