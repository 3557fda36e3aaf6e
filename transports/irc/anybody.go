package irc

import (
	"strings"

	"gatehouse/gateway/transport"
)

// Some servers have nicks of which no address can be made. "%libera" is anybody
// there, as with biboumi: %libera@irc.example.org/N@ck says who.

// anybody is the address of all those on a server.
func (n *network) anybody(s *server) transport.Address { return transport.Address("%" + s.name) }

// anybodyOn gives the server of such an address.
func (n *network) anybodyOn(text string) (s *server, ok bool) {
	name, ok := strings.CutPrefix(text, "%")
	if !ok || name == "" {
		return nil, false
	}
	s = n.server(name)
	return s, s != nil && (n.fixed == nil || n.fixed == s)
}

// validTarget says that a PRIVMSG to the nick is for that one person, whether or
// not there is an address for them.
func (l *link) validTarget(nick string) bool {
	return nick != "" && len(nick) <= maxNickBytes && !strings.ContainsAny(nick, " ,*?!") && printable(nick) &&
		!isOneOf(nick, ":$#&@+~%") && !l.isChannel(nick)
}
