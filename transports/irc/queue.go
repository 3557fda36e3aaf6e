package irc

import (
	"time"
)

// queueNotice is how long somebody waits before they are told that they do.
const queueNotice = 5 * time.Second

// queueUp waits for the link's turn to connect.
func (l *link) queueUp() error {
	l.session.mu.Lock()
	awaited := !l.up && (len(l.channels) == 0 || l.isAwaited())
	l.session.mu.Unlock()
	return l.network.gates.enter(l.ctx, l.set.host, l.server.connects, awaited, func(estimate time.Duration) {
		if estimate < queueNotice || !awaited {
			return
		}
		l.session.mu.Lock()
		l.console("Many connect to " + l.server.name + " just now. Your turn comes in about " + inWords(estimate) + ".")
		l.session.mu.Unlock()
		l.session.events.deliver()
	})
}
