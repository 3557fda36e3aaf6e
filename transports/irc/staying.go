package irc

import (
	"gatehouse/gateway/transport"
)

var _ transport.Staying = (*network)(nil)

// Stays implements transport.Staying: what is set for the channel holds, else
// what is set for the whole network, else the config's persistent_by_default.
func (n *network) Stays(user string, room transport.Address) bool {
	if n.settings == nil {
		return n.persistent
	}
	for _, at := range []transport.Address{room, ""} {
		v, err := n.settings.Of(user, at)
		if err != nil {
			n.log.Error("a user's settings can't be read", "user", user, "err", err)
			continue
		}
		switch v.Get("persistent") {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return n.persistent
}
