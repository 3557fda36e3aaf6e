package irc

import (
	"slices"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// nickServ is whom users identify themselves to. What is not meant for
// services but for whoever has that nick is not sent without the user's word.
const nickServ = "NickServ"

// identifyLimit is how long we wait for an answer to that.
const identifyLimit = 5 * time.Second

// starting is what is done on a new connection before channels are joined.
// The session's mutex guards it.
type starting struct {
	busy    bool
	steps   []ircmsg.Message // that are left; WAIT is ours
	waiting *time.Timer
	asked   bool // NickServ, and no answer came yet
}

// start runs the commands that the user wants to be run, and then joins the
// channels. It needs mu.
func (l *link) start() {
	l.busy = true
	if l.sasl.problem != "" {
		l.console(l.sasl.problem)
	}
	for _, text := range l.set.commands {
		if m, err := ircmsg.ParseLine(text); err == nil && badCommand(text) == "" {
			l.steps = append(l.steps, m)
		}
	}
	s := &l.set.sasl
	if l.account == "" && s.nickServ && !s.password.IsZero() {
		if l.secrets() {
			l.identify()
			return
		}
		l.console("You are not logged in to " + l.server.name + ": " + exposed)
	}
	l.proceed()
}

// identify asks NickServ to know us, and waits a while for its answer.
func (l *link) identify() {
	words := []string{"IDENTIFY"}
	if login := l.set.sasl.login; login != "" {
		words = append(words, login)
	} else if !l.hasNick() {
		words = append(words, l.wanted)
	}
	l.asked = true
	l.sendFirst("PRIVMSG", nickServ, strings.Join(append(words, l.set.sasl.password.Reveal()), " "))
	l.pause(identifyLimit)
}

// identified is called for any answer. It needs mu.
func (l *link) identified() {
	if l.asked {
		l.asked, l.waiting = false, nil
		l.proceed()
	}
}

// proceed goes on to the next WAIT. It needs mu.
func (l *link) proceed() {
	for len(l.steps) > 0 {
		m := l.steps[0]
		l.steps = l.steps[1:]
		if m.Command == "WAIT" {
			l.pause(commandWait(m))
			return
		}
		l.sendFirst(m.Command, m.Params...)
	}
	l.busy = false
	l.startRegaining()
	keys := make([]string, 0, len(l.channels))
	for key := range l.channels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		l.joinIfReady(l.channels[key])
	}
}

// sendFirst queues a line that is sent before channels are joined. It needs mu.
func (l *link) sendFirst(command string, params ...string) {
	if b, err := line(l.is.lineLen, command, params...); err == nil {
		l.first.push(b)
		l.wake()
	}
}

// pause proceeds later, if the connection is then still the same. It needs mu.
func (l *link) pause(d time.Duration) {
	s, conn := l.session, l.conn
	timer := time.NewTimer(d)
	l.waiting = timer
	s.running.Go(func() {
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.ctx.Done():
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.conn == conn && l.phase == online && l.waiting == timer {
			l.waiting, l.asked = nil, false
			l.proceed()
		}
	})
}
