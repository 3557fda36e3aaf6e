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

// tagged puts a label and those tags that the server carries before a line:
// the only place that writes them.
func (l *link) tagged(b []byte, label uint64, tags ...tag) []byte {
	if len(tags) == 0 {
		return labelled(b, label)
	}
	var list strings.Builder
	for _, t := range tags {
		value := ircmsg.EscapeTagValue(strings.ReplaceAll(strings.ToValidUTF8(t.value, ""), "\x00", ""))
		if !l.passesOn(t.name) || list.Len()+len(t.name)+len(value)+3 > tagBytes-64 {
			continue
		}
		if list.Len() > 0 {
			list.WriteByte(';')
		}
		list.WriteString("+" + t.name + "=" + value)
	}
	if list.Len() == 0 {
		return labelled(b, label)
	}
	out := labelled(nil, label)
	if len(out) == 0 {
		out = []byte{'@'}
	} else {
		out[len(out)-1] = ';' // in place of the space
	}
	out = append(out, list.String()...)
	out = append(out, ' ')
	return append(out, b...)
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
