package irc

import (
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

const (
	actionMark  = "/me " // XEP-0245
	actionStart = "\x01ACTION "
	actionEnd   = "\x01"
)

// texts gives what a message is on the wire: a text for each PRIVMSG.
func (l *link) texts(text, target string) []string {
	return l.textsWithin(text, l.textLimit(target))
}

func (l *link) textsWithin(text string, limit int) []string {
	text, action := strings.CutPrefix(withoutCTCP(text), actionMark)
	var texts []string
	for i, styled := range formatToIRC(text) {
		switch {
		case strings.TrimSpace(styled) == "":
		case action && i == 0:
			for _, piece := range split(styled, limit-len(actionStart+actionEnd)) {
				texts = append(texts, actionStart+piece+actionEnd)
			}
		default:
			texts = append(texts, split(styled, limit)...)
		}
	}
	return texts
}

// goesAsItIs says that a text is one line on the wire and on people's screens,
// as most are: nothing in it means anything to IRC, or would to XMPP.
func (l *link) goesAsItIs(text, target string) bool {
	if len(text) > l.textLimit(target) || strings.HasPrefix(text, actionMark) || !utf8.ValidString(text) {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == 0x7f || directive(c) >= 0 {
			return false
		}
	}
	return strings.TrimSpace(text) != ""
}

// Lines implements transport.Splitter: the user sees a long message as the
// others do, and nothing of a command.
func (s *session) Lines(room transport.Address, text string) (lines []string, otherwise bool) {
	said, command, _ := aloud(text)
	if command != "" {
		return nil, true
	}
	if parcels := s.parcels(room, said); len(parcels) > 1 {
		return seenOf(parcels), true
	}
	if said == text {
		return nil, false // as it was written, with the client's own marks
	}
	return []string{said}, true
}

// parcels gives what a text is on the wire; none: what it is, or nobody knows.
func (s *session) parcels(room transport.Address, text string) []parcel {
	name, srv, err := s.network.split(room)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil || l.channel(name) == nil || l.goesAsItIs(text, l.channel(name).name) {
		return nil
	}
	return l.parcels(nil, text, l.channel(name).name)
}

// seenOf gives what people see of each.
func seenOf(parcels []parcel) []string {
	lines := make([]string, len(parcels))
	for i, p := range parcels {
		sent := p.text
		if action, ok := strings.CutPrefix(sent, actionStart); ok {
			sent = actionMark + strings.TrimSuffix(action, actionEnd)
		}
		lines[i] = formatFromIRC(sent)
	}
	return lines
}
