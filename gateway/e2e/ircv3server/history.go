package ircv3server

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

const (
	historyCap  = "draft/chathistory"
	playbackCap = "draft/event-playback"
	timeFormat  = "2006-01-02T15:04:05.000Z"
)

// A History keeps what is said and done
// (https://ircv3.net/specs/extensions/chathistory). As on Ergo, those who are not
// in a channel get nothing of it, an unknown id finds nothing, and what is no
// message is played back to those who ask for it. People hear what was said to
// their nick while they were not there.
type History struct {
	// Max is the token CHATHISTORY.
	Max int

	// Asked are the questions so far. The server is to be locked.
	Asked []string

	kept map[string][]ircmsg.Message // by channel, or by both nicks
}

// Caps are those that it needs.
func (h *History) Caps() []string { return []string{historyCap, playbackCap} }

// ISupport are its tokens.
func (h *History) ISupport() []string {
	return []string{"CHATHISTORY=" + strconv.Itoa(h.Max), "MSGREFTYPES=msgid,timestamp"}
}

// Commands are those that it needs.
func (h *History) Commands() map[string]Handler {
	h.kept = map[string][]ircmsg.Message{}
	return map[string]Handler{
		"CHATHISTORY": h.answer, "PRIVMSG": h.say, "TAGMSG": h.say, "TOPIC": h.note, "JOIN": h.note, "PART": h.note,
	}
}

func chatName(a, b string) string {
	names := []string{strings.ToLower(a), strings.ToLower(b)}
	if strings.HasPrefix(b, "#") {
		return names[1]
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// say keeps a message, and brings it to those who are there.
func (h *History) say(c *Client, m ircmsg.Message) {
	out := c.Message(m.Command, m.Params...)
	for name, value := range m.ClientOnlyTags() {
		out.SetTag(name, value)
	}
	out.SetTag("msgid", c.NextID())
	chat := chatName(c.Nick, m.Params[0])
	h.kept[chat] = append(h.kept[chat], out)
	if strings.HasPrefix(chat, "#") || c.Client(m.Params[0]) != nil {
		c.Spread(m.Params[0], out)
	} else if c.Caps["echo-message"] {
		c.Send(out)
	}
}

// note keeps what is done to a channel.
func (h *History) note(c *Client, m ircmsg.Message) {
	c.Default(m)
	out := c.Message(m.Command, m.Params...)
	out.SetTag("msgid", c.NextID())
	chat := strings.ToLower(m.Params[0])
	h.kept[chat] = append(h.kept[chat], out)
}

func timeOf(m ircmsg.Message) string { _, at := m.GetTag("time"); return at }

func idOf(m ircmsg.Message) string { _, id := m.GetTag("msgid"); return id }

// answer handles CHATHISTORY.
func (h *History) answer(c *Client, m ircmsg.Message) {
	h.Asked = append(h.Asked, strings.Join(m.Params, " "))
	verb, limit := strings.ToUpper(m.Params[0]), m.Params[len(m.Params)-1]
	most, err := strconv.Atoi(limit)
	if err != nil || len(m.Params) < 4 {
		c.Fail("CHATHISTORY", "INVALID_PARAMS", verb, "Invalid parameters")
		return
	}
	most = min(most, h.Max)
	if verb == "TARGETS" {
		h.targets(c, m.Params[1], m.Params[2])
		return
	}
	target := m.Params[1]
	if ch := c.Channel(target); strings.HasPrefix(target, "#") && (ch == nil || !slices.Contains(ch.Members, c)) {
		c.Fail("CHATHISTORY", "INVALID_TARGET", verb, target, "Messages could not be retrieved")
		return
	}
	kept := h.kept[chatName(c.Nick, target)]
	page, known := part(kept, verb, m.Params[2:len(m.Params)-1], most)
	if !known {
		page = nil
	}
	if !c.Caps[playbackCap] {
		page = slices.DeleteFunc(slices.Clone(page), func(m ircmsg.Message) bool { return m.Command != "PRIVMSG" && m.Command != "NOTICE" })
	}
	c.Batch("chathistory", []string{target}, page...)
}

// part gives what a question is about. Known is false if it names what is not
// there.
func part(kept []ircmsg.Message, verb string, references []string, most int) (page []ircmsg.Message, known bool) {
	places := make([]span, 0, 2)
	for _, r := range references {
		s, ok := spanOf(kept, r)
		if !ok {
			return nil, false
		}
		places = append(places, s)
	}
	from, to, newest := 0, len(kept), verb == "LATEST" || verb == "BEFORE"
	switch verb {
	case "BEFORE":
		to = places[0].first
	case "AFTER":
		from = places[0].behind
	case "LATEST":
		if references[0] != "*" {
			from = places[0].behind
		}
	case "AROUND":
		from = max(0, places[0].first-most/2)
	case "BETWEEN":
		if newest = places[0].first > places[1].first; newest {
			places[0], places[1] = places[1], places[0]
		}
		from, to = places[0].behind, places[1].first
	}
	if page = kept[min(from, to):to]; newest {
		return page[max(0, len(page)-most):], true
	}
	return page[:min(len(page), most)], true
}

// A span is where a reference stands: before all that it excludes, and behind it.
type span struct{ first, behind int }

func spanOf(kept []ircmsg.Message, reference string) (s span, ok bool) {
	if reference == "*" {
		return s, true
	}
	if id, is := strings.CutPrefix(reference, "msgid="); is {
		i := slices.IndexFunc(kept, func(m ircmsg.Message) bool { return idOf(m) == id })
		return span{i, i + 1}, i >= 0
	}
	at := strings.TrimPrefix(reference, "timestamp=")
	if _, err := time.Parse(timeFormat, at); err != nil {
		return s, false
	}
	for _, m := range kept {
		if timeOf(m) < at {
			s.first++
		}
		if timeOf(m) <= at {
			s.behind++
		}
	}
	return s, true
}

// targets lists who said something.
func (h *History) targets(c *Client, from, to string) {
	from, to = strings.TrimPrefix(from, "timestamp="), strings.TrimPrefix(to, "timestamp=")
	var list []ircmsg.Message
	for chat, kept := range h.kept {
		last := timeOf(kept[len(kept)-1])
		target, nicks := chat, strings.Fields(chat)
		if len(nicks) == 2 {
			i := slices.Index(nicks, strings.ToLower(c.Nick))
			if i < 0 {
				continue
			}
			target = nicks[1-i]
		} else if ch := c.Channel(chat); ch == nil || !slices.Contains(ch.Members, c) {
			continue
		}
		if last > from && last < to {
			list = append(list, ircmsg.MakeMessage(nil, Name, "CHATHISTORY", "TARGETS", target, last))
		}
	}
	c.Batch("draft/chathistory-targets", nil, list...)
}

// HangUp ends a client's connection.
func (c *Client) HangUp() { c.conn.Close() }
