package irc

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

const (
	defaultChantypes = "#&" // until the server has told its own
	maxChannelBytes  = 200  // RFC 2812 §1.3
	maxNickBytes     = 100
)

// Resolve implements transport.Network. An address is in lower case, as XMPP
// has it anyway (RFC 7622 §3.3): which other characters are the same to a
// server is known only to the link, whose spelling counts on the wire.
func (n *network) Resolve(text string) (transport.Address, transport.Kind, error) {
	if !utf8.ValidString(text) {
		return "", 0, n.badAddress(text)
	}
	text = strings.ToLower(text)
	if s, ok := n.anybodyOn(text); ok {
		return n.anybody(s), transport.Person, nil
	}
	name, s, err := n.parse(text)
	if err != nil {
		return "", 0, err
	}
	switch {
	case name == "":
		return n.address(s, ""), transport.Server, nil
	case s.isChannel(name):
		if !validChannel(name) {
			return "", 0, n.badAddress(text)
		}
		return n.addressed(text, s, name), transport.Room, nil
	case !validNick(name):
		return "", 0, n.badAddress(text)
	}
	return n.addressed(text, s, name), transport.Person, nil
}

// parse splits an address at the last %: channel names may have one, server
// names not. An empty name means the server itself.
func (n *network) parse(text string) (name string, s *server, err error) {
	i := strings.LastIndexByte(text, '%')
	if n.fixed != nil {
		switch {
		case text == "":
			return "", nil, n.badAddress(text)
		case i > 0 && n.server(text[i+1:]) == n.fixed:
			return text[:i], n.fixed, nil
		case text == n.fixed.name, text == n.fixed.host:
			return "", n.fixed, nil
		}
		return text, n.fixed, nil
	}
	switch {
	case text == "", i == 0, i == len(text)-1:
		return "", nil, n.badAddress(text)
	case i > 0:
		name = text[:i]
	}
	host := text[i+1:]
	if s = n.server(host); s != nil {
		return name, s, nil
	}
	// "juliet" lacks a network; "juliet%nowhere" and "irc.example.org" name
	// one that is not to be had.
	if i < 0 && !isHostName(host) {
		return "", nil, n.badAddress(text)
	}
	return "", nil, n.unknownNetwork(host)
}

// address is the one spelling of a name on a server; the server's own with an
// empty name.
func (n *network) address(s *server, name string) transport.Address {
	name = strings.ToLower(name)
	switch {
	case name == "":
		return transport.Address(s.name)
	case s == n.fixed && name != s.name && name != s.host: // those stand for the server
		return transport.Address(name)
	}
	return transport.Address(name + "%" + s.name)
}

// addressed is address for a text that may be the very same.
func (n *network) addressed(text string, s *server, name string) transport.Address {
	if s != n.fixed && len(text) == len(name)+len("%")+len(s.name) && strings.HasSuffix(text, s.name) && name != "" {
		return transport.Address(text)
	}
	return n.address(s, name)
}

// Names implements transport.Namer.
func (n *network) Names(a transport.Address) (short, long string) {
	name, s, err := n.split(a)
	switch {
	case err != nil:
		return string(a), string(a)
	case name == "":
		return s.name, s.host
	}
	return name, name + " on " + s.host
}

// split is the way back from address. The address must be one of Resolve's.
func (n *network) split(a transport.Address) (name string, s *server, err error) {
	return n.parse(string(a))
}

func (n *network) example(name string) transport.Address {
	if n.fixed != nil {
		return transport.Address(name)
	}
	if names := n.names(); len(names) > 0 {
		return transport.Address(name + "%" + names[0])
	}
	return transport.Address(name + "%irc.example.org")
}

func (n *network) names() []string {
	var names []string
	for name := range n.servers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (n *network) badAddress(text string) error {
	return &transport.Error{Reason: transport.BadAddress, Text: fmt.Sprintf(
		"%q is not an address here. A channel is written like %s and a person like %s.",
		clean(text), n.example("#garden"), n.example("juliet"))}
}

func (n *network) unknownNetwork(name string) error {
	text := fmt.Sprintf("There is no network %q here.", clean(name))
	if names := n.names(); len(names) > 0 {
		text += " There is " + strings.Join(names, ", ") + "."
	}
	if n.any && !isHostName(name) {
		text += " Any server's host name will do as well."
	}
	return &transport.Error{Reason: transport.NotFound, Text: text}
}

func isOneOf(name, types string) bool {
	return name != "" && strings.IndexByte(types, name[0]) >= 0
}

// validChannel follows RFC 2812 §2.3.1 (chanstring), with ':' allowed as
// servers do.
func validChannel(name string) bool {
	return len(name) > 0 && len(name) <= maxChannelBytes && !strings.ContainsAny(name, " ,") && printable(name)
}

// validNick refuses what would be something else on the wire. Whether the
// rest can be a nick is the server's to say.
func validNick(nick string) bool {
	return nick != "" && len(nick) <= maxNickBytes && !strings.ContainsAny(nick, " ,*?!@%:#&$+~.\"<>") && printable(nick)
}

func printable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) || !xmlRune(r) {
			return false
		}
	}
	return true
}

// validServerName has the characters of host names and of the config's names.
func validServerName(name string) bool {
	if name == "" || len(name) > 253 || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// isHostName tells a host's name from a nick and from an IP address.
func isHostName(name string) bool {
	i := strings.LastIndexByte(name, '.')
	return i > 0 && i < len(name)-1 && !(name[i+1] >= '0' && name[i+1] <= '9')
}
