package irc

import (
	"context"

	"gatehouse/gateway/transport"
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
		text = awayText["away"]
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
	l.sendLater("AWAY", text[:runeBorder(text+" ", min(len(text), l.is.awayLen))])
}
