package irc

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	// echoLimit is how long an echo may take once the server has shown that it
	// read the message: a bouncer answers for a server that is behind it.
	echoLimit   = 10 * time.Second
	labelPrefix = "g"
)

// An echoing is what is awaited of a message that the server shows itself
// (IRCv3 echo-message): one echo for each line.
type echoing struct {
	texts   []string // of the lines that are not echoed yet
	label   uint64   // of the first line (IRCv3 labeled-response); 0: there are none
	lines   int
	text    string // as it was written
	origin  string
	room    bool
	seen    bool // something of it was shown
	by      time.Time
	missing *transport.Error // why it was not heard of
}

// echoes says that the server shows the user's own messages.
func (l *link) echoes() bool { return l.caps.on.has("echo-message") }

// labels says that answers bear the label of their question.
func (l *link) labels() bool { return l.caps.on.has("labeled-response") && l.caps.on.has("batch") }

// labelAt gives the label of a line.
func (e *echoing) labelAt(i int) uint64 {
	if e == nil {
		return 0
	}
	return labelAfter(e.label, i)
}

// labelAfter gives one of several labels, of which the first is given.
func labelAfter(first uint64, i int) uint64 {
	if first == 0 {
		return 0
	}
	return first + uint64(i)
}

// newLabels gives the first of a number of labels, or 0 where there are none.
func (l *link) newLabels(n int) (first uint64) {
	if !l.labels() {
		return 0
	}
	first = l.lastLabel + 1
	l.lastLabel += uint64(n)
	return first
}

// labelled puts a label before a line.
func labelled(b []byte, label uint64) []byte {
	if label == 0 {
		return b
	}
	return append(appendLabel(nil, label), b...)
}

// appendLabel adds a label with the space before the line; 0: none.
func appendLabel(b []byte, label uint64) []byte {
	if label == 0 {
		return b
	}
	return append(strconv.AppendUint(append(b, "@label="+labelPrefix...), label, 10), ' ')
}

// withoutTags gives a line's tags with the space behind them, and the rest.
func withoutTags(b []byte) (tags, rest []byte) {
	if len(b) > 0 && b[0] == '@' {
		if i := bytes.IndexByte(b, ' '); i > 0 {
			return b[:i+1], b[i+1:]
		}
	}
	return nil, b
}

// labelOf gives the label that a message bears, itself or through its batch;
// 0: none of ours.
func (l *link) labelOf(m *message) uint64 {
	ok, label := m.GetTag("label")
	if !ok {
		if in, reference := m.GetTag("batch"); in {
			label = l.batches[reference].label
		}
	}
	number, ours := strings.CutPrefix(label, labelPrefix)
	n, err := strconv.ParseUint(number, 10, 64)
	if !ours || err != nil {
		return 0
	}
	return n
}

