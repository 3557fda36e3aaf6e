package irc

import (
	"time"

	"gatehouse/gateway/transport"
)

// Limits are how people share what there is: part of the table
// [component.irc].
type Limits struct {
	ConnectRate        Throttle `toml:"connect_rate"` // connections to one server, of all people together
	MaxUsers           int      `toml:"max_users"`    // people who have connections; 0: no limit
	MaxNetworks        int      `toml:"max_networks"` // that one person is connected to
	MaxChannels        int      `toml:"max_channels"` // that one person is in
	MaxNetworkChannels int      `toml:"max_channels_per_network"`

	ReconnectGrace  time.Duration `toml:"reconnect_grace"`   // how long channels are kept while there is no connection
	RejoinAfterKick time.Duration `toml:"rejoin_after_kick"` // 0: never
	IdleAfter       time.Duration `toml:"idle_after"`        // then who did nothing is disconnected; 0: never
}

// NetworkLimits are those of one network: part of [component.irc.network.NAME].
type NetworkLimits struct {
	ConnectRate *Throttle `toml:"connect_rate"` // without an interval: that of Limits
	MaxChannels int       `toml:"max_channels"` // 0: as in Limits
}

// mostChannels is as many as the gateway keeps for one person.
const mostChannels = 500

func defaultLimits() Limits {
	return Limits{
		ConnectRate: Throttle{Burst: 10, Interval: 2 * time.Second},
		MaxNetworks: 32, MaxChannels: mostChannels, MaxNetworkChannels: mostChannels,
		ReconnectGrace: 15 * time.Minute,
	}
}

func (o Limits) check() error {
	for _, n := range []struct {
		key         string
		value       int
		least, most int
	}{
		{"max_users", o.MaxUsers, 0, 1_000_000}, {"max_networks", o.MaxNetworks, 1, 1000},
		{"max_channels", o.MaxChannels, 1, mostChannels}, {"max_channels_per_network", o.MaxNetworkChannels, 1, mostChannels},
	} {
		if n.value < n.least || n.value > n.most {
			return blame(n.key, "must be a number from %d to %d", n.least, n.most)
		}
	}
	for _, d := range []struct {
		key         string
		value       time.Duration
		off         bool // 0 is right
		least, most time.Duration
	}{
		{"reconnect_grace", o.ReconnectGrace, true, time.Second, 7 * 24 * time.Hour},
		{"rejoin_after_kick", o.RejoinAfterKick, true, 5 * time.Second, time.Hour},
		{"idle_after", o.IdleAfter, true, time.Hour, 10 * 365 * 24 * time.Hour},
	} {
		if !(d.off && d.value == 0) && (d.value < d.least || d.value > d.most) {
			return blame(d.key, `must be "0s", or a time from %v to %v`, d.least, d.most)
		}
	}
	return o.ConnectRate.check("connect_rate")
}

// of gives the limits of one network.
func (o Limits) of(n NetworkLimits, key func(string) string) (connects Throttle, channels int, err error) {
	connects, channels = o.ConnectRate, o.MaxNetworkChannels
	if n.ConnectRate != nil {
		connects = *n.ConnectRate
		if connects.Interval == 0 {
			connects.Interval = o.ConnectRate.Interval
		}
		if err := connects.check(key("connect_rate")); err != nil {
			return connects, channels, err
		}
	}
	if n.MaxChannels != 0 {
		channels = n.MaxChannels
	}
	if channels < 1 || channels > mostChannels {
		return connects, channels, blame(key("max_channels"), "must be a number from 1 to %d", mostChannels)
	}
	return connects, channels, nil
}

// admit counts a link of a user's, unless there are too many users.
func (n *network) admit(user string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.limits.MaxUsers > 0 && n.linked[user] == 0 && len(n.linked) >= n.limits.MaxUsers {
		return refuse(transport.TooMany, "This gateway has as many users as it can serve just now. Try again later.")
	}
	n.linked[user]++
	return nil
}

// dismiss is called when a link has ended.
func (n *network) dismiss(user string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.linked[user]--; n.linked[user] <= 0 {
		delete(n.linked, user)
	}
}

// roomFor says whether the user may join one more channel of a server. It needs
// mu.
func (s *session) roomFor(srv *server, name string) error {
	inAll, there := 0, 0
	for other, l := range s.links {
		inAll += len(l.channels)
		if other == srv {
			there = len(l.channels)
			if l.channel(name) != nil {
				return nil // they are in it
			}
		}
	}
	switch {
	case there >= srv.maxChannels:
		return refuse(transport.TooMany, "You are in %d channels of %s; there can't be more. Leave one first.", there, srv.name)
	case inAll >= s.network.limits.MaxChannels:
		return refuse(transport.TooMany, "You are in %d channels; there can't be more. Leave one first.", inAll)
	}
	return nil
}
