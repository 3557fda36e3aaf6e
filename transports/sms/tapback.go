package sms

import (
	"regexp"
	"strings"

	"gatehouse/gateway/transport"
)

// Phones that can't show a reaction get it as a text that quotes the message.
// These are the words of Apple's Messages, and of Google's for its own, which
// puts hair spaces and zero-width spaces around its parts.
var tapbacks = []struct {
	form    *regexp.Regexp // what is quoted is its last group
	emoji   string         // empty: the first group
	removed bool
}{
	{regexp.MustCompile(`^Liked “(.+)”$`), "👍", false},
	{regexp.MustCompile(`^Loved “(.+)”$`), "❤️", false},
	{regexp.MustCompile(`^Disliked “(.+)”$`), "👎", false},
	{regexp.MustCompile(`^Laughed at “(.+)”$`), "😂", false},
	{regexp.MustCompile(`^Emphasized “(.+)”$`), "‼️", false},
	{regexp.MustCompile(`^Questioned “(.+)”$`), "❓", false},
	{regexp.MustCompile(`^Reacted (\S+) to “(.+)”$`), "", false},
	{regexp.MustCompile(`^Removed a like from “(.+)”$`), "👍", true},
	{regexp.MustCompile(`^Removed a heart from “(.+)”$`), "❤️", true},
	{regexp.MustCompile(`^Removed a dislike from “(.+)”$`), "👎", true},
	{regexp.MustCompile(`^Removed a laugh from “(.+)”$`), "😂", true},
	{regexp.MustCompile(`^Removed an exclamation from “(.+)”$`), "‼️", true},
	{regexp.MustCompile(`^Removed a question mark from “(.+)”$`), "❓", true},
	{regexp.MustCompile(`^Removed (?:a )?(\S+)(?: reaction)? from “(.+)”$`), "", true},
	{regexp.MustCompile(`^(\S+) to “(.+)”$`), "", false},
}

var spaces = strings.NewReplacer("\u200a", "", "\u200b", "")

// eventOf is what a text is: a message, or a reaction to one.
func eventOf(m transport.Message) transport.Event {
	if r, ok := readTapback(m); ok && m.Nick == "" { // in a group it is somebody's word
		return transport.MessageReacted{Reaction: r}
	}
	return transport.MessageReceived{Message: m}
}

// readTapback finds the reaction in a text. What it is to, only the gateway
// knows.
func readTapback(m transport.Message) (r transport.Reaction, ok bool) {
	text := strings.TrimSpace(spaces.Replace(m.Text))
	// Over GSM 7-bit the quotation marks are straight.
	if head, tail, found := strings.Cut(text, `"`); found && strings.HasSuffix(tail, `"`) && !strings.Contains(head, "“") {
		text = head + "“" + strings.TrimSuffix(tail, `"`) + "”"
	}
	for _, t := range tapbacks {
		found := t.form.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		emoji := t.emoji
		if emoji == "" {
			emoji = found[1]
			if !isEmoji(emoji) {
				continue
			}
		}
		r = transport.Reaction{Chat: m.Chat, Quoted: found[len(found)-1], Instead: m}
		if t.removed {
			r.Remove = []string{emoji}
		} else {
			r.Add = []string{emoji}
		}
		return r, true
	}
	return r, false
}

// isEmoji says that a word is no word: nothing in it is below the arrows and
// symbols of Unicode, where emoji begin, but for keycaps.
func isEmoji(s string) bool {
	for _, r := range s {
		if r < 0x203c && r != '©' && r != '®' && r != '\u200d' && (r < '0' || r > '9') && r != '#' && r != '*' {
			return false
		}
	}
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x203c || r == '©' || r == '®' })
}
