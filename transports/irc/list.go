package irc

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	listLimit    = 10_000 // rooms of one server: the largest are kept
	listWaiters  = 64
	listTime     = 2 * time.Minute // without another line of the list
	listedTopics = 200             // bytes of each topic that are kept
)

var _ transport.RoomList = (*session)(nil)

// A listing is a LIST under way. A server may send it piece by piece between
// other lines, so no barrier tells its end.
type listing struct {
	requests []transport.Request
	rooms    []transport.ListedRoom
	sent     bool
	until    time.Time
}

// ListRooms implements transport.RoomList. All who ask while a list is coming
// get the same one.
func (s *session) ListRooms(_ context.Context, server transport.Address, r transport.Request) error {
	_, srv, err := s.network.split(server)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l, err := s.linkTo(srv, "")
		switch {
		case err != nil:
			return err
		case l.phase == waiting:
			return refuse(transport.Unreachable, "There is no connection to %s just now; it is being made again.", srv.name)
		case l.listing == nil:
			l.listing = &listing{requests: []transport.Request{r}}
		case len(l.listing.requests) >= listWaiters:
			return refuse(transport.RateLimited, "The list of channels is still on its way.")
		default:
			l.listing.requests = append(l.listing.requests, r)
		}
		if l.phase == online {
			l.requestList()
		}
		return nil
	})
}

// requestList asks for the list, once the server can be asked. Where there are
// too many channels, those with one or two people are left out if the server
// can do that (modern.ircdocs.horse/#elist-parameter).
func (l *link) requestList() {
	if l.listing == nil || l.listing.sent {
		return
	}
	var condition []string
	if l.channelCount > listLimit && strings.ContainsAny(l.is.elist, "Uu") {
		condition = []string{">2"}
	}
	l.listing.sent = true
	l.sendSoon("LIST", condition...)
	l.touch()
	l.listGoesOn()
}

func (l *link) listGoesOn() {
	l.listing.until = time.Now().Add(listTime)
	l.arm()
}

// listed ends the list under way, if there is one.
func (l *link) listed(err *transport.Error) {
	list := l.listing
	if list == nil {
		return
	}
	l.listing = nil
	keepLargest(list)
	for _, r := range list.requests {
		if err != nil {
			l.emit(transport.Answered{Request: r, Err: err})
			continue
		}
		l.emit(transport.RoomsListed{Request: r, Server: l.address, Rooms: list.rooms})
	}
}

func keepLargest(list *listing) {
	if len(list.rooms) <= listLimit {
		return
	}
	slices.SortFunc(list.rooms, func(a, b transport.ListedRoom) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Room, b.Room))
	})
	list.rooms = slices.Clone(list.rooms[:listLimit])
}

// receiveListStart handles 321, which says nothing.
func receiveListStart(l *link, m *message) error {
	if l.listing == nil {
		return receiveConsole(l, m)
	}
	l.listGoesOn()
	return nil
}

// modesInTopic is what some servers put before the topic.
var modesInTopic = regexp.MustCompile(`^\[\+[^\]]*\] ?`)

// receiveListed handles 322: nick, channel, members, topic.
func receiveListed(l *link, m *message) error {
	if l.listing == nil {
		return receiveConsole(l, m)
	}
	l.listGoesOn()
	name := m.param(1)
	if !l.isChannel(name) || !validChannel(name) {
		return nil // one that is hidden, or that could not be joined from here
	}
	members, _ := strconv.Atoi(m.param(2))
	topic := ""
	if len(m.Params) > 3 {
		topic = upTo(formatFromIRC(modesInTopic.ReplaceAllString(m.param(3), "")), listedTopics)
	}
	l.listing.rooms = append(l.listing.rooms, transport.ListedRoom{
		Room: l.network.address(l.server, name), Name: name, Members: max(members, 0), Subject: strings.Clone(topic),
	})
	if len(l.listing.rooms) >= 2*listLimit {
		keepLargest(l.listing)
	}
	return nil
}

// receiveListEnd handles 323.
func receiveListEnd(l *link, m *message) error {
	if l.listing == nil {
		return receiveConsole(l, m)
	}
	l.listed(nil)
	return nil
}

// receiveListRefusal handles the numerics that may refuse a LIST, among other
// things: 263, 416 and 421, whose second parameter is the command.
func receiveListRefusal(l *link, m *message) error {
	if l.listing == nil || !strings.EqualFold(m.param(1), "LIST") {
		if l.refused(m.Command, m) {
			return nil
		}
		return receiveConsole(l, m)
	}
	err := &transport.Error{Text: m.text(), Code: m.Command}
	switch m.Command {
	case "263": // RPL_TRYAGAIN
		err.Reason, err.RetryAfter = transport.RateLimited, time.Minute
	case "416": // ERR_TOOMANYMATCHES
		err.Reason = transport.TooMany
	default:
		err.Reason = transport.Unsupported
	}
	l.listed(err)
	return nil
}

// receiveChannelCount handles 254: nick, number of channels, text.
func receiveChannelCount(l *link, m *message) error {
	l.channelCount, _ = strconv.Atoi(m.param(1))
	return nil
}

// listStalled ends a list of which nothing came for long.
func (l *link) listStalled(now time.Time) {
	if l.listing != nil && l.listing.sent && !now.Before(l.listing.until) {
		l.listed(refuse(transport.Unreachable, "%s did not send its list of channels to the end.", l.server.name))
	}
}
