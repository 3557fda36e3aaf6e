package irc

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// A verdict is what a server's last words mean for the next try.
type verdict struct {
	words     *regexp.Regexp
	reason    transport.Reason
	permanent bool          // for this user
	close     time.Duration // how long nobody of ours is to connect there
}

// verdicts are looked through in this order; the words are those of ngIRCd,
// InspIRCd, UnrealIRCd, Solanum, ircu, Ergo and the services' session limits.
var verdicts = []verdict{
	// A ban of an address is one of us all.
	{regexp.MustCompile(`(?i)\b[zd][:-]?lined?\b`), transport.Forbidden, true, 10 * time.Minute},
	{regexp.MustCompile(`(?i)\b[kg][:-]?lined?\b|\bakill(ed)?\b|\bautokill(ed)?\b|\bbanned\b|\bnot welcome\b`), transport.Forbidden, true, 0},
	{regexp.MustCompile(`(?i)throttl|\btoo (fast|often|quickly|soon)\b|too many times|wait a while`), transport.RateLimited, false, 2 * time.Minute},
	{regexp.MustCompile(`(?i)\btoo many\b.*\b(connections?|clients|users|sessions?)\b|no more connections|(session|connection|clone) limit|server( is)? full|all connections in use`), transport.TooMany, false, 5 * time.Minute},
	{regexp.MustCompile(`(?i)bad password|password mismatch|access denied|no authori[sz]ation|not authori[sz]ed|unauthori[sz]ed`), transport.NotAuthorized, true, 0},
}

// closingLink is the usual form of ERROR: "Closing link: (user@host) [reason]",
// "Closing Link: host (reason)" and the like.
var closingLink = regexp.MustCompile(`(?i)^closing link:?\s+\S+\s+(?:by \S+\s+)?[\[(](.*)[\])]$`)

// judge makes of the text of an ERROR what people read, and says what follows.
func judge(farewell string) (text string, v verdict) {
	text = strings.TrimSpace(farewell)
	if parts := closingLink.FindStringSubmatch(text); parts != nil {
		text = strings.TrimSpace(parts[1])
	}
	for _, v := range verdicts {
		if v.words.MatchString(text) {
			return text, v
		}
	}
	return text, verdict{reason: transport.Unreachable}
}

// leaveIfIdle ends a link that nothing is done with. It needs mu.
func (l *link) leaveIfIdle() {
	if l.phase == online && len(l.channels) == 0 && time.Since(l.used) >= idleLimit {
		l.emit(transport.LinkDown{Server: l.address})
		l.quit(l.network.quitMessage)
	}
}

// quit ends the link for good. What is still queued is not sent. It needs mu.
func (l *link) quit(reason string) {
	if l.phase == quitting {
		return
	}
	l.failAccount(refuse(transport.Unreachable, "The connection to %s was ended.", l.server.name))
	l.loseSight()
	was := l.phase
	l.phase = quitting
	if l.session.links[l.server] == l {
		delete(l.session.links, l.server)
	}
	if was != online {
		l.stop()
		return
	}
	if reason == "" {
		reason = l.network.quitMessage
	}
	l.quitBy = time.Now().Add(quitGrace)
	l.outgoing = newOutgoing(l.set.throttle)
	l.sendNow("QUIT", reason)
	l.arm()
}

var errQuit = errors.New("quit")