// withLabel finds what was sent under a label.
func (l *link) withLabel(label uint64) *pending {
	has := func(p *pending) bool {
		return p.echo != nil && p.echo.label > 0 && label >= p.echo.label && label < p.echo.label+uint64(p.echo.lines) ||
			p.label > 0 && p.label == label
	}
	for _, all := range [][]*pending{l.open, l.unechoed} {
		if i := slices.IndexFunc(all, has); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// close forgets a command that is settled.
func (l *link) close(p *pending) {
	is := func(other *pending) bool { return other == p }
	l.open = slices.DeleteFunc(l.open, is)
	l.unechoed = slices.DeleteFunc(l.unechoed, is)
}

// isOwn says that a message is from the user.
func (l *link) isOwn(m *message) bool {
	return m.host != "" && l.is.fold(m.nick) == l.is.fold(l.nick)
}

// awaitSelfEcho is for what is sent without a label: if it is to the user
// themselves, the server shows it beside delivering it. It needs mu.
func (l *link) awaitSelfEcho(target string) {
	if l.echoes() && l.is.fold(target) == l.is.fold(l.nick) {
		l.selfEchoes++
	}
}

// receiveEcho takes what the server shows of the user's own message, and says
// whether that was all. What was not sent from here may still be news.
func (l *link) receiveEcho(m *message, raw string) (taken bool) {
	switch {
	case l.isOwnRelay(m): // which is shown to its relayer, whatever was asked for
	case !l.echoes() || !l.isOwn(m):
		return false
	default:
		l.visible(m)
	}
	target := l.is.fold(l.nameParam(m.param(0)))
	label := l.labelOf(m)
	toSelf := target == l.is.fold(l.nick)
	if label == 0 && toSelf && l.selfEchoes > 0 {
		l.selfEchoes--
		return true
	}
	if label == 0 && toSelf && l.labels() {
		return false // delivered to the user, and not shown as sent
	}
	p := l.echoedBy(label, target, raw)
	switch {
	case p == nil:
		// A label of ours that is not known any more was settled without its
		// echo; what another client on this connection wrote is news in a channel.
		return label > 0 || l.isOwnRelay(m) || strings.HasPrefix(raw, "\x01") && !strings.HasPrefix(raw, actionStart) || m.Command == "NOTICE" || !l.isChannel(l.nameParam(m.param(0))) && !toSelf
	default:
		l.showEcho(p, m, raw)
	}
	l.oneEchoed(p, raw)
	return true
}

// echoedBy finds the message whose line is echoed: by its label, or else the
// oldest to the target, first of those with the same text.
func (l *link) echoedBy(label uint64, target, raw string) *pending {
	if label > 0 {
		if p := l.withLabel(label); p != nil && p.echo != nil {
			return p
		}
		return nil
	}
	var oldest *pending
	for _, all := range [][]*pending{l.unechoed, l.open} {
		for _, p := range all {
			if p.echo == nil || p.target != target || p.echo.label > 0 {
				continue
			}
			if len(p.echo.texts) > 0 && p.echo.texts[0] == raw {
				return p
			}
			if oldest == nil {
				oldest = p
			}
		}
	}
	return oldest
}

// oneEchoed counts a line.
func (l *link) oneEchoed(p *pending, raw string) {
	e := p.echo
	if i := slices.Index(e.texts, raw); i >= 0 {
		e.texts = slices.Delete(e.texts, i, i+1)
	} else if len(e.texts) > 0 {
		e.texts = e.texts[1:]
	}
	p.lines--
	if len(e.texts) == 0 || p.lines <= 0 {
		l.close(p)
	}
}

// showEcho tells of one line. The first one stands for the whole message.
func (l *link) showEcho(p *pending, m *message, raw string) {
	e := p.echo
	text := raw
	if action, ok := strings.CutPrefix(raw, actionStart); ok {
		text = actionMark + strings.TrimSuffix(action, actionEnd)
	}
	text = formatFromIRC(text)
	if e.lines == 1 && len(e.texts) == 1 && e.texts[0] == raw {
		text = e.text // the server has changed nothing: as it was written
	}
	said := transport.Message{Text: text, Sent: m.at}
	if ok, id := m.GetTag("msgid"); ok {
		said.ID = transport.MessageID(clean(id))
	}
	l.show(p, said)
}

// show tells the gateway of a line as the network has it.
func (l *link) show(p *pending, said transport.Message) {
	first := !p.echo.seen && !p.told
	p.echo.seen = true
	if !p.echo.room {
		if first || said.ID != "" && !p.told {
			l.emit(transport.MessageStatus{Request: p.request, Chat: p.chat, ID: said.ID, Status: transport.Accepted})
		}
		return
	}
	said.Chat, said.Nick = p.chat, l.nick
	if u := l.users[l.is.fold(l.nick)]; u != nil {
		said.Sender = l.identity(u)
	}
	said.Request = p.request
	if first {
		said.Origin = p.echo.origin
	}
	l.emit(transport.MessageReceived{Message: said})
}

// showUnechoed shows what the server took and did not show: it may keep to
// itself what it has dropped.
func (l *link) showUnechoed(p *pending) {
	l.close(p)
	if p.told {
		return
	}
	texts := p.echo.texts
	for _, raw := range texts {
		text := raw
		if action, ok := strings.CutPrefix(raw, actionStart); ok {
			text = actionMark + strings.TrimSuffix(action, actionEnd)
		}
		text = formatFromIRC(text)
		if p.echo.lines == 1 {
			text = p.echo.text
		}
		l.show(p, transport.Message{Text: text, Sent: time.Now()})
	}
	p.echo.texts = nil
}

// echoMissed is for a message whose line the server has read, or that it did
// not tell of in time, without an echo so far.
func (l *link) echoMissed(p *pending, why *transport.Error) {
	p.echo.missing, p.echo.by = why, time.Now().Add(echoLimit)
	if len(l.unechoed) >= pendingLimit {
		l.echoDue(l.unechoed[0])
	}
	l.unechoed = append(l.unechoed, p)
	l.arm()
}

func (l *link) echoDue(p *pending) {
	if p.echo.missing != nil {
		l.close(p)
		l.failed(p, p.echo.missing)
		return
	}
	l.showUnechoed(p)
}

// nextEcho is when an echo is given up; zero if none is awaited for so long.
func (p *pendings) nextEcho() time.Time {
	if len(p.unechoed) == 0 {
		return time.Time{}
	}
	return p.unechoed[0].echo.by
}

func (l *link) echoesDue(now time.Time) {
	for len(l.unechoed) > 0 && !now.Before(l.unechoed[0].echo.by) {
		l.echoDue(l.unechoed[0])
	}
}

// receiveAck handles ACK: what bore the label is done, and there is nothing to
// show of it (IRCv3 labeled-response).
func receiveAck(l *link, m *message) error {
	if p := l.withLabel(l.labelOf(m)); p != nil {
		if p.echo != nil {
			l.showUnechoed(p)
			return nil
		}
		l.close(p)
		l.settle(p, nil)
	}
	return nil
}

// A batch is one that is open (IRCv3 batch).
type batch struct {
	typ, label string
	whole      *whole // the message that it is; nil: it is none
}

// visible learns the user's own host from what others see of them.
func (l *link) visible(m *message) {
	if m.host != "" && m.host != l.host {
		l.host = strings.Clone(m.host)
	}
}
