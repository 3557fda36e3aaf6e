package irc

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Links implements transport.Links.
func (s *session) Links() []transport.LinkInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []transport.LinkInfo
	for _, l := range s.links {
		infos = append(infos, l.info())
	}
	slices.SortFunc(infos, func(a, b transport.LinkInfo) int { return strings.Compare(string(a.Server), string(b.Server)) })
	return infos
}

// info needs mu.
func (l *link) info() transport.LinkInfo {
	i := transport.LinkInfo{Server: l.address, Up: l.phase == online}
	for _, ch := range l.channels {
		if ch.state == joined {
			i.Rooms = append(i.Rooms, ch.address)
		}
	}
	slices.Sort(i.Rooms)
	say := func(format string, args ...any) { i.Lines = append(i.Lines, fmt.Sprintf(format, args...)) }
	switch l.phase {
	case connecting:
		say("Connecting to %s.", l.set.host)
	case waiting:
		say("There is no connection to %s just now; it is being made again.", l.set.host)
	case online:
		since := time.Since(l.upSince).Round(time.Second)
		say("Connected to IRC server %s on port %d (%s) since %s (%d seconds ago).",
			l.set.host, l.door.port, l.encryption(), l.upSince.UTC().Format("2006-01-02 15:04:05"), int(since.Seconds()))
		say("Your nick is %s.", l.nick)
		if l.account != "" {
			say("You are logged in as %s.", l.account)
		}
		if l.set.cert != nil {
			say("%s", "You have a client certificate. "+fingerprints(l.set.cert))
		}
	}
	return i
}

func (l *link) encryption() string { return encryption(l.conn) }

func encryption(conn net.Conn) string {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return "without TLS"
	}
	return "using " + tls.VersionName(secure.ConnectionState().Version)
}

// Disconnect implements transport.Links.
func (s *session) Disconnect(at transport.Address, reason string) error {
	_, srv, err := s.network.split(at)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l := s.links[srv]
		if l == nil {
			return refuse(transport.NotJoined, "There is no connection to %s.", srv.name)
		}
		l.disconnect(reason)
		return nil
	})
}

// disconnect ends the link for good, and tells all that waited for it.
func (l *link) disconnect(reason string) {
	why := refuse(transport.Unreachable, "The connection to %s was ended.", l.server.name)
	l.failPendings(why)
	l.listed(why)
	for _, ch := range l.channels {
		l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Parted, Reason: reason})
	}
	clear(l.channels)
	l.emit(transport.LinkDown{Server: l.address})
	l.quit(reason)
}
