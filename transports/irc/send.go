package irc

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// Send implements transport.Session. It returns once the lines are queued, and
// waits for room only where nothing but the network holds them up; a
// MessageStatus tells if the server refuses one. IRC names no message until
// it is echoed, so the id is empty, or tells that it will be.
func (s *session) Send(ctx context.Context, m transport.Message) (transport.MessageID, error) {
	s.isActive()
	for {
		id, err := s.enqueueMessage(m)
		draining, ok := errors.AsType[*drainingError](err)
		if !ok {
			return id, err
		}
		select {
		case <-draining.drained:
		case <-ctx.Done():
			return id, err
		}
	}
}

func (s *session) enqueueMessage(m transport.Message) (id transport.MessageID, err error) {
	if srv, ok := s.network.anybodyOn(string(m.Chat)); ok {
		err = s.do(func() error {
			l, err := s.linkTo(srv, "")
			if err == nil {
				id, err = l.sendPrivate(m, m.Nick)
			}
			return err
		})
		return id, err
	}
	name, srv, err := s.network.split(m.Chat)
	switch {
	case err != nil:
		return "", err
	case name == "":
		return "", s.do(func() error { return s.sendRaw(srv, m) })
	case srv.isChannel(name):
		err = s.inRoom(m.Chat, func(l *link, ch *channel) (err error) {
			if m.Nick == "" {
				id, err = l.sendToChannel(m, ch)
				return err
			}
			u := l.users[l.is.fold(m.Nick)]
			if u == nil {
				u = l.unseen(ch, m.Nick)
			}
			if u == nil {
				return refuse(transport.NotFound, "%s is not in %s.", m.Nick, ch.name)
			}
			id, err = l.sendPrivate(m, u.nick())
			return err
		})
		return id, err
	}
	err = s.do(func() error {
		l, err := s.linkTo(srv, "")
		if err != nil {
			return err
		}
		if u := l.users[l.is.fold(name)]; u != nil {
			name = u.nick()
		}
		id, err = l.sendPrivate(m, name)
		return err
	})
	return id, err
}

func (l *link) sendPrivate(m transport.Message, nick string) (transport.MessageID, error) {
	if l.phase == waiting {
		return "", refuse(transport.Unreachable, "There is no connection to %s just now.", l.server.name)
	}
	if !l.validTarget(nick) {
		return "", refuse(transport.BadAddress, "%q can't be a nick on IRC.", nick)
	}
	id, err := l.sendText(m, nick)
	if err != nil {
		return "", err
	}
	l.touch()
	l.talksTo(nick)
	return id, nil
}

// sendText sends a message, or how it begins with a link to all of it.
func (l *link) sendText(m transport.Message, target string) (transport.MessageID, error) {
	if l.isPaste(m, target) {
		return l.paste(m, target)
	}
	return l.sendLines(m, target)
}

// sendLines queues a message as PRIVMSGs, one for each line, more for long
// ones, or as one batch of them.
func (l *link) sendLines(m transport.Message, target string) (transport.MessageID, error) {
	if most := queueLength * l.is.lineLen; len(m.Text) > most {
		return "", refuse(transport.TooLong, "A message to IRC has at most %d bytes; this one has %d.", most, len(m.Text))
	}
	var place [1]parcel
	to, parcels := []string{"PRIVMSG", target}, place[:0]
	relayed := m.As != ""
	if relayed && !l.relays(target) {
		return "", refuse(transport.Unsupported, "Others' names can't be used in %s.", target)
	}
	if relayed {
		to = []string{"RELAYMSG", target, l.relayNick(m.As)}
		parcels = alone(l.textsWithin(m.Text, l.relayLimit(to)))
	} else {
		parcels = l.parcels(parcels, m.Text, target)
	}
	if len(parcels) == 0 {
		return "", refuse(transport.BadRequest, "The message is empty.")
	}
	var tags []tag
	if m.ReplyTo != nil {
		tags = replyTags(m.ReplyTo.ID)
	}
	tags = append(tags, l.contextTags(m, target)...)
	var echo *echoing
	if l.echoes() || relayed { // the server will show it
		echo = &echoing{
			texts: make([]string, 0, len(parcels)), lines: len(parcels), text: m.Text, origin: m.Origin,
			room: l.isChannel(target), label: l.newLabels(len(parcels)),
		}
	}
	var lines lineQueue
	defer lines.free()
	refusals, batched := 0, false
	for i, p := range parcels {
		b, err := l.wire(l.appendTags(lines.begin(), echo.labelAt(i), tags...), p, to)
		if err != nil {
			return "", &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
		}
		lines.end(b)
		tags = nil // the first line stands for all
		if echo != nil {
			echo.texts = append(echo.texts, p.text)
		}
		refusals += p.lines()
		batched = batched || p.lines() > 1
	}
	l.sentTo(l.is.fold(target))
	if err := l.enqueueAll(&lines); err != nil {
		return "", err
	}
	p := spentPendings.Get().(*pending)
	*p = pending{
		command: "PRIVMSG", target: l.is.fold(target), request: m.Request, chat: m.Chat,
		lines: refusals, batched: batched, relayed: relayed, echo: echo,
	}
	l.await(p)
	if echo != nil {
		return transport.Echoed, nil
	}
	return "", nil
}

// textLimit is how many bytes of text reach the others in one line: the
// server puts our full name before it, of which we assume the longest while
// we don't know it.
func (l *link) textLimit(target string) int {
	const userhost = len("~123456789") + len("@") + 63 // RFC 2812 §2.3.1 allows 63 for a host
	nick, host := len(l.nick), len(l.host)
	if host == 0 {
		nick, host = max(nick, l.is.nickLen), userhost
	}
	return l.is.lineLen - len(":!  PRIVMSG :\r\n") - nick - host - len(target)
}

// withoutCTCP drops what IRC would read as its own: control characters but
// for line ends. XEP-0393's are not among them.
func withoutCTCP(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return r
		case r < 0x20, r == 0x7f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// touch keeps the link open for a while without rooms.
func (l *link) touch() {
	l.used = time.Now()
	l.arm()
}

const talkingLimit = 512

// talksTo remembers that a private chat is open.
func (l *link) talksTo(nick string) {
	if len(l.talking) >= talkingLimit {
		for other := range l.talking { // any one
			delete(l.talking, other)
			break
		}
	}
	l.talking[l.is.fold(nick)] = struct{}{}
}
