package irc

import (
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
)

var _ transport.Recording = (*network)(nil)

// Records implements transport.Recording by the settings record_history, of the
// channel before that for all of IRC and the config's, and max_history_length,
// of the server before that for all. What is said to services is never kept:
// there are passwords in it.
func (n *network) Records(user string, at transport.Address) (transport.Record, error) {
	record := transport.Record{Keep: n.record}
	record.AtJoin, _ = strconv.Atoi(defaultHistory)
	name, server, err := n.split(at)
	if err != nil {
		return transport.Record{}, err
	}
	if name == "" || isServices(name) {
		return transport.Record{}, nil
	}
	if n.settings == nil {
		return record, nil
	}
	for _, place := range []transport.Address{"", n.address(server, ""), at} {
		values, err := n.settings.Of(user, place)
		if err != nil {
			return transport.Record{}, err
		}
		switch values.Get("record_history") {
		case "true":
			record.Keep = true
		case "false":
			record.Keep = false
		}
		if most, err := strconv.Atoi(values.Get("max_history_length")); err == nil && most >= 0 {
			record.AtJoin = most
		}
	}
	return record, nil
}

// isServices knows the nicks that networks give to services.
func isServices(nick string) bool {
	nick = strings.ToLower(nick)
	return strings.HasSuffix(nick, "serv") || nick == "q" || nick == "x" || nick == "l" || nick == "services"
}
