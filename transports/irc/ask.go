package irc

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gatehouse/gateway/transport"
)

const (
	askLimit = 64               // questions without an answer, on one link
	askTime  = 20 * time.Second // for an answer, which another's client may have to give
)

// An ask is a question about somebody, or to their client, that one event
// answers.
type ask struct {
	command string // WHOIS, or the CTCP command
	nick    string // folded
	token   string // of a CTCP PING
	request transport.Request
	until   time.Time

	profile transport.Profile // of WHOIS, so far
	err     *transport.Error  // of WHOIS: it comes before the end of the answer
}

// questions are a link's open asks, oldest first. The session's mutex guards
// them.
type questions struct {
	asks      []*ask
	lastToken uint64
	histories
}

// Profile implements transport.Profiles by WHOIS.
func (s *session) Profile(_ context.Context, who transport.Address, r transport.Request) error {
	return s.ask(who, func(l *link, nick string) error {
		a := &ask{command: "WHOIS", request: r}
		a.profile = transport.Profile{Who: who, Nick: nick, Idle: -1}
		if a.profile.Face = l.faceOf(nick); a.profile.Face == nil && l.caps.on.has(metadataCap) && len(l.asks) < askLimit {
			l.sendSoon("METADATA", append([]string{nick, "GET"}, faceKeys...)...) // answered before the WHOIS behind it
		}
		// The second name has the person's own server answer, which alone knows
		// how long they have been idle (RFC 2812 §3.6.2).
		return l.question(a, nick, "WHOIS", nick, nick)
	})
}

var ctcpQueries = map[transport.Query]string{
	transport.QueryVersion: "VERSION", transport.QueryPing: "PING", transport.QueryTime: "TIME",
}

// Query implements transport.Queries by CTCP.
func (s *session) Query(_ context.Context, who transport.Address, q transport.Query, r transport.Request) error {
	return s.ask(who, func(l *link, nick string) error {
		a := &ask{command: ctcpQueries[q], request: r}
		text := "\x01" + a.command + "\x01"
		if q == transport.QueryPing {
			l.lastToken++
			a.token = strconv.FormatUint(l.lastToken, 10)
			text = "\x01PING " + a.token + "\x01"
		}
		if err := l.question(a, nick, "PRIVMSG", nick, text); err != nil {
			return err
		}
		l.awaitSelfEcho(nick)
		l.await(&pending{command: "PRIVMSG", target: l.is.fold(nick), ask: a})
		return nil
	})
}

// Reply implements transport.Queries.
func (s *session) Reply(_ context.Context, who transport.Address, q transport.Query, token, text string) error {
	return s.ask(who, func(l *link, nick string) error {
		if q == transport.QueryPing {
			text = token
		}
		l.sendLater("NOTICE", nick, ctcp(ctcpQueries[q], text))
		l.awaitSelfEcho(nick)
		return nil
	})
}

// ask calls f with the nick of somebody on a server that there is a link to.
func (s *session) ask(who transport.Address, f func(l *link, nick string) error) error {
	name, srv, err := s.network.split(who)
	switch {
	case err != nil:
		return err
	case !validNick(name):
		return refuse(transport.BadRequest, "%q can't be a nick on IRC.", name)
	}
	return s.do(func() error {
		l, err := s.online(srv)
		if err != nil {
			return err
		}
		if u := l.users[l.is.fold(name)]; u != nil {
			name = u.nick()
		}
		return f(l, name)
	})
}

// asks queues a question.
func (l *link) question(a *ask, nick, command string, params ...string) error {
	if len(l.asks) >= askLimit {
		return refuse(transport.RateLimited, "%d questions are still waiting for an answer from %s.", askLimit, l.server.name)
	}
	b, err := line(l.is.lineLen, command, params...)
	if err != nil {
		return &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
	}
	if err := l.enqueue(b); err != nil {
		return err
	}
	a.nick, a.until = l.is.fold(nick), time.Now().Add(askTime)
	l.asks = append(l.asks, a)
	l.arm()
	return nil
}

// openAsk gives the oldest open question about somebody, or nil.
func (l *link) openAsk(command, nick string) *ask {
	nick = l.is.fold(nick)
	for _, a := range l.asks {
		if a.command == command && a.nick == nick {
			return a
		}
	}
	return nil
}

// answer ends a question.
func (l *link) answer(a *ask, e transport.Event) {
	if i := slices.Index(l.asks, a); i >= 0 {
		l.asks = slices.Delete(l.asks, i, i+1)
		l.emit(e)
	}
}

func (l *link) failAsk(a *ask, err *transport.Error) {
	if err.Code == "401" { // ERR_NOSUCHNICK
		err = l.nobody(a.nick, err.Code)
	}
	l.answer(a, transport.Answered{Request: a.request, Err: err})
}

func (l *link) nobody(nick, code string) *transport.Error {
	return &transport.Error{Reason: transport.NotFound, Code: code, Text: "There is no " + nick + " on " + l.server.name + "."}
}

// failAsks is for a link that is lost.
func (l *link) failAsks(err *transport.Error) {
	for len(l.asks) > 0 {
		l.failAsk(l.asks[0], err)
	}
	l.failHistories(err)
}

// nextAsk is when we stop to wait for an answer; zero if no question is open.
func (q *questions) nextAsk() (at time.Time) {
	at = q.nextPast()
	for _, a := range q.asks {
		if at.IsZero() || a.until.Before(at) {
			at = a.until
		}
	}
	return at
}

// asksMissed gives up on the questions that nobody answers.
func (l *link) asksMissed(now time.Time) {
	l.historiesMissed(now)
	for _, a := range slices.Clone(l.asks) {
		switch {
		case now.Before(a.until):
		case a.err != nil:
			l.failAsk(a, a.err)
		case a.command == "WHOIS":
			l.failAsk(a, refuse(transport.Unreachable, "%s does not answer.", l.server.name))
		default:
			l.failAsk(a, refuse(transport.RecipientUnavailable, "The client of %s does not answer.", a.nick))
		}
	}
}
