package irc

import (
	"context"

	"gatehouse/gateway/transport"
)

// Retract implements transport.Retractions by REDACT (IRCv3 message-redaction).
// The server says who may.
func (s *session) Retract(_ context.Context, r transport.Retraction) error {
	s.isActive()
	return s.do(func() error {
		l, target, err := s.targetOf(r.Chat, r.Nick)
		if err != nil {
			return err
		}
		params := []string{target, string(r.ID)}
		if r.Reason != "" {
			params = append(params, withoutCTCP(r.Reason))
		}
		b, err := line(l.is.lineLen, "REDACT", params...)
		if err != nil {
			return refuse(transport.NotFound, "There is no such message.")
		}
		label := l.newLabels(1)
		if err := l.enqueue(labelled(b, label)); err != nil {
			return err
		}
		l.await(&pending{
			command: "REDACT", target: l.is.fold(target), who: l.is.fold(string(r.ID)), request: r.Request, chat: r.Chat, label: label, retracts: &r,
		})
		return nil
	})
}

// redacted ends a REDACT of the user's: the server has shown it, or has read it
// and said nothing against it.
func (l *link) redacted(p *pending, err *transport.Error) {
	r := *p.retracts
	if err == nil {
		r.By = ""
		if l.isChannel(p.target) {
			r.By = l.nick
			if u := l.users[l.is.fold(l.nick)]; u != nil {
				r.Sender = l.identity(u)
			}
		}
		if r.By != "" {
			l.emit(transport.MessageRetracted{Retraction: r})
		}
	}
	l.emit(transport.Answered{Request: r.Request, Err: asError(err)})
}

// receiveRedact handles REDACT.
func receiveRedact(l *link, m *message) error {
	target, id := l.nameParam(m.param(0)), m.param(1)
	if id == "" || len(id) > idBytes {
		return nil
	}
	if l.isOwn(m) {
		p := l.take(func(p *pending) bool {
			return p.retracts != nil && p.target == l.is.fold(target) && string(p.retracts.ID) == id
		})
		if p != nil {
			l.redacted(p, nil)
			return nil
		}
	}
	r := transport.Retraction{ID: transport.MessageID(clean(id)), Reason: formatFromIRC(m.param(2))}
	if chat, nick, ok := l.placeOf(m); ok {
		r.Chat, r.By, r.Sender = chat, nick, l.sender(m)
		l.emit(transport.MessageRetracted{Retraction: r})
		return nil
	}
	if ch := l.channel(target); ch != nil && ch.shown() && m.fromServer() { // the network's own doing
		r.Chat, r.By = ch.address, m.nick
		l.emit(transport.MessageRetracted{Retraction: r})
	}
	return nil
}
