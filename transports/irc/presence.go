package irc

import (
	"context"

	"gatehouse/gateway/transport"
)

const (
	preAwayCap = "draft/pre-away"
	absent     = "*" // the user is not there, and gave no reason
)

// awayText is what AWAY says for somebody who gave no reason.
var awayText = map[string]string{
	"away": "Away",
	"xa":   "Away for long",
	"dnd":  "Busy",
}

// SetPresence implements transport.PresenceUpdates.
func (s *session) SetPresence(_ context.Context, a transport.Availability) error {
	text := awayText[a.Show]
	if text == "" && !a.Online {
		text = absent
	}
	if status := withoutControls(a.Status); text != "" && status != "" {
		text = status
	}
	return s.do(func() error {
		if text == s.away {
			return nil
		}
		s.away = text
		for _, l := range s.links {
			if l.phase == online {
				l.sendAway(text)
			}
		}
		return nil
	})
}

// sendAway needs mu.
func (l *link) sendAway(text string) {
	if text == "" {
		l.sendLater("AWAY")
		return
	}
	l.sendLater("AWAY", l.awayText(text))
}

func (l *link) awayText(text string) string {
	if text == absent && !l.caps.on.has(preAwayCap) {
		text = awayText["away"]
	}
	return upTo(text, l.is.awayLen)
}

// sendAwayEarly says before the server lets us in that nobody is there, or why:
// a connection that is made by itself is not to look like somebody's coming
// (IRCv3 pre-away). It needs mu.
func (l *link) sendAwayEarly() {
	if away := l.session.away; away != "" && l.caps.on.has(preAwayCap) {
		l.saidAway = away
		l.sendNow("AWAY", l.awayText(away))
	}
}

// reason is why somebody is away, from the last parameter of a line; nothing if
// nobody is there who could say (IRCv3 pre-away).
func (m *message) reason() string {
	if text := m.text(); text != absent {
		return text
	}
	return ""
}
