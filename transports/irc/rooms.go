package irc

import (
	"context"
	"strings"

	"gatehouse/gateway/transport"
)

const (
	joinLineBytes = 400 // of the channels and keys in one JOIN
)

// Join implements transport.Rooms. The first room opens the link.
func (s *session) Join(_ context.Context, room transport.Address, nick string, o transport.JoinOptions) error {
	name, srv, err := s.network.split(room)
	switch {
	case err != nil:
		return err
	case !srv.isChannel(name) || !validChannel(name):
		return s.network.badAddress(string(room))
	case nick != "" && !validNick(nick):
		return refuse(transport.BadNick, "%q can't be a nick on IRC: it must be one word, without any of , * ? ! @ %% : # & $ + ~ . \" < >", nick)
	case strings.ContainsAny(o.Password, " ,\r\n\x00") || strings.HasPrefix(o.Password, ":"):
		return refuse(transport.NotAuthorized, "No channel's key has a space or a comma in it.")
	}
	if !o.AnyNick {
		s.isActive()
	}
	return s.do(func() error {
		if err := s.roomFor(srv, name); err != nil {
			return err
		}
		l, err := s.linkTo(srv, nick)
		if err != nil {
			return err
		}
		return l.join(room, name, o)
	})
}

func (l *link) join(room transport.Address, name string, o transport.JoinOptions) error {
	ch := l.channel(name)
	switch {
	case ch == nil && l.phase == waiting:
		return refuse(transport.Unreachable, "There is no connection to %s just now; it is being made again.", l.server.name)
	case ch == nil:
		ch = &channel{name: name, address: room, password: o.Password, anyNick: o.AnyNick}
		l.channels[l.is.fold(name)] = ch
	case ch.address != room:
		return &transport.Error{
			Reason: transport.Moved, Redirect: ch.address,
			Text: "On " + l.server.name + " that is the same channel as " + ch.name + ".",
		}
	case ch.state == leaving:
		ch.password, ch.again = o.Password, true
		return nil
	case ch.state == joined:
		l.tell(ch)
		return nil
	default: // on its way in: RoomJoined comes anyway
		ch.anyNick = ch.anyNick && o.AnyNick
		return nil
	}
	l.readRoomSettings(ch)
	l.joinIfReady(ch)
	return nil
}

// requestJoin queues a channel for the next JOIN.
func (l *link) requestJoin(ch *channel) {
	ch.state, ch.requested = wanted, true
	l.readyForJoin(ch)
	l.joins = append(l.joins, ch)
	l.wake()
}

// joinLine makes one JOIN of as many waiting channels as fit; those with keys
// stand first, as keys are matched by position (RFC 2812 §3.2.1). It returns
// nil if none waits any more.
func (l *link) joinLine() []byte {
	var names, keys []string
	size := 0
	take := func(withKey bool) {
		var rest []*channel
		for _, ch := range l.joins {
			more := len(ch.name) + len(ch.password) + 2
			switch {
			case ch.state != wanted || l.channel(ch.name) != ch: // left meanwhile
			case (ch.password != "") != withKey,
				len(names) > 0 && size+more > joinLineBytes,
				l.is.joinMax > 0 && len(names) >= l.is.joinMax:
				rest = append(rest, ch)
			default:
				ch.state = joining
				size += more
				names = append(names, ch.name)
				if withKey {
					keys = append(keys, ch.password)
				}
				l.await(&pending{command: "JOIN", target: l.is.fold(ch.name)})
			}
		}
		l.joins = rest
	}
	take(true)
	take(false)
	if len(names) == 0 {
		return nil
	}
	params := []string{strings.Join(names, ",")}
	if len(keys) > 0 {
		params = append(params, strings.Join(keys, ","))
	}
	b, err := line(l.is.lineLen, "JOIN", params...)
	if err != nil {
		return nil
	}
	return b
}

// joinSettled is called when a JOIN was refused, or when all that the server
// has to say about it was read.
func (l *link) joinSettled(p *pending, err *transport.Error) {
	ch := l.channels[p.target]
	switch {
	case ch == nil:
	case ch.state == entering && ch.namesDue: // its names come behind
		ch.namesDue = false
	case ch.state == entering: // a server without a list of names
		l.isComplete(ch)
	case ch.state == leaving && err != nil:
		l.left(ch)
	case ch.state == joining:
		if err == nil {
			err = refuse(transport.Rejected, "%s did not let you into %s, and did not say why.", l.server.name, ch.name)
		}
		// Whoever chooses another nick or key wants the link again soon.
		l.touch()
		l.drop(ch)
		why := transport.Refused
		if ch.been {
			why = transport.LinkLost // the user was in, but the link did not get back in
		}
		l.emit(transport.RoomLeft{Room: ch.address, Why: why, Reason: err.Text, Err: err})
	}
}

