package irc

import (
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/transport"
)

const (
	tagBytes = 4094 // of a client's tags (IRCv3 message-tags, Size limit)
	idBytes  = 512  // of a name of a message that is passed on
)

// Client-only tags, as they are written by whoever has their last version, and
// before that.
const (
	tagReply    = "reply"
	tagOldReply = "draft/reply"
	tagReact    = "draft/react"
	tagUnreact  = "draft/unreact"
	tagTyping   = "typing"
)

// A tag is a client-only one, without the plus.
type tag struct{ name, value string }

// A tagDenial is CLIENTTAGDENY of the server's ISUPPORT: names, or "*" for all
// but those behind a minus (IRCv3 message-tags).
type tagDenial []string

func (d tagDenial) denies(name string) bool {
	if slices.Contains(d, "*") {
		return !slices.Contains(d, "-"+name)
	}
	return slices.Contains(d, name)
}

// passesOn says that the server carries a client-only tag.
func (l *link) passesOn(name string) bool {
	return l.caps.on.has("message-tags") && !l.is.tagDenial.denies(name)
}

// tagged puts a label and those tags that the server carries before a line.
func (l *link) tagged(b []byte, label uint64, tags ...tag) []byte {
	return append(l.appendTags(nil, label, tags...), b...)
}

// appendTags adds a label and those tags that the server carries, with the
// space before the line: the only place that writes tags of clients.
func (l *link) appendTags(b []byte, label uint64, tags ...tag) []byte {
	from := len(b)
	b = appendLabel(b, label)
	labelEnd := len(b)
	for _, t := range tags {
		value := ircmsg.EscapeTagValue(strings.ReplaceAll(strings.ToValidUTF8(t.value, ""), "\x00", ""))
		if !l.passesOn(t.name) || len(b)-labelEnd+len(t.name)+len(value)+3 > tagBytes-64 {
			continue
		}
		if len(b) == from {
			b = append(b, '@')
		} else {
			b[len(b)-1] = ';' // in place of the space
		}
		b = append(append(append(b, '+'), t.name...), '=')
		b = append(append(b, value...), ' ')
	}
	return b
}

// replyTags name the message that another one is about, for old and new
// clients.
func replyTags(id transport.MessageID) []tag {
	return []tag{{tagReply, string(id)}, {tagOldReply, string(id)}}
}

// clientTag gives the value of a client-only tag.
func (m *message) clientTag(name string) string {
	for i := len(m.tags) - 1; i >= 0; i-- {
		if bare, ok := strings.CutPrefix(m.tags[i].name, "+"); ok && bare == name {
			return m.tags[i].value
		}
	}
	return ""
}

// replyTo gives the name of the message that this one is about, or "".
func (m *message) replyTo() transport.MessageID {
	id := m.clientTag(tagReply)
	if id == "" {
		id = m.clientTag(tagOldReply)
	}
	if len(id) > idBytes {
		return ""
	}
	return transport.MessageID(clean(id))
}
