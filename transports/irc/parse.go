package irc

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircmsg"
)

var errNoLine = errors.New("not a line of IRC")

// A message is one line from the server. Its fields are parts of the line, and
// it has places for as many as most lines have, so that it is one allocation.
type message struct {
	Source  string
	Command string // in upper case
	Params  []string
	nick    string // of the source, or the server's name
	host    string // user@host of the source; empty for servers
	at      time.Time

	tags   []tag // also those of clients, with their plus
	places struct {
		params [4]string
		tags   [6]tag
	}
}

// parse takes a line apart (modern.ircdocs.horse, #message-format), as ircmsg
// does, without a map for its tags. It may be empty, which is no message.
func parse(line string) (*message, error) {
	line = strings.TrimRight(line, "\r\n")
	if hasByte(line, '\x00') || hasByte(line, '\r') || hasByte(line, '\n') {
		return nil, errNoLine
	}
	m := &message{}
	m.Params, m.tags = m.places.params[:0], m.places.tags[:0]
	ok := true
	if strings.HasPrefix(line, "@") {
		var tags string
		tags, line, ok = strings.Cut(line[1:], " ")
		m.parseTags(tags)
	}
	if line = strings.TrimLeft(line, " "); ok && strings.HasPrefix(line, ":") {
		m.Source, line, ok = strings.Cut(line[1:], " ")
		line = strings.TrimLeft(line, " ")
	}
	m.Command, line, _ = strings.Cut(line, " ")
	m.Command = strings.ToUpper(m.Command)
	if !ok || m.Command == "" || strings.ContainsFunc(m.Command, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil, errNoLine
	}
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var param string
		if line[0] == ':' {
			param, line = line[1:], ""
		} else {
			param, line, _ = strings.Cut(line, " ")
		}
		m.Params = append(m.Params, param)
	}
	return m, nil
}

func hasByte(s string, c byte) bool { return strings.IndexByte(s, c) >= 0 }

// parseTags reads tags (IRCv3 message-tags).
func (m *message) parseTags(tags string) {
	for tags != "" {
		var one string
		one, tags, _ = strings.Cut(tags, ";")
		name, value, _ := strings.Cut(one, "=")
		m.tags = append(m.tags, tag{name, ircmsg.UnescapeTagValue(value)})
	}
}

// GetTag gives the value of a tag; the last one counts where it stands twice.
func (m *message) GetTag(name string) (present bool, value string) {
	for i := len(m.tags) - 1; i >= 0; i-- {
		if m.tags[i].name == name {
			return true, m.tags[i].value
		}
	}
	return false, ""
}

func (m *message) HasTag(name string) bool {
	present, _ := m.GetTag(name)
	return present
}

func (m *message) DeleteTag(name string) {
	m.tags = slices.DeleteFunc(m.tags, func(t tag) bool { return t.name == name })
}