// Leave implements transport.Rooms.
func (s *session) Leave(_ context.Context, room transport.Address, reason string) error {
	name, srv, err := s.network.split(room)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l := s.links[srv]
		var ch *channel
		if l != nil {
			ch = l.channel(name)
		}
		switch {
		case ch == nil:
			s.events.put(transport.RoomLeft{Room: room, Why: transport.Parted})
		case ch.state == leaving:
			ch.again = false
		case l.phase != online || ch.state == wanted:
			l.left(ch)
			unused := l.phase == waiting || l.phase == connecting && l.used.IsZero()
			if unused && len(l.channels) == 0 {
				l.emit(transport.LinkDown{Server: l.address})
				l.quit("")
			}
		default:
			ch.state = leaving
			params := []string{ch.name}
			if reason != "" {
				params = append(params, reason)
			}
			l.await(&pending{command: "PART", target: l.is.fold(ch.name)})
			l.sendSoon("PART", params...)
		}
		return nil
	})
}

// left ends a leave that the user asked for.
func (l *link) left(ch *channel) {
	again, password := ch.again, ch.password
	l.drop(ch)
	l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Parted})
	if again {
		next := &channel{name: ch.name, address: ch.address, password: password}
		l.channels[l.is.fold(ch.name)] = next
		l.readRoomSettings(next)
		l.joinIfReady(next)
		return
	}
	l.leaveIfIdle()
}

func (l *link) partSettled(p *pending) {
	if ch := l.channels[p.target]; ch != nil && ch.state == leaving {
		l.left(ch)
	}
}

// Members implements transport.Rooms.
func (s *session) Members(room transport.Address) []transport.Member {
	name, srv, err := s.network.split(room)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil || l.channel(name) == nil || !l.channel(name).shown() {
		return nil
	}
	return l.members(l.channel(name))
}

// SetNick implements transport.Rooms. On IRC a nick is the same in all rooms
// of a network.
func (s *session) SetNick(_ context.Context, room transport.Address, nick string, r transport.Request) error {
	if !validNick(nick) {
		return refuse(transport.BadNick, "%q can't be a nick on IRC.", nick)
	}
	_, srv, err := s.network.split(room)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l, err := s.online(srv)
		if err != nil {
			return err
		}
		if nick == l.nick {
			l.emit(transport.Answered{Request: r})
			return nil
		}
		return l.command(&pending{command: "NICK", target: l.is.fold(nick), request: r}, "NICK", nick)
	})
}

// SetSubject implements transport.Rooms.
func (s *session) SetSubject(_ context.Context, room transport.Address, subject string, r transport.Request) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		topic := strings.Join(formatToIRC(withoutCTCP(subject)), " ")
		if len(topic) > l.is.topicLen {
			return refuse(transport.TooLong, "A topic on %s has at most %d bytes; this one has %d.", l.server.name, l.is.topicLen, len(topic))
		}
		return l.command(&pending{command: "TOPIC", target: l.is.fold(ch.name), request: r}, "TOPIC", ch.name, topic)
	})
}

// command queues a line whose outcome is awaited.
func (l *link) command(p *pending, command string, params ...string) error {
	b, err := line(l.is.lineLen, command, params...)
	if err != nil {
		return &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
	}
	p.label = l.newLabels(1)
	if err := l.enqueue(labelled(b, p.label)); err != nil {
		return err
	}
	l.await(p)
	return nil
}

// inRoom calls f for a room that the user is in.
func (s *session) inRoom(room transport.Address, f func(*link, *channel) error) error {
	name, srv, err := s.network.split(room)
	if err != nil {
		return err
	}
	return s.do(func() error {
		l := s.links[srv]
		switch {
		case l == nil || l.channel(name) == nil || !l.channel(name).been:
			return refuse(transport.NotJoined, "You are not in %s.", name)
		case l.phase != online:
			return refuse(transport.Unreachable, "There is no connection to %s just now.", srv.name)
		}
		ch := l.channel(name)
		if ch.state != joined {
			return refuse(transport.NotJoined, "You are not in %s.", name)
		}
		return f(l, ch)
	})
}
