package irc

import (
	"context"
	"errors"
	"time"

	"gatehouse/gateway/transport"
)

// queueNotice is how long somebody waits before they are told that they do.
const queueNotice = 5 * time.Second

// queueUp waits for the link's turn to connect.
func (l *link) queueUp(set *linkSettings) error {
	ctx := l.ctx
	l.session.mu.Lock()
	if !l.lostAt.IsZero() { // the channels are not kept for longer
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, l.lostAt.Add(l.network.limits.ReconnectGrace))
		defer cancel()
	}
	awaited := !l.up && (len(l.channels) == 0 || l.isAwaited())
	l.session.mu.Unlock()
	err := l.network.gates.enter(ctx, set.host, l.server.connects, awaited, func(estimate time.Duration) {
		if estimate < queueNotice || !awaited {
			return
		}
		l.session.mu.Lock()
		l.console("Many connect to " + l.server.name + " just now. Your turn comes in about " + inWords(estimate) + ".")
		l.session.mu.Unlock()
		l.session.events.deliver()
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return refuse(transport.Unreachable, "%s takes no connection from this gateway just now.", l.server.name)
	}
	return err
}
