package irc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"gatehouse/component/socket"
	"gatehouse/gateway/transport"
)

// Origin is where connections come from and as whom: part of the table
// [component.irc].
type Origin struct {
	Bind       string `toml:"bind"`          // address that connections are made from
	IPv6Prefix string `toml:"ipv6_prefix"`   // each person's own address is out of it
	Identd     string `toml:"identd"`        // listens here for questions of IRC servers (RFC 1413)
	HideUser   bool   `toml:"username_hash"` // the user name is the one that identd tells
}

// NetworkOrigin is that of one network: part of [component.irc.network.NAME].
type NetworkOrigin struct {
	Bind          string           `toml:"bind"`
	WebIRC        transport.Secret `toml:"webirc_password"` // lets us tell the server people's addresses
	WebIRCGateway string           `toml:"webirc_gateway"`
	WebIRCDomain  string           `toml:"webirc_domain"` // people's hosts are names below it
}

const defaultWebIRCGateway = "gatehouse"

// origin is Origin, read.
type origin struct {
	bind     netip.Addr   // zero: any
	prefix   netip.Prefix // zero: none
	identd   string
	hideUser bool
}

func (o Origin) read() (r origin, err error) {
	if r.bind, err = readBind("bind", o.Bind); err != nil {
		return r, err
	}
	if o.IPv6Prefix != "" {
		r.prefix, err = netip.ParsePrefix(o.IPv6Prefix)
		if err != nil || !r.prefix.Addr().Is6() || r.prefix.Addr().Is4In6() || r.prefix.Bits() > 112 {
			return r, blame("ipv6_prefix", `%q is not a range of IPv6 addresses with room for everybody, such as "2001:db8:1:2::/64"`, o.IPv6Prefix)
		}
		r.prefix = r.prefix.Masked()
	}
	if o.Identd != "" {
		if _, port, err := net.SplitHostPort(o.Identd); err != nil || port == "" || strings.ContainsAny(o.Identd, " /") {
			return r, blame("identd", `%q is not host:port: write it as in ":113"`, o.Identd)
		}
	}
	r.identd, r.hideUser = o.Identd, o.HideUser
	return r, nil
}

func readBind(key, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, blame(key, `%q is not an IP address of this machine, such as "192.0.2.1"`, text)
	}
	return a, nil
}

// A webirc is how a server is told who somebody is (IRCv3 WEBIRC).
type webirc struct {
	password transport.Secret // zero: it isn't
	gateway  string
	domain   string
}

// read puts what a network's table says into its server.
func (o NetworkOrigin) read(s *server, of origin, key func(string) string) (err error) {
	s.bind = of.bind
	if o.Bind != "" {
		if s.bind, err = readBind(key("bind"), o.Bind); err != nil {
			return err
		}
	}
	s.webirc = webirc{o.WebIRC, o.WebIRCGateway, strings.ToLower(o.WebIRCDomain)}
	if s.webirc.gateway == "" {
		s.webirc.gateway = defaultWebIRCGateway
	}
	switch password := o.WebIRC.Reveal(); {
	case password == "" && (o.WebIRCGateway != "" || o.WebIRCDomain != ""):
		return blame(key("webirc_password"), "is missing: webirc_gateway and webirc_domain have no effect without it")
	case strings.ContainsAny(password, " \r\n\x00") || strings.HasPrefix(password, ":"):
		return blame(key("webirc_password"), "must be one word that does not begin with a colon")
	case strings.ContainsAny(s.webirc.gateway, " \r\n\x00") || strings.HasPrefix(s.webirc.gateway, ":"):
		return blame(key("webirc_gateway"), "%q is not one word", o.WebIRCGateway)
	case o.WebIRCDomain != "" && (!validServerName(s.webirc.domain) || len(s.webirc.domain) > 50):
		return blame(key("webirc_domain"), "%q is not a domain of at most 50 characters", o.WebIRCDomain)
	}
	return nil
}

// A face is what a server sees of a user before they have a nick.
type face struct {
	ident string
	own   netip.Addr // the user's address; zero: there are no own ones
	ip    string     // for WEBIRC
	host  string
}

func (n *network) faceOf(user string, s *server) face {
	f := face{ident: n.veil.ident(user, s.name)}
	prefix := n.origin.prefix
	if prefix.IsValid() {
		f.own = n.veil.address(prefix, user)
	} else {
		prefix = n.veil.localPrefix()
	}
	f.ip = n.veil.address(prefix, user).StringExpanded()
	if f.host = f.ip; s.webirc.domain != "" {
		f.host = f.ident + "." + s.webirc.domain
	}
	return f
}

// dialFrom dials from the user's own address if the host has any of its kind,
// and else from that of the config.
func (n *network) dialFrom(ctx context.Context, d net.Dialer, s *server, f face, to string) (net.Conn, error) {
	registered := n.idents.dialling(f.ident)
	from := s.bind
	if f.own.IsValid() {
		from = f.own
	}
	conn, err := dialFrom(ctx, d, from, to)
	if f.own.IsValid() && isWrongFamily(err) {
		conn, err = dialFrom(ctx, d, s.bind, to)
	}
	if err != nil {
		registered(nil)
		return nil, err
	}
	return registered(socket.Prompt(conn)), nil // servers leave Nagle's algorithm on
}

func dialFrom(ctx context.Context, d net.Dialer, from netip.Addr, to string) (net.Conn, error) {
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		guard := d.Control
		d.Control = func(network, address string, c syscall.RawConn) error {
			if guard != nil {
				if err := guard(network, address, c); err != nil {
					return err
				}
			}
			return freeBind(c, from)
		}
	}
	return d.DialContext(ctx, "tcp", to)
}

// isWrongFamily says that the host has no address that can be reached from the
// one that was to be used.
func isWrongFamily(err error) bool {
	e, ok := errors.AsType[*net.AddrError](err)
	return ok && strings.HasPrefix(e.Err, "no suitable address")
}

// introduce tells the server who we speak for, before anything else (IRCv3
// WEBIRC). Only a server of the config gets the password. It needs mu.
func (l *link) introduce() {
	w := l.server.webirc
	if !w.password.IsZero() && !l.set.strange {
		l.sendNow("WEBIRC", w.password.Reveal(), w.gateway, l.set.face.host, l.set.face.ip)
	}
}
