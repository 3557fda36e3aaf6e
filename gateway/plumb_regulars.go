package gateway

import (
	"strings"
	"time"
)

const (
	maxRegulars = 2000                // of one MUC that are remembered
	regularTime = 30 * 24 * time.Hour // since they were there
)

// regulars are the nicks of those who were in a MUC, and when they left: no
// puppet takes one while they are away.
type regulars map[string]time.Time

// nickKey is the same for nicks that people would confuse by their case.
func nickKey(nick string) string { return strings.ToLower(nick) }

// left notes that somebody is away from now. Of too many the one who is away
// for the longest is forgotten.
func (r regulars) left(nick string, now time.Time) {
	key := nickKey(nick)
	if _, known := r[key]; !known && len(r) >= maxRegulars {
		oldest, since := "", now
		for other, at := range r {
			if !at.After(since) {
				oldest, since = other, at
			}
		}
		delete(r, oldest)
	}
	r[strings.Clone(key)] = now
}

func (r regulars) has(nick string, now time.Time) bool {
	since, is := r[nickKey(nick)]
	return is && now.Sub(since) < regularTime
}

// notesAway notes that somebody of a MUC with puppets is away.
func (e *plumbEnd) notesAway(nick string, now time.Time) {
	if e.inner == nil && e.p.record.Puppets > 0 {
		e.regulars.left(nick, now)
	}
}

func (e *plumbEnd) hasPresent(nick string) bool {
	_, there := e.present[nick]
	return there
}

// isOthers says that a nick is somebody's who is in the MUC, or was lately.
func (e *plumbEnd) isOthers(nick string, now time.Time) bool {
	return e.hasPresent(nick) || e.regulars.has(nick, now)
}

// freeNick is the next nick for a puppet that is nobody's; false: there is none.
func (e *plumbEnd) freeNick(u *puppet, now time.Time) (nick string, ok bool) {
	for ; u.nicks <= puppetNicks; u.nicks++ {
		if nick = u.of + strings.Repeat("_", u.nicks); !e.isOthers(nick, now) {
			return nick, true
		}
	}
	return "", false
}
