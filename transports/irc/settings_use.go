package irc

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"maps"
	"path"
	"strconv"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"gatehouse/gateway/transport"
)

// linkSettings are what holds for a link: what the user set for the server,
// or else what the config says. They are made anew for every connection, and
// never changed.
type linkSettings struct {
	host    string
	doors   []door
	socket  string      // the path of the WebSocket there; empty: it is none
	chosen  bool        // by the user, so it must be public
	strange bool        // not shown the config's secrets
	tls     *tls.Config // often shared, so never changed; nil: see tlsConfig
	pass    transport.Secret
	nick    string
	user    string // for USER
	real    string
	sasl    saslSettings
	cert    *tls.Certificate
	recover string // how to get the nick back; see the setting nick_recovery

	face      face
	faces     map[string]string // what others are told of the user, by METADATA's keys; "-": nothing any more
	bot       bool
	follow    bool     // the user's profile on XMPP
	names     bool     // may be the user's own
	commands  []string // after connecting
	throttle  Throttle
	in        encoding.Encoding
	out       encoding.Encoding // nil: UTF-8
	occupants string            // who is shown in channels: allOccupants or seenOccupants
}

// saslSettings are how a user logs in.
type saslSettings struct {
	mechanism string // "auto", "none" or one of them
	login     string // empty: the nick
	password  transport.Secret
	optional  bool // go on when it is refused
	nickServ  bool // and ask NickServ where there is no SASL
}

// roomSettings are what holds for one channel.
type roomSettings struct {
	in, out   encoding.Encoding // nil: the link's
	occupants string            // empty: the link's
}

// settingsOf reads what the user set, from the disk.
func (s *session) settingsOf(at transport.Address) (transport.Values, error) {
	if s.network.settings == nil {
		return nil, nil
	}
	return s.network.settings.Of(s.account.User, at)
}

// linkSettings reads what holds for a server, from the disk.
func (s *session) linkSettings(srv *server) (*linkSettings, error) {
	v, err := s.settingsOf(s.network.address(srv, ""))
	if err != nil {
		return nil, err
	}
	set := s.network.linkSettings(srv, v)
	set.face = s.network.faceOf(s.account.User, srv)
	return set, nil
}

// roomSettings reads what holds for a channel, from the disk.
func (s *session) roomSettings(room transport.Address) (roomSettings, error) {
	v, err := s.settingsOf(room)
	if err != nil {
		return roomSettings{}, err
	}
	set := roomSettings{in: encodingSet(v, "encoding_in"), out: encodingSet(v, "encoding_out")}
	if who := v.Get(occupantsSetting); who != "unset" {
		set.occupants = who
	}
	return set, nil
}

// linkSettings lays what was set over the config. Values come from
// CheckSettings; one that is wrong all the same is as if it were not set.
func (n *network) linkSettings(s *server, v transport.Values) *linkSettings {
	set := &linkSettings{
		host: s.host, doors: s.doors, socket: s.socket, pass: s.password, nick: s.nick, user: s.username, real: s.realName,
		throttle: s.throttle, in: s.encoding,
		recover: "wait",
		sasl:    saslSettings{mechanism: "auto"},
	}
	set.route(n, s, v)
	if pass := v.Get("pass"); pass != "" {
		set.pass = transport.NewSecret(pass)
	}
	override := func(field *string, name string) {
		if value := v.Get(name); value != "" {
			*field = value
		}
	}
	override(&set.nick, "nick")
	if !n.namesFixed {
		override(&set.user, "username")
		override(&set.real, "realname")
	}
	override(&set.recover, "nick_recovery")
	override(&set.occupants, occupantsSetting)
	override(&set.sasl.mechanism, "sasl_mechanism")
	set.sasl.login = v.Get("sasl_login")
	set.sasl.password = transport.NewSecret(v.Get("sasl_password"))
	set.sasl.optional = v.Get("sasl_required") == "false"
	set.sasl.nickServ = v.Get("nickserv") == "true"
	set.commands = v["after_connect_commands"]
	set.showFaces(n, v)
	if limit, err := strconv.Atoi(v.Get("throttle_limit")); err == nil {
		set.throttle.Burst = max(limit, 1)
		if limit < 0 {
			set.throttle.Burst = 0
		}
	}
	if f, err := strconv.ParseFloat(v.Get("throttle_interval"), 64); err == nil {
		set.throttle.Interval = time.Duration(f * float64(time.Second))
	}
	if set.throttle.Interval <= 0 {
		set.throttle.Interval = defaultInterval
	}
	if in := encodingSet(v, "encoding_in"); in != nil {
		set.in = in
	}
	set.out = encodingSet(v, "encoding_out")
	return set
}

