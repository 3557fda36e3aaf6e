package irc

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/transport"
)

func TestAddressesHaveOneSpelling(t *testing.T) {
	o := testOptions()
	o.AnyNetwork, o.Allow, o.Deny = true, []string{"*.example.net", "irc.libera.chat"}, []string{"evil.*"}
	fixed := testOptions()
	fixed.FixedNetwork = "net"
	make := func(o *Options) transport.Network {
		n, err := o.New(transport.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := Defaults()
	all.AnyNetwork = true
	several, one, open := make(o), make(fixed), make(all)
	for _, tt := range []struct {
		name, text string
		network    transport.Network
		want       transport.Address
		kind       transport.Kind
		refusal    transport.Reason
	}{
		{name: "a channel", text: "#garden%net", want: "#garden%net", kind: transport.Room},
		{name: "in upper case", text: "#Garden%NET", want: "#garden%net", kind: transport.Room},
		{name: "by the server's address", text: "#garden%irc.example.org", want: "#garden%net", kind: transport.Room},
		{name: "a channel with a percent sign", text: "#100%%net", want: "#100%%net", kind: transport.Room},
		{name: "a local channel", text: "&garden%net", want: "&garden%net", kind: transport.Room},
		{name: "a person", text: "Juliet[m]%net", want: "juliet[m]%net", kind: transport.Person},
		{name: "a server", text: "net", want: "net", kind: transport.Server},
		{name: "a server by its address", text: "irc.example.org", want: "net", kind: transport.Server},
		{name: "any server", text: "#x%irc.example.net", want: "#x%irc.example.net", kind: transport.Room},
		{name: "another of those", text: "irc.libera.chat", want: "irc.libera.chat", kind: transport.Server},
		{name: "a server that is not allowed", text: "#x%irc.example.com", refusal: transport.NotFound},
		{name: "a server that is denied", text: "#x%evil.example.net", refusal: transport.NotFound},
		{name: "an IP address", text: "#x%127.0.0.1", refusal: transport.NotFound},
		{name: "an unknown network", text: "juliet%nowhere", refusal: transport.NotFound},
		{name: "no network", text: "juliet", refusal: transport.BadAddress},
		{name: "a channel without one", text: "#garden", refusal: transport.BadAddress},
		{name: "nothing", text: "", refusal: transport.BadAddress},
		{name: "anybody", text: "%NET", want: "%net", kind: transport.Person},
		{name: "anybody on an unknown network", text: "%nowhere", refusal: transport.BadAddress},
		{name: "nobody", text: "%", refusal: transport.BadAddress},
		{name: "a nick of two words", text: "a b%net", refusal: transport.BadAddress},
		{name: "two channels", text: "#a,#b%net", refusal: transport.BadAddress},
		{name: "a line end", text: "#a\r\nquit%net", refusal: transport.BadAddress},
		{name: "open: a channel on a network by a name of one's own", network: open, text: "#x%home", want: "#x%home", kind: transport.Room},
		{name: "open: such a network", network: open, text: "home", want: "home", kind: transport.Server},
		{name: "open: no such name", network: open, text: "#x%a_b!", refusal: transport.NotFound},
		{name: "fixed: a channel", network: one, text: "#Garden", want: "#garden", kind: transport.Room},
		{name: "fixed: a channel with a percent sign", network: one, text: "#100%", want: "#100%", kind: transport.Room},
		{name: "fixed: a person", network: one, text: "juliet", want: "juliet", kind: transport.Person},
		{name: "fixed: with the network after all", network: one, text: "juliet%net", want: "juliet", kind: transport.Person},
		{name: "fixed: the server", network: one, text: "irc.example.org", want: "net", kind: transport.Server},
		{name: "fixed: a person who is called as the network", network: one, text: "net%net", want: "net%net", kind: transport.Person},
		{name: "fixed: another network", network: one, text: "juliet%libera", refusal: transport.BadAddress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := tt.network
			if n == nil {
				n = several
			}
			got, kind, err := n.Resolve(tt.text)
			if tt.want != "" {
				if got != tt.want || kind != tt.kind || err != nil {
					t.Errorf("got %q of kind %d, error %v", got, kind, err)
				}
				return
			}
			e, ok := errors.AsType[*transport.Error](err)
			if !ok || e.Reason != tt.refusal || !strings.Contains(e.Text, "net") && n == several {
				t.Errorf("got %q, error %+v", got, err)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	with := func(change func(o *Options)) *Options {
		o := testOptions()
		change(o)
		return o
	}
	net := func(no NetworkOptions) *Options {
		return with(func(o *Options) { o.Network["net"] = no })
	}
	for key, o := range map[string]*Options{
		"network":                    Defaults(),
		"network.Net%1":              with(func(o *Options) { o.Network["Net%1"] = NetworkOptions{Address: "a.example"} }),
		"network.net.address":        net(NetworkOptions{Address: "irc example"}),
		"network.net.nick":           net(NetworkOptions{Address: "a.example", Nick: "a b"}),
		"network.net.username":       net(NetworkOptions{Address: "a.example", Username: "a@b"}),
		"network.net.encoding":       net(NetworkOptions{Address: "a.example", Encoding: "utf-16"}),
		"network.net.tls_ca_file":    net(NetworkOptions{Address: "a.example", TLSCAFile: "/nowhere/ca.pem"}),
		"network.net.throttle.burst": net(NetworkOptions{Address: "a.example", Throttle: &Throttle{Burst: -1}}),
		"throttle.interval":          with(func(o *Options) { o.Throttle.Interval = 0 }),
		"encoding":                   with(func(o *Options) { o.Encoding = "klingon" }),
		"fixed_network":              with(func(o *Options) { o.FixedNetwork = "oftc" }),
		"any_network":                with(func(o *Options) { o.FixedNetwork, o.AnyNetwork = "net", true }),
		"allow_networks":             with(func(o *Options) { o.Allow = []string{"[a"} }),
		"deny_networks":              with(func(o *Options) { o.Deny = []string{"*.EXAMPLE"} }),
		"allow_private":              with(func(o *Options) { o.AllowPrivate = []string{"localhost"} }),
	} {
		e, ok := errors.AsType[*transport.OptionError](o.Check())
		if !ok || e.Key != key || e.Problem == "" {
			t.Errorf("%s: got %v", key, o.Check())
		}
	}
	if err := testOptions().Check(); err != nil {
		t.Error(err)
	}
}

func TestTheConfigIsRead(t *testing.T) {
	const config = `
name = "Chat"
any_network = true
allow_networks = ["*.example.org"]
allow_private = ["127.0.0.0/8"]
throttle = { burst = 5, interval = "1s" }
[network.libera]
address = "irc.libera.chat"
password = "rose"
[network.local]
address = "127.0.0.1:6667"
tls = false
nick = "romeo"
throttle = { burst = 0 }
`
	o := Driver.Options()
	meta, err := toml.Decode(config, o)
	if err != nil || len(meta.Undecoded()) > 0 {
		t.Fatalf("%v, unknown: %v", err, meta.Undecoded())
	}
	made, err := o.New(transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	n := made.(*network)
	libera, local, found := n.server("libera"), n.server("127.0.0.1"), n.server("irc.example.org")
	switch {
	case libera.tls == nil || libera.doors[0] != (door{6697, true}) || libera.password.Reveal() != "rose" || libera.throttle != Throttle{5, time.Second}:
		t.Errorf("got %+v", libera)
	case local.tls != nil || local.doors[0] != (door{6667, false}) || local.nick != "romeo" || local.throttle.Burst != 0 || !local.configured:
		t.Errorf("got %+v", local)
	case found.tls == nil || found.configured || n.server("irc.example.com") != nil:
		t.Errorf("got %+v", found)
	case !reflect.DeepEqual(n.Info(), transport.Info{
		Name: "Chat", Type: "irc", Prompt: "Enter a nick and its network such as juliet%libera, or a channel such as #garden%libera.",
		Rooms: true, Lists: true, People: true, Crowd: 300, Servers: []transport.Address{"libera", "local"},
	}):
		t.Errorf("got %+v", n.Info())
	}
}

func TestAddressesInTheConfig(t *testing.T) {
	for _, tt := range []struct {
		address string
		secure  bool
		host    string
		port    int
	}{
		{"irc.libera.chat", true, "irc.libera.chat", 6697},
		{"irc.libera.chat", false, "irc.libera.chat", 6667},
		{"IRC.libera.chat:7000", true, "irc.libera.chat", 7000},
		{"127.0.0.1:6667", false, "127.0.0.1", 6667},
		{"::1", false, "::1", 6667},
		{"[::1]:6668", false, "::1", 6668},
		{"[::1]", true, "::1", 6697},
		{"localhost", true, "localhost", 6697},
	} {
		var s server
		if err := s.setAddress(tt.address, tt.secure); err != nil || s.host != tt.host || s.doors[0] != (door{tt.port, tt.secure}) {
			t.Errorf("%s: %s, %v, %v", tt.address, s.host, s.doors, err)
		}
	}
	for _, bad := range []string{"", "a:b", "a:0", "a:99999", "a b", "irc://a", "a/b"} {
		if err := (&server{}).setAddress(bad, true); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
