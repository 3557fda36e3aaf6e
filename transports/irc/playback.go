package irc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// playbackBytes is how much text of one answer is kept.
const playbackBytes = 1 << 20

// A playback is what came of an answer to CHATHISTORY so far.
type playback struct {
	batch          string // its reference; empty: it has not begun
	several        map[string]*severalLines
	lines, bytes   int
	items          []transport.HistoryItem
	chats          []transport.HistoryChat
	oldest, newest transport.Mark
}

// A severalLines is one message that the server plays back as several (IRCv3
// multiline).
type severalLines struct {
	first *message // of the batch: who, when, and its name
	text  []byte
	lines int
}

// isPast takes what belongs to the past: no news, and nothing that has happened
// now.
func (l *link) isPast(m *message) bool {
	switch m.Command {
	case "BATCH":
		return l.pastBatch(m)
	case "FAIL":
		return l.pastFail(m)
	case "421": // nick, command, text
		if len(l.past) == 0 || !strings.EqualFold(m.param(1), "CHATHISTORY") {
			return false
		}
		l.pastFailed(&transport.Error{Reason: transport.Unsupported, Code: "421", Text: m.text()})
		return true
	case "ACK":
		if len(l.past) == 0 || l.past[0].label == 0 || l.labelOf(m) != l.past[0].label {
			return false
		}
		l.pastAnswered()
		return true
	}
	ok, reference := m.GetTag("batch")
	if !ok {
		return false
	}
	if len(l.past) > 0 && l.past[0].batch != "" {
		a := l.past[0]
		if part := a.several[reference]; part != nil {
			part.add(m)
			return true
		}
		if reference == a.batch {
			l.playBack(a, m)
			return true
		}
	}
	switch l.batches[reference].typ {
	case batchGivenUp:
		return true
	case "chathistory":
		// Of what we did not ask for, messages alone are shown.
		return m.Command != "PRIVMSG" && m.Command != "NOTICE"
	}
	return false
}

// batchGivenUp is the type of a batch that comes too late.
const batchGivenUp = "\x00"

// pastBatch begins and ends the batches of an answer.
func (l *link) pastBatch(m *message) bool {
	if reference, begins := strings.CutPrefix(m.param(0), "+"); begins {
		return l.beginPast(m, reference)
	}
	reference := strings.TrimPrefix(m.param(0), "-")
	if len(l.past) == 0 {
		return false
	}
	a := l.past[0]
	switch part := a.several[reference]; {
	case part != nil:
		delete(a.several, reference)
		l.playBackText(a, part.first, string(part.text))
		return true
	case reference == a.batch && a.batch != "":
		l.pastAnswered()
		return true
	}
	if outer := l.batches[reference]; a.batch == "" && a.label > 0 && outer.label == labelPrefix+strconv.FormatUint(a.label, 10) {
		l.pastAnswered() // with nothing in it
	}
	return false
}

func (l *link) beginPast(m *message, reference string) bool {
	typ, target := m.param(1), l.is.fold(m.param(2))
	in, outer := m.GetTag("batch")
	if len(l.past) > 0 && in && outer == l.past[0].batch && outer != "" {
		if a := l.past[0]; len(a.several) < batchLimit {
			if a.several == nil {
				a.several = make(map[string]*severalLines)
			}
			if m.param(2) != "" {
				m.Params = []string{m.param(2), ""}
			}
			a.several[reference] = &severalLines{first: m}
		}
		return true
	}
	if typ != "chathistory" && typ != "draft/chathistory" && typ != "draft/chathistory-targets" && typ != "chathistory-targets" {
		return false
	}
	label := l.labelOf(m)
	if len(l.past) > 0 && l.past[0].batch == "" {
		a := l.past[0]
		listed := strings.HasSuffix(typ, "-targets")
		if listed == (a.target == "") && (label > 0 && label == a.label || label == 0 && (listed || target == l.is.fold(a.target))) {
			a.batch = reference
			return true
		}
	}
	i := slices.Index(l.late, target)
	if (label > 0 || i >= 0) && len(l.batches) < batchLimit {
		if i >= 0 {
			l.late = slices.Delete(l.late, i, i+1)
		}
		if l.batches == nil {
			l.batches = make(map[string]batch)
		}
		l.batches[reference] = batch{typ: batchGivenUp}
		return true
	}
	return false
}

// pastFail takes a FAIL that answers CHATHISTORY: command, code, context, text.
func (l *link) pastFail(m *message) bool {
	if len(l.past) == 0 || m.param(0) != "CHATHISTORY" {
		return false
	}
	if label := l.labelOf(m); label > 0 && label != l.past[0].label {
		return true // it was given up
	}
	reason, ok := failCodes[m.param(1)]
	if !ok {
		reason = transport.Rejected
	}
	l.pastFailed(&transport.Error{Reason: reason, Text: m.text(), Code: m.param(1)})
	return true
}

// add puts a line to those before it.
func (p *severalLines) add(m *message) {
	if len(p.text) >= mostWholeBytes {
		return
	}
	if p.lines++; p.lines > 1 && !m.HasTag(concatTag) {
		p.text = append(p.text, '\n')
	}
	p.text = append(p.text, m.param(1)...)
}

