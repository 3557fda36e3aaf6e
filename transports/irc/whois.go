package irc

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// whoisLines read what the numerics of a WHOIS say, whose parameters begin with
// our nick and the nick that it is about (modern.ircdocs.horse, #whois-message).
var whoisLines = map[string]func(p *transport.Profile, m *message){
	"311": func(p *transport.Profile, m *message) { // user, host, *, full name
		p.Nick, p.Host, p.FullName = m.param(1), m.param(2)+"@"+m.param(3), m.text()
	},
	"312": func(p *transport.Profile, m *message) { note(p, "Server: "+m.param(2)) },
	"317": func(p *transport.Profile, m *message) { // idle, since when, text
		if seconds, err := strconv.Atoi(m.param(2)); err == nil && seconds >= 0 && seconds < 1<<30 {
			p.Idle = time.Duration(seconds) * time.Second
		}
		if at, err := strconv.ParseInt(m.param(3), 10, 64); err == nil && at > 0 && at < 1<<40 {
			note(p, "Connected since "+time.Unix(at, 0).UTC().Format("2006-01-02 15:04 UTC"))
		}
	},
	"319": func(p *transport.Profile, m *message) { note(p, "In "+strings.Join(strings.Fields(m.text()), ", ")) },
	"330": func(p *transport.Profile, m *message) { p.Account = m.param(2) },
	"301": func(p *transport.Profile, m *message) { note(p, strings.TrimSuffix("Away: "+m.reason(), ": ")) },
	"335": func(p *transport.Profile, m *message) { p.Bot = true },
	"307": noteText, "313": noteText, "320": noteText, "671": noteText, "276": noteText, "378": noteText, "379": noteText,
}

const maxNotes = 20

func note(p *transport.Profile, text string) {
	if len(p.Notes) < maxNotes {
		p.Notes = append(p.Notes, text)
	}
}

// noteText keeps a sentence that lacks its subject: "is an IRC operator".
func noteText(p *transport.Profile, m *message) { note(p, p.Nick+" "+m.text()) }

// receiveWhois handles a line of the answer to WHOIS.
func receiveWhois(l *link, m *message) error {
	a := l.openAsk("WHOIS", m.param(1))
	if a == nil {
		return receiveConsole(l, m)
	}
	whoisLines[m.Command](&a.profile, m)
	return nil
}

// receiveEndOfWhois handles 318: nick, who, text.
func receiveEndOfWhois(l *link, m *message) error {
	a := l.openAsk("WHOIS", m.param(1))
	switch {
	case a == nil:
		return receiveConsole(l, m)
	case a.profile.Host == "":
		err := a.err
		if err == nil {
			err = l.nobody(a.nick, "")
		}
		l.failAsk(a, err)
	default:
		l.answer(a, transport.ProfileReceived{Request: a.request, Profile: a.profile})
	}
	return nil
}

// whoisRefused takes the errors that say that there is nobody of the name. Not
// all servers end their answer after one.
func (l *link) whoisRefused(m *message) bool {
	switch m.Command {
	case "401", "402", "406": // no such nick, no such server, was no such nick
	default:
		return false
	}
	a := l.openAsk("WHOIS", m.param(1))
	if a == nil {
		return false
	}
	a.err = l.nobody(m.param(1), m.Command)
	a.until = time.Now().Add(time.Second)
	l.arm()
	return true
}
