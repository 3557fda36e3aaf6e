package irc

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/guarded"
	"gatehouse/gateway/transport"
)

const (
	defaultInterval = 2 * time.Second // of a Throttle

	portTLS      = 6697 // RFC 7194
	portTLSOther = 6670
	portPlain    = 6667
)

// Driver makes IRC networks.
var Driver = transport.Driver{Name: "irc", Options: func() transport.Options { return Defaults() }}

// Options are the table [component.irc].
type Options struct {
	Name         string   `toml:"name"`          // shown in service discovery
	FixedNetwork string   `toml:"fixed_network"` // a name from Network: JIDs then leave out %server
	AnyNetwork   bool     `toml:"any_network"`   // people may name any server in a JID
	Allow        []string `toml:"allow_networks"`
	Deny         []string `toml:"deny_networks"`
	AllowPrivate []string `toml:"allow_private"` // loopback and private networks that may be connected to

	TLSPorts []int `toml:"tls_ports"` // of servers that people name, in the order in which they are tried
	Ports    []int `toml:"ports"`     // the same without TLS, tried last

	Persistent  bool     `toml:"persistent_by_default"`     // people stay in channels when all their clients leave
	Record      bool     `toml:"record_history_by_default"` // what people see is kept for them
	FixedNames  bool     `toml:"fixed_names"`               // people can't set a username and a real name
	RealName    string   `toml:"real_name"`
	QuitMessage string   `toml:"quit_message"`
	Encoding    string   `toml:"encoding"` // what bytes are that are not UTF-8
	Throttle    Throttle `toml:"throttle"`
	PasteAbove  int      `toml:"paste_above"` // texts of more lines become a link, where files can be hosted; 0: none
	Crowd       int      `toml:"crowd"`       // in larger channels who comes and goes is told together

	Limits
	Origin

	Network map[string]NetworkOptions `toml:"network"`
}

// NetworkOptions are the table [component.irc.network.NAME]. What is left out
// is as in Options.
type NetworkOptions struct {
	Address       string           `toml:"address"` // host, host:port or wss://host:port/path
	TLS           *bool            `toml:"tls"`     // left out: true
	TLSCAFile     string           `toml:"tls_ca_file"`
	TLSServerName string           `toml:"tls_server_name"`
	Password      transport.Secret `toml:"password"` // for PASS
	Nick          string           `toml:"nick"`     // for links that no room was joined on
	Username      string           `toml:"username"`
	RealName      string           `toml:"real_name"`
	Encoding      string           `toml:"encoding"`
	Throttle      *Throttle        `toml:"throttle"` // without an interval: that of Options

	NetworkLimits
	NetworkOrigin
}

// A Throttle lets Burst lines through at once, then one per Interval.
type Throttle struct {
	Burst    int           `toml:"burst"` // 0: no limit
	Interval time.Duration `toml:"interval"`
}

// Defaults are the options where the config says nothing.
func Defaults() *Options {
	return &Options{
		Name:        "IRC",
		Record:      true,
		TLSPorts:    []int{portTLS, portTLSOther},
		QuitMessage: "Gatehouse",
		Encoding:    "windows-1252",
		Throttle:    Throttle{Burst: 10, Interval: defaultInterval},
		PasteAbove:  10,
		Crowd:       300,
		Limits:      defaultLimits(),
	}
}

// Check implements transport.Options.
func (o *Options) Check() error {
	_, err := o.build()
	return err
}

