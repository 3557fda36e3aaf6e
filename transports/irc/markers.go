package irc

import (
	"context"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	markerCap = "draft/read-marker"
	readKept  = 2048 // targets of one connection whose marker is known
)

// A reading is what one connection knows of what was read. The session's mutex
// guards it.
type reading struct {
	readTo map[string]time.Time // up to when, by folded target
	saidAt map[transport.Address]*times
}

// times are when the last messages of a chat were said, as their server has it.
type times struct {
	said [timesKept]saidAt
	next int
}

type saidAt struct {
	id transport.MessageID
	at time.Time
}

const (
	timesKept = 32
	chatsKept = 128
)

// noteTime keeps the time of a message, where it can be marked. It needs mu.
func (l *link) noteTime(e transport.Event) {
	m, ok := e.(transport.MessageReceived)
	if !ok || m.ID == "" || !l.caps.on.has(markerCap) {
		return
	}
	kept := l.saidAt[m.Chat]
	if kept == nil {
		if l.saidAt == nil || len(l.saidAt) >= chatsKept {
			l.saidAt = map[transport.Address]*times{}
		}
		kept = &times{}
		l.saidAt[m.Chat] = kept
	}
	kept.said[kept.next%timesKept] = saidAt{m.ID, m.Sent}
	kept.next++
}

func (t *times) timeOf(id transport.MessageID) (at time.Time, known bool) {
	if t == nil || id == "" {
		return at, false
	}
	for _, m := range t.said {
		if m.id == id {
			return m.at, true
		}
	}
	return at, false
}

// lastAt gives the last message that was said at a time or before it; "" if
// that is not known.
func (t *times) lastAt(at time.Time) (id transport.MessageID) {
	if t == nil || at.IsZero() {
		return ""
	}
	var last time.Time
	for _, m := range t.said {
		if m.id != "" && !m.at.After(at) && !m.at.Before(last) {
			id, last = m.id, m.at
		}
	}
	return id
}

var _ transport.Markers = (*session)(nil)

// MarkDisplayed implements transport.Markers by MARKREAD (IRCv3 read-marker).
// The server shows it to the user's other clients alone.
func (s *session) MarkDisplayed(_ context.Context, m transport.Marker) error {
	return s.do(func() error {
		l, target, err := s.targetOf(m.Chat, m.Nick)
		switch {
		case err != nil:
			return err
		case !l.caps.on.has(markerCap):
			return refuse(transport.Unsupported, "%s does not keep what was read.", l.server.name)
		}
		at := m.At
		if exactly, known := l.saidAt[m.Chat].timeOf(m.ID); known {
			at = exactly
		}
		at = at.UTC().Truncate(time.Millisecond) // as in the tag time
		if at.IsZero() || !l.reads(target, at) {
			return nil
		}
		l.sendLater("MARKREAD", target, "timestamp="+at.Format(serverTime))
		return nil
	})
}

// reads says whether a time is later than the last one that was read up to, and
// keeps it: a marker only goes forward.
func (l *link) reads(target string, at time.Time) bool {
	key := l.is.fold(target)
	if !at.After(l.readTo[key]) {
		return false
	}
	if l.readTo == nil || len(l.readTo) >= readKept {
		l.readTo = map[string]time.Time{}
	}
	l.readTo[key] = at
	return true
}

// receiveMarkread handles MARKREAD: a target, and the time or *. It comes at a
// join, as the answer to ours, and when another client of the user's has read on.
func receiveMarkread(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(0)))
	if ch == nil {
		return nil // with people, nothing on our side has their messages' names
	}
	text, ok := strings.CutPrefix(m.param(1), "timestamp=")
	at, err := time.Parse(serverTime, text)
	switch {
	case m.param(1) == "*":
		at = time.Time{}
		if _, known := l.readTo[l.is.fold(ch.name)]; known {
			return nil
		}
	case !ok || err != nil || !l.reads(ch.name, at):
		return nil
	}
	l.emit(transport.DisplayedElsewhere{Chat: ch.address, At: at, Last: l.saidAt[ch.address].lastAt(at)})
	return nil
}
