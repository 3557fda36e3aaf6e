package irc

import (
	"errors"
	"time"
)

// restAfter is how long a link hears nothing before it rests.
const restAfter = 2 * time.Second

// errResting ends the goroutine that reads, for another with the same
// connection.
var errResting = errors.New("nothing is read for now")

// rest has a link that hears nothing wait in a goroutine of its own. One that
// has read lines has a stack of 4 KiB and keeps it, as Go makes none smaller
// that is in use; a new one waits with 2 KiB. It needs mu.
func (l *link) rest(now time.Time) error {
	if now.Before(l.lastRead.Add(restAfter)) {
		return nil
	}
	for _, ch := range l.channels {
		ch.members.settle()
	}
	l.resting = true
	l.arm()
	return errResting
}

// waitFor waits for what is read next, with nothing else on the stack. An error
// comes again where it is dealt with.
func (l *link) waitFor(c *connection) {
	_ = c.fill()
	l.session.mu.Lock()
	l.resting = false
	l.session.mu.Unlock()
	l.run(c)
}