// New implements transport.Options.
func (o *Options) New(env transport.Env) (transport.Network, error) {
	n, err := o.build()
	if err != nil {
		return nil, err
	}
	n.files = env.Files
	n.log, n.settings, n.records, n.veil = env.Log, env.Settings, env.Records, env.Secret
	if n.veil == nil {
		n.veil = make(veil, 32)
		rand.Read(n.veil)
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.sts.load(n.records, n.log)
	return n, nil
}

func (o *Options) build() (*network, error) {
	n := &network{
		name: o.Name, any: o.AnyNetwork, allow: o.Allow, deny: o.Deny, quitMessage: o.QuitMessage, crowd: o.Crowd,
		servers: make(map[string]*server), hosts: make(map[string][]*server), found: make(map[string]*server),
	}
	for key, patterns := range map[string][]string{"allow_networks": o.Allow, "deny_networks": o.Deny} {
		for _, p := range patterns {
			if _, err := path.Match(p, ""); err != nil || p != strings.ToLower(p) {
				return nil, blame(key, "%q is not a pattern of lower-case host names such as *.example.org", p)
			}
		}
	}
	for _, text := range o.AllowPrivate {
		p, err := guarded.ParseRange(text)
		if err != nil {
			return nil, blame("allow_private", "%q is not an address range such as 127.0.0.0/8", text)
		}
		n.allowPrivate = append(n.allowPrivate, p)
	}
	if o.PasteAbove < 0 {
		return nil, blame("paste_above", "must be 0 (never) or more")
	}
	n.pasteAbove = o.PasteAbove
	if o.Crowd < 0 {
		return nil, blame("crowd", "must be 0 (never) or more")
	}
	if err := o.Throttle.check("throttle"); err != nil {
		return nil, err
	}
	if err := o.Limits.check(); err != nil {
		return nil, err
	}
	var err error
	if n.origin, err = o.Origin.read(); err != nil {
		return nil, err
	}
	n.limits, n.linked = o.Limits, make(map[string]int)
	if n.encoding, err = findEncoding(o.Encoding); err != nil {
		return nil, blame("encoding", "%v", err)
	}
	n.throttle, n.realName = o.Throttle, o.RealName
	n.persistent, n.record, n.namesFixed = o.Persistent, o.Record, o.FixedNames
	for _, list := range []struct {
		key   string
		ports []int
		tls   bool
	}{{"tls_ports", o.TLSPorts, true}, {"ports", o.Ports, false}} {
		for _, port := range list.ports {
			if port < 1 || port > 65535 {
				return nil, blame(list.key, "%d is not a port", port)
			}
			n.doors = append(n.doors, door{port, list.tls})
		}
	}
	for name, no := range o.Network {
		s, err := o.server(name, no, n)
		if err != nil {
			return nil, err
		}
		n.servers[name] = s
		n.hosts[s.host] = append(n.hosts[s.host], s)
	}
	switch {
	case o.FixedNetwork != "" && n.servers[o.FixedNetwork] == nil:
		return nil, blame("fixed_network", "there is no network %q: add it as [component.irc.network.%s] with its address, or name one that is there", o.FixedNetwork, o.FixedNetwork)
	case o.FixedNetwork != "" && o.AnyNetwork:
		return nil, blame("any_network", "can't be true with fixed_network; remove one")
	case len(n.servers) == 0 && !o.AnyNetwork:
		return nil, blame("network", `name at least one network, as in [component.irc.network.libera] with address = "irc.libera.chat", or set any_network = true`)
	}
	if n.any && len(n.doors) == 0 {
		return nil, blame("tls_ports", "with any_network there must be a port, such as 6697")
	}
	n.fixed = n.servers[o.FixedNetwork]
	return n, nil
}

// server checks one table and makes of it what links need.
func (o *Options) server(name string, no NetworkOptions, n *network) (*server, error) {
	key := func(k string) string { return "network." + name + "." + k }
	if !validServerName(name) {
		return nil, blame("network."+name, "a network's name is of lower-case letters, digits, '.' and '-'")
	}
	s := &server{
		name: name, configured: true, encoding: n.encoding, throttle: o.Throttle, password: no.Password,
		nick: no.Nick, username: no.Username, realName: no.RealName,
	}
	if s.realName == "" {
		s.realName = o.RealName
	}
	var err error
	if s.connects, s.maxChannels, err = o.Limits.of(no.NetworkLimits, key); err != nil {
		return nil, err
	}
	if err := no.NetworkOrigin.read(s, n.origin, key); err != nil {
		return nil, err
	}
	if s.nick != "" && !validNick(s.nick) {
		return nil, blame(key("nick"), "%q can't be a nick", s.nick)
	}
	if strings.ContainsAny(s.username, " @!:\r\n\x00") {
		return nil, blame(key("username"), "%q can't be a user name", s.username)
	}
	secure := no.TLS == nil || *no.TLS
	if err := s.setAddress(no.Address, secure); err != nil {
		return nil, blame(key("address"), "%v", err)
	}
	if secure {
		s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
		if no.TLSServerName != "" {
			s.tls.ServerName = no.TLSServerName
		}
		if no.TLSCAFile != "" {
			pem, err := os.ReadFile(no.TLSCAFile)
			if err != nil {
				return nil, blame(key("tls_ca_file"), "%v", err)
			}
			s.tls.RootCAs = x509.NewCertPool()
			if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
				return nil, blame(key("tls_ca_file"), "%s holds no PEM certificate", no.TLSCAFile)
			}
		}
	}
	if no.Encoding != "" {
		var err error
		if s.encoding, err = findEncoding(no.Encoding); err != nil {
			return nil, blame(key("encoding"), "%v", err)
		}
	}
	if no.Throttle != nil {
		s.throttle = *no.Throttle
		if s.throttle.Interval == 0 {
			s.throttle.Interval = o.Throttle.Interval
		}
		if err := s.throttle.check(key("throttle")); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (t Throttle) check(key string) error {
	switch {
	case t.Burst < 0:
		return blame(key+".burst", "must be 0 (no limit) or more")
	case t.Burst > 0 && t.Interval <= 0:
		return blame(key+".interval", `must be a time such as "2s"`)
	}
	return nil
}

func (s *server) setAddress(address string, secure bool) error {
	if address == "" {
		return fmt.Errorf(`is missing; write a host or host:port such as "irc.libera.chat:6697"`)
	}
	if a, is, problem := readSocket(address); is {
		switch {
		case problem != "":
			return fmt.Errorf("%q %s", address, problem)
		case a.tls != secure:
			return fmt.Errorf(`%q and tls = %v don't fit: wss:// is with TLS, ws:// without`, address, secure)
		case !validServerName(a.host) && !isIP(a.host):
			return fmt.Errorf("%q is not a host name", a.host)
		}
		s.host, s.socket, s.doors = a.host, a.path, []door{{a.port, a.tls}}
		return nil
	}
	port := portPlain
	if secure {
		port = portTLS
	}
	s.host = strings.ToLower(address)
	defer func() { s.doors = []door{{port, secure}} }()
	if ip, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		s.host = ip.String()
		return nil
	}
	if host, text, err := net.SplitHostPort(s.host); err == nil {
		if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%q is not a port", text)
		}
		s.host = host
	}
	if _, err := netip.ParseAddr(s.host); err != nil && !validServerName(s.host) {
		return fmt.Errorf("%q is not a host name", s.host)
	}
	return nil
}

func blame(key, problem string, args ...any) error {
	return &transport.OptionError{Key: key, Problem: fmt.Sprintf(problem, args...)}
}