// route says where to connect to and whom to trust there.
func (set *linkSettings) route(n *network, s *server, v transport.Values) {
	if host := v.Get("address"); host != "" && n.any && n.fixed == nil {
		set.host, set.socket, set.chosen = host, "", true
		if a, is, _ := readSocket(host); is {
			set.host, set.socket = a.host, a.path
			v = maps.Clone(v)
			v["tls_ports"], v["ports"] = []string{strconv.Itoa(a.port)}, nil
		}
	}
	portsSet := false
	var doors []door
	for _, list := range []struct {
		name string
		tls  bool
	}{{"tls_ports", true}, {"ports", false}} {
		ports, ok := v[list.name]
		portsSet = portsSet || ok
		if !ok {
			ports = s.standardPorts(list.tls)
		}
		for _, text := range ports {
			if port, err := strconv.Atoi(text); err == nil {
				doors = append(doors, door{port, list.tls})
			}
		}
	}
	if len(doors) == 0 {
		doors, portsSet = s.doors, false
	}
	set.doors = doors
	set.chosen = set.chosen || portsSet
	set.tls = s.tls
	if s.tls != nil && set.host != s.host {
		set.trust(func(c *tls.Config) { c.ServerName = set.host })
	}
	unverified := v.Get("verify_cert") == "false"
	if pin := v.Get("fingerprint"); pin != "" {
		set.trust(func(c *tls.Config) {
			c.InsecureSkipVerify = true
			c.VerifyConnection = pinned(fingerprintBytes(pin))
		})
	} else if unverified {
		set.trust(func(c *tls.Config) { c.InsecureSkipVerify = true })
	}
	if cert, err := readCertificate(v.Get(certificateSetting)); err == nil && cert != nil {
		set.cert = cert
		// Offered whichever authorities the server names: it is known by its
		// fingerprint.
		set.trust(func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
		})
	}
	if set.chosen || unverified {
		set.strange = true
		set.pass = transport.Secret{} // the config's, which is for its own server
	}
}

// trust changes a copy of what holds for TLS, which is then the user's own.
func (set *linkSettings) trust(change func(*tls.Config)) {
	set.tls = set.tlsConfig().Clone()
	change(set.tls)
}

// tlsConfig is not to be changed.
func (set *linkSettings) tlsConfig() *tls.Config {
	if set.tls != nil {
		return set.tls
	}
	return &tls.Config{ServerName: set.host, MinVersion: tls.VersionTLS12}
}

var errPin = errors.New("the certificate is not the one whose fingerprint was given")

// pinned accepts one certificate only.
func pinned(pin []byte) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errPin
		}
		der := state.PeerCertificates[0].Raw
		var sum []byte
		switch len(pin) {
		case sha1.Size:
			s := sha1.Sum(der)
			sum = s[:]
		case sha256.Size:
			s := sha256.Sum256(der)
			sum = s[:]
		case sha512.Size:
			s := sha512.Sum512(der)
			sum = s[:]
		}
		if sum == nil || !bytes.Equal(sum, pin) {
			return errPin
		}
		return nil
	}
}

// encodingSet gives the encoding that was set; nil: none was.
func encodingSet(v transport.Values, name string) encoding.Encoding {
	label := v.Get(name)
	if label == "" {
		return nil
	}
	e, err := findEncoding(label)
	if err != nil {
		return nil
	}
	return e
}

// isUTF8 tells the encoding that nothing need be done for.
func isUTF8(e encoding.Encoding) bool { return e == nil || e == unicode.UTF8 }

// mayConnect says whether the user may choose the host.
func (n *network) mayConnect(host string) bool {
	if isHostName(host) {
		return n.allowed(host)
	}
	for _, p := range n.allow {
		if ok, _ := path.Match(p, host); ok {
			return true
		}
	}
	return len(n.allow) == 0 && len(n.deny) == 0 // names say nothing of addresses
}
