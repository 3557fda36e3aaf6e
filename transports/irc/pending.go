package irc

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"time"

	"gatehouse/gateway/transport"
)

const (
	pendingLimit  = 1024
	barrierPrefix = "gatehouse-" // of the PING that shows that all before it was handled
	watchdogToken = "gatehouse"
)

// A pending is a command whose outcome is open. IRC does not answer commands
// by a name of theirs: an error numeric tells the command and the target, and
// the PONG to a PING sent behind the command tells that there is no more to
// come.
type pending struct {
	command  string
	target   string                // folded
	who      string                // folded: whom it is done to, for KICK and MODE
	request  transport.Request     // of the call
	chat     transport.Address     // for PRIVMSG
	ban      bool                  // KICK: together with a ban
	bans     *banList              // MODE: a query of lists
	asked    bool                  // MODE: to be shown what there is
	answer   *consoleAnswer        // RAW
	then     *pending              // what fails with this one
	failed   *transport.Error      // of one whose then this is
	lines    int                   // PRIVMSG: how many more errors there may be
	told     bool                  // PRIVMSG: one was reported
	batched  bool                  // PRIVMSG: some of it goes as a batch, each of whose lines may be refused
	ask      *ask                  // PRIVMSG: it is a question
	echo     *echoing              // PRIVMSG: the server will show it; nil: it will not
	tagged   *transport.Reaction   // PRIVMSG: it is this, still to be shown
	retracts *transport.Retraction // REDACT
	relayed  bool                  // PRIVMSG: by RELAYMSG
	label    uint64                // that its answer bears; 0: none
	barrier  uint64
}

// pendings are a link's open commands, oldest first. The session's mutex
// guards them.
type pendings struct {
	open          []*pending
	unechoed      []*pending // PRIVMSG: the server has read it, and not shown it yet
	selfEchoes    int        // that will come beside what the user sent to themselves from the console
	barrierWanted bool
	barrier       uint64 // the number of the next one
	barriers      []sentBarrier
}

type sentBarrier struct {
	number uint64
	at     time.Time
}

// await keeps a command that is being queued. It needs mu.
func (l *link) await(p *pending) {
	if len(l.open) >= pendingLimit {
		l.settle(pop(&l.open), nil)
	}
	p.barrier = l.barrier
	l.open = append(l.open, p)
	l.barrierWanted = true
}

// appendBarrier is called by the writer once all commands are written.
func (l *link) appendBarrier(b []byte) []byte {
	var token [32]byte
	more, err := appendLine(b, l.is.lineLen, "PING", string(strconv.AppendUint(append(token[:0], barrierPrefix...), l.barrier, 10)))
	if err != nil {
		return b
	}
	l.barriers = append(l.barriers, sentBarrier{l.barrier, time.Now()})
	l.barrier++
	l.barrierWanted = false
	l.arm()
	return more
}

// barrierIn reads the PONG to a barrier. It comes with nearly every message,
// and nothing of it is kept: so it is read where it lies.
func barrierIn(line []byte) (number uint64, is bool) {
	for _, mark := range []byte("@:") { // tags and the source
		if len(line) > 0 && line[0] == mark {
			_, line, _ = bytes.Cut(line, []byte(" "))
			line = bytes.TrimLeft(line, " ")
		}
	}
	command, _, _ := bytes.Cut(line, []byte(" "))
	at := bytes.LastIndexByte(line, ' ') + 1
	token, ours := bytes.CutPrefix(bytes.TrimPrefix(line[at:], []byte(":")), []byte(barrierPrefix))
	if !ours || at == 0 || !bytes.EqualFold(command, []byte("PONG")) {
		return 0, false
	}
	number, err := strconv.ParseUint(string(token), 10, 64)
	return number, err == nil
}

// oldestBarrier is when we stop to wait for the oldest PONG; zero if none is
// open.
func (p *pendings) oldestBarrier() time.Time {
	if len(p.barriers) == 0 {
		return time.Time{}
	}
	return p.barriers[0].at.Add(barrierLimit)
}

// barrierReached settles all commands that were sent before the PING which
// this is the PONG to.
func (l *link) barrierReached(n uint64) {
	if n < l.barrier {
		l.settleUpTo(n, nil)
	}
}

// barrierMissed gives up on the oldest PONG.
func (l *link) barrierMissed() {
	l.settleUpTo(l.barriers[0].number, refuse(transport.Unreachable, "%s does not answer.", l.server.name))
}

func (l *link) settleUpTo(n uint64, err *transport.Error) {
	for len(l.barriers) > 0 && l.barriers[0].number <= n {
		pop(&l.barriers)
	}
	for len(l.open) > 0 && l.open[0].barrier <= n {
		p := pop(&l.open)
		l.settle(p, err)
		if p.isPlain() {
			*p = pending{}
			spentPendings.Put(p)
		}
	}
}

// spentPendings are plain messages that are settled.
var spentPendings = sync.Pool{New: func() any { return new(pending) }}

