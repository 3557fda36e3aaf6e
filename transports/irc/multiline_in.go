package irc

import (
	"strings"
	"time"
)

const (
	mostWholes     = 8        // messages of several lines that come at the same time
	mostWholeBytes = 64 << 10 // of one; more comes as another
	wholeLimit     = time.Minute
)

// A whole is a message that comes in several lines (IRCv3 multiline).
type whole struct {
	opening *message // the BATCH, whose tags are the message's
	command string   // of the lines
	text    strings.Builder
	lines   int
	by      time.Time // when it is shown as far as it has come
}

// beginWhole is for a batch that has been opened: what it gives belongs to the
// batch.
func (l *link) beginWhole(m *message, typ string) *whole {
	if typ != multilineCap {
		return nil
	}
	open := 0
	for _, b := range l.batches {
		if b.whole != nil {
			open++
		}
	}
	if open >= mostWholes {
		return nil // its lines are shown one by one
	}
	defer l.arm()
	return &whole{opening: m, by: time.Now().Add(wholeLimit)}
}

// gather keeps a line until its message is complete, and says whether it
// belongs to one.
func (l *link) gather(m *message) (bool, error) {
	if len(l.batches) == 0 || m.Command != "PRIVMSG" && m.Command != "NOTICE" {
		return false, nil
	}
	_, reference := m.GetTag("batch")
	w := l.batches[reference].whole
	if w == nil || l.is.fold(clean(m.param(0))) != l.is.fold(clean(w.opening.param(2))) {
		return false, nil
	}
	text, joint := m.param(1), m.HasTag(concatTag)
	if w.lines > 0 && (w.command != m.Command || w.text.Len()+len(text) >= mostWholeBytes) {
		if err := l.showWhole(w); err != nil {
			return true, err
		}
		w.opening.DeleteTag("msgid") // which the part before has
		w.text, w.lines = strings.Builder{}, 0
	}
	if w.lines == 0 {
		w.command = m.Command
		if w.opening.Source == "" {
			w.opening.Source, w.opening.nick, w.opening.host = m.Source, m.nick, m.host
		}
	} else if !joint {
		w.text.WriteByte('\n')
	}
	w.text.WriteString(text)
	w.lines++
	return true, nil
}

// showWhole receives a message as if it had come in one line, with the tags of
// its batch. None is gathered into another, as a server may say that a batch is
// in itself.
func (l *link) showWhole(w *whole) error {
	text := w.text.String()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	m := *w.opening
	m.Command, m.Params = w.command, []string{m.param(2), text}
	if l.isPast(&m) {
		return nil
	}
	return l.dispatch(&m)
}

// endBatch forgets a batch, and shows the message that it was.
func (l *link) endBatch(reference string) error {
	w := l.batches[reference].whole
	delete(l.batches, reference)
	if w == nil {
		return nil
	}
	return l.showWhole(w)
}

// nextWhole is when one is not waited for any longer; zero if none is.
func (l *link) nextWhole() (at time.Time) {
	for _, b := range l.batches {
		if b.whole != nil && (at.IsZero() || b.whole.by.Before(at)) {
			at = b.whole.by
		}
	}
	return at
}

// wholesDue shows what has come of messages whose end is not waited for any
// longer: it is more than nothing.
func (l *link) wholesDue(now time.Time) {
	for reference, b := range l.batches {
		if b.whole != nil && !now.Before(b.whole.by) {
			if err := l.endBatch(reference); err != nil {
				l.session.log().Debug("a message was not understood", "server", l.server.name, "err", err)
			}
		}
	}
}

// severed shows them all, as the connection is lost.
func (l *link) severed() { l.wholesDue(time.Now().Add(wholeLimit)) }
