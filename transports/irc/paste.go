package irc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

const (
	mostPastes  = 4                // of one user that are being stored
	pasteLimit  = 30 * time.Second // for storing one, and for its line to be queued
	teaserBytes = 160              // of what a text begins with
	pasteName   = "message.txt"
)

// isPaste says that a text is more than is said in a chat: it becomes a file,
// where files can be hosted. What goes as one message is none.
func (l *link) isPaste(m transport.Message, target string) bool {
	files, above := l.network.files, l.network.pasteAbove
	if files == nil || above == 0 || int64(len(m.Text)) > files.Max() {
		return false
	}
	if len(m.Text) > queueLength*l.is.lineLen {
		return true
	}
	if len(m.Text) <= teaserBytes && strings.Count(m.Text, "\n") < above {
		return false
	}
	parcels := l.parcels(nil, m.Text, target)
	lines := 0
	for _, p := range parcels {
		lines += p.lines()
	}
	return len(parcels) > 1 && lines > above
}

// paste stores a text, and then sends how it begins with a link to all of it.
// Whatever is written meanwhile comes before it.
func (l *link) paste(m transport.Message, target string) (transport.MessageID, error) {
	s := l.session
	if s.pastes >= mostPastes {
		return "", &transport.Error{
			Reason: transport.RateLimited, RetryAfter: pasteLimit,
			Text: fmt.Sprintf("%d long texts of yours are still being stored.", s.pastes),
		}
	}
	s.pastes++
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(s.connecting, pasteLimit)
		defer cancel()
		err := l.guard(func() error { return l.storeAndSend(ctx, m, target) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pastes--
		if err != nil {
			l.emit(transport.MessageStatus{Request: m.Request, Chat: m.Chat, Status: transport.Failed, Err: notPasted(err)})
		}
		s.events.deliverLater()
	})
	return transport.Echoed, nil
}

func notPasted(err error) error {
	if _, told := errors.AsType[*transport.Error](err); told {
		return err
	}
	return &transport.Error{
		Reason: transport.Unexplained, Err: err,
		Text: "The text is too long for a chat, and could not be stored as a file. Send it in smaller parts, or try again later.",
	}
}

func (l *link) storeAndSend(ctx context.Context, m transport.Message, target string) error {
	file, err := l.network.files.Put(ctx, l.session.account.User, transport.File{
		Name: pasteName, Type: "text/plain", Size: int64(len(m.Text)), Content: io.NopCloser(strings.NewReader(m.Text)),
	})
	if err != nil {
		return err
	}
	said := m
	said.Text = teaser(m.Text, file.URL)
	for {
		err := l.sendPasted(said, target)
		draining, ok := errors.AsType[*drainingError](err)
		if !ok {
			return err
		}
		select {
		case <-draining.drained:
		case <-ctx.Done():
			return err
		}
	}
}

// sendPasted queues the line, and shows it where the server will not.
func (l *link) sendPasted(m transport.Message, target string) error {
	return l.session.do(func() error {
		if l.session.closed || l.phase == waiting || l.phase == quitting {
			return refuse(transport.Unreachable, "There is no connection to %s any more.", l.server.name)
		}
		id, err := l.sendLines(m, target)
		if err != nil || id == transport.Echoed {
			return err
		}
		p := &pending{request: m.Request, chat: m.Chat, echo: &echoing{origin: m.Origin, room: l.isChannel(target)}}
		l.show(p, transport.Message{Text: m.Text, Sent: time.Now()})
		return nil
	})
}

// teaser is how a text begins, how much it is, and where all of it is.
func teaser(text, link string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	much := fmt.Sprintf("%d lines", len(lines))
	if len(lines) < 2 {
		much = fmt.Sprintf("%d characters", utf8.RuneCountInString(text))
	}
	first := ""
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "```") {
			first = line
			break
		}
	}
	if len(first) > teaserBytes {
		first = first[:runeBorder(first, teaserBytes)]
		if i := strings.LastIndexByte(first, ' '); i > len(first)/2 {
			first = first[:i]
		}
	}
	return first + "… (" + much + ") " + link
}