// playBack takes one line of an answer.
func (l *link) playBack(a *historyAsk, m *message) {
	if m.Command == "CHATHISTORY" { // TARGETS name time
		a.lines++
		l.playBackChat(a, m)
		return
	}
	if !a.reaches(m) {
		return
	}
	if len(a.items) >= 4*historyPage {
		return
	}
	switch m.Command {
	case "PRIVMSG":
		if l.playBackReaction(a, m) && l.saysReaction(m) {
			return // as it was when it was said
		}
		l.playBackText(a, m, m.param(1))
	case "NOTICE":
		l.playBackText(a, m, m.param(1))
	case "TAGMSG":
		l.playBackReaction(a, m)
	case "REDACT":
		if id := m.param(1); id != "" && len(id) <= idBytes {
			l.keepPast(a, m, func(chat transport.Address, nick, sender string) transport.Event {
				return transport.MessageRetracted{Retraction: transport.Retraction{
					Chat: chat, By: nick, Sender: sender, ID: transport.MessageID(clean(id)), Reason: formatFromIRC(m.param(2)),
				}}
			})
		}
	case "TOPIC":
		if l.isChannel(a.target) {
			l.keepPast(a, m, func(chat transport.Address, nick, sender string) transport.Event {
				return transport.SubjectChanged{Room: chat, Subject: transport.Subject{
					Text: formatFromIRC(m.param(1)), By: nick, Sender: sender, At: m.at,
				}}
			})
		}
	}
}

func (l *link) playBackReaction(a *historyAsk, m *message) bool {
	r, ok := l.reactionOf(m)
	if ok {
		l.keepPast(a, m, func(chat transport.Address, nick, sender string) transport.Event {
			r.Chat, r.Nick, r.Sender = chat, nick, sender
			return transport.MessageReacted{Reaction: r}
		})
	}
	return ok
}

// reaches notes how far an answer goes, by any of its lines: a page of those who
// came and went may have no message at all. False is for the end of what was
// asked for, which comes along where that was asked for by time.
func (a *historyAsk) reaches(m *message) bool {
	mark := transport.Mark{ID: m.id(), At: m.at}
	if mark.ID != "" && (mark.ID == a.query.Before.ID || mark.ID == a.query.After.ID) {
		return false
	}
	a.lines++
	if a.oldest.At.IsZero() || m.at.Before(a.oldest.At) {
		a.oldest = mark
	}
	if a.newest.At.IsZero() || !m.at.Before(a.newest.At) {
		a.newest = mark
	}
	return true
}

// id is the name of a message (IRCv3 message-ids).
func (m *message) id() transport.MessageID {
	_, id := m.GetTag("msgid")
	if len(id) > idBytes {
		return ""
	}
	return transport.MessageID(clean(id))
}

// playBackText keeps a message.
func (l *link) playBackText(a *historyAsk, m *message, text string) {
	if m.Command == "BATCH" && !a.reaches(m) {
		return
	}
	if body, ok := strings.CutPrefix(text, "\x01"); ok {
		command, args, _ := strings.Cut(strings.TrimSuffix(body, "\x01"), " ")
		if !strings.EqualFold(command, "ACTION") {
			return
		}
		text = actionMark + args
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = formatFromIRC(lines[i])
	}
	if text = strings.Join(lines, "\n"); text == "" {
		return
	}
	if a.bytes += len(text); a.bytes > playbackBytes {
		return
	}
	target := clean(m.param(0))
	if name := l.nameParam(target); l.isChannel(name) && name != target {
		text = "[" + strings.TrimSuffix(target, name) + "] " + text // for those alone who have that prefix
	} else if m.Command == "NOTICE" && l.isChannel(name) {
		text = "[notice] " + text
	}
	l.keepPast(a, m, func(chat transport.Address, nick, sender string) transport.Event {
		said := transport.Message{ID: m.id(), Chat: chat, Nick: nick, Sender: sender, Text: text, Sent: m.at, Delayed: true}
		if id := m.replyTo(); id != "" {
			said.ReplyTo = &transport.Reply{ID: id}
		}
		return transport.MessageReceived{Message: said}
	})
}

// keepPast keeps what somebody did. Servers tell of what they do not play back
// in the words of a service of theirs, whose names of messages begin with "_":
// that is nobody's.
func (l *link) keepPast(a *historyAsk, m *message, event func(chat transport.Address, nick, sender string) transport.Event) {
	if m.fromServer() || m.nick == "" || strings.EqualFold(m.nick, "HistServ") {
		return
	}
	item := transport.HistoryItem{At: m.at}
	nick := m.nick
	if !l.isChannel(a.target) {
		// Whoever has changed their nick since is still the one that was asked for.
		nick = ""
		item.Own = !l.isSelf(a.target) && l.is.fold(clean(m.param(0))) == l.is.fold(a.target)
	}
	item.Event = event(a.query.Chat, nick, l.pastSender(m))
	a.items = append(a.items, item)
}

// pastSender is sender for a line of the past: who bears the nick now may be
// somebody else.
func (l *link) pastSender(m *message) string {
	then := newUser(m.nick, m.host)
	if ok, account := m.GetTag("account"); ok {
		then.account = accountNamed(account)
	}
	if now := l.users[l.is.fold(m.nick)]; now != nil && (now.host() == then.host() || then.account != noText && now.account == then.account) {
		return l.identity(now)
	}
	return l.identity(then)
}

// playBackChat keeps one of the chats in which something was said.
func (l *link) playBackChat(a *historyAsk, m *message) {
	name, at := m.param(1), strings.TrimPrefix(m.param(2), "timestamp=")
	last, err := time.Parse(serverTime, at)
	if err != nil || !strings.EqualFold(m.param(0), "TARGETS") || len(a.chats) >= historyPage {
		return
	}
	if !validNick(name) && !validChannel(name) {
		return
	}
	a.chats = append(a.chats, transport.HistoryChat{Chat: l.network.address(l.server, name), Last: last})
}