// isPlain says that it is a message of which nothing is awaited but errors:
// nobody else than the list of open commands holds on to it.
func (p *pending) isPlain() bool {
	return p.command == "PRIVMSG" && p.echo == nil && p.tagged == nil && p.ask == nil
}

// settle tells the outcome of a command; err nil: no error came.
func (l *link) settle(p *pending, err *transport.Error) {
	switch p.command {
	case "PRIVMSG":
		// Silence is a message's success, and a missing PONG proves nothing.
		switch {
		case err != nil && err.Code != "":
			l.failed(p, err)
		case p.echo != nil && len(p.echo.texts) > 0:
			l.echoMissed(p, err)
		case p.tagged != nil:
			l.showTagged(p) // the server has read it
		}
	case "REDACT":
		l.redacted(p, err)
	case "JOIN":
		l.joinSettled(p, err)
	case "PART":
		l.partSettled(p)
	case "RAW":
		l.answered(p, err)
	case "modes":
		if ch := l.channels[p.target]; ch != nil && ch.state == entering && ch.asked.IsZero() {
			ch.modesDue = false
			l.complete(ch)
		}
	default:
		if err == nil {
			err = p.failed
		}
		if p.then != nil && err != nil {
			p.then.failed = err
		}
		switch {
		case p.bans != nil && err == nil:
			l.banListed(p)
		case p.request != "":
			l.emit(transport.Answered{Request: p.request, Err: asError(err)})
		}
	}
}

// failed reports a message once, however many of its lines are refused.
func (l *link) failed(p *pending, err *transport.Error) {
	switch {
	case p.ask != nil:
		l.failAsk(p.ask, err)
	case !p.told:
		p.told, p.tagged = true, nil
		l.emit(transport.MessageStatus{Request: p.request, Chat: p.chat, Status: transport.Failed, Err: err})
	}
}

// asError keeps a nil pointer from becoming an error.
func asError(err *transport.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// failPendings is for a link that is lost, before its phase changes.
func (l *link) failPendings(err *transport.Error) {
	l.failAccount(err)
	open := slices.Concat(l.unechoed, l.open)
	l.open, l.unechoed = nil, nil
	for _, p := range open {
		if p.command == "JOIN" || p.command == "PART" || p.command == "modes" {
			continue // lost sees to the rooms
		}
		if p.command == "PRIVMSG" {
			l.failed(p, err)
			continue
		}
		l.settle(p, err)
	}
}

// take returns the oldest open command for which match is true, and removes it
// if that was the last answer it can get.
func (l *link) take(match func(*pending) bool) *pending {
	for i, p := range l.open {
		if !match(p) {
			continue
		}
		if p.echo != nil && len(p.echo.texts) > 0 {
			p.echo.texts = p.echo.texts[1:]
		}
		if p.lines--; p.lines <= 0 { // others wait for one answer, a message for one a line
			l.open = append(l.open[:i:i], l.open[i+1:]...)
		}
		return p
	}
	return nil
}

// echoed settles the oldest command that an echo of ours shows to be done.
func (l *link) echoed(command, target, who string) *pending {
	p := l.take(func(p *pending) bool {
		return p.command == command && p.target == target && (who == "" || p.who == who)
	})
	if p != nil {
		l.settle(p, nil)
	}
	return p
}

// refused settles the command that an error numeric answers, and says whether
// there was one.
func (l *link) refused(numeric string, m *message) bool {
	r, ok := refusals[numeric]
	if !ok {
		return false
	}
	names := m.names(l.is.fold)
	answers := func(p *pending) bool { return r.answers(p.command) }
	named := func(p *pending) bool { return answers(p) && (names[p.target] || p.who != "" && names[p.who]) }
	p := l.take(named)
	if p == nil {
		p = l.take(func(p *pending) bool { return names[l.is.fold(p.command)] && answers(p) })
	}
	if p == nil && targetless[numeric] {
		p = l.take(answers)
	}
	if p == nil {
		return false
	}
	l.settleRefused(p, r, m)
	return true
}

// settleRefused settles what a numeric refuses.
func (l *link) settleRefused(p *pending, r refusal, m *message) {
	err := r.err(m.Command, m.text())
	switch {
	case m.Command == "401" && p.command != "PRIVMSG":
		err.Reason = transport.NotFound
	case m.Command == "470": // nick, the channel asked for, the channel to go to
		l.forwarded = l.is.fold(l.nameParam(m.param(2)))
		err.Redirect = l.network.address(l.server, l.nameParam(m.param(2)))
	case m.Command == "437" && p.command == "JOIN": // a channel that is held for a while after a split
		err.RetryAfter = time.Minute
	}
	l.settle(p, err)
}

// targetless numerics name a mode or nothing at all.
var targetless = map[string]bool{"411": true, "412": true, "431": true, "438": true, "447": true, "472": true, "481": true, "484": true, "485": true, "501": true, "502": true}
