package irc

import (
	"strings"
	"unique"
)

// hostPrefix begins an identity that is somebody's host.
const hostPrefix = "host:"

// A source is who somebody is on the network: their nick, and their host once it
// is known. The two lie in one string, the host as the identity that it makes:
// a string that all links share costs more than everything else that is kept of
// somebody in a large channel.
type source struct {
	names unique.Handle[string] // the nick, and behind it their hostIdentity
	cut   uint32                // where the nick ends
}

// newSource takes "user@host", or "" while that is not known.
func newSource(nick, host string) source {
	names := nick
	if host != "" {
		names = nick + hostPrefix + host
	}
	return source{unique.Make(names), uint32(len(nick))}
}

func (s source) nick() string { return s.names.Value()[:s.cut] }

// host is "user@host", or "" while that is not known.
func (s source) host() string { return strings.TrimPrefix(s.hostIdentity(), hostPrefix) }

// hostIdentity is the host as an identity, but as the network spells it; "" while
// it is not known.
func (s source) hostIdentity() string { return s.names.Value()[s.cut:] }
