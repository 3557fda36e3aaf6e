package irc

import (
	"errors"
	"runtime/debug"
)

var errPanic = errors.New("an error in the gateway")

// guard has a panic end the connection alone, not the process and with it
// everybody else's.
func (l *link) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			l.session.log().Error("panic", "server", l.server.name, "panic", r, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return f()
}
