package irc

import (
	"strings"

	"gatehouse/gateway/transport"
)

// notSaid are commands of IRC clients that are nothing to say aloud in a
// channel, least of all with a password in them.
var notSaid = map[string]string{
	"msg": "", "query": "", "ns": "", "cs": "", "nickserv": "", "chanserv": "", "identify": "", "oper": "", "quote": "", "raw": "",
	"ctcp": "", "whois": "", "whowas": "", "who": "", "names": "", "list": "", "away": "",
	"join": "Join a channel by its address.", "j": "Join a channel by its address.",
	"part": "Leave the room.", "quit": "Leave the room.", "nick": "Change your nick in the room.",
	"topic": "Change the room's subject.", "invite": "Invite people as your client does.",
	"kick": "Remove people as your client does.", "ban": "Ban people as your client does.",
}

// aloud tells what is said in a room from what is done there: "/mode +i",
// "/notice text". Two slashes say one.
func aloud(text string) (said, command, args string) {
	first, _, _ := strings.Cut(text, "\n")
	slash, isSlash := strings.CutPrefix(first, "/")
	if !isSlash {
		return text, "", ""
	}
	if strings.HasPrefix(slash, "/") {
		return text[1:], "", ""
	}
	word, rest, _ := strings.Cut(slash, " ")
	word = strings.ToLower(strings.TrimSpace(word))
	_, refused := notSaid[word]
	if word != "mode" && word != "notice" && !refused {
		return text, "", "" // "/me", a path, whatever else
	}
	return "", word, strings.TrimSpace(rest)
}

// sendToChannel says a text in a channel, or does what it commands.
func (l *link) sendToChannel(m transport.Message, ch *channel) (transport.MessageID, error) {
	said, command, args := aloud(m.Text)
	if m.As != "" { // nobody else's words are the user's commands
		said, command = m.Text, ""
	}
	if command == "" {
		m.Text = said
		return l.sendText(m, ch.name)
	}
	return "", l.sendCommand(m, ch, command, args)
}

func (l *link) sendCommand(m transport.Message, ch *channel, command, args string) error {
	if strings.Contains(strings.TrimRight(m.Text, "\r\n"), "\n") {
		return refuse(transport.BadRequest, "/%s is one line.", command)
	}
	switch command {
	case "mode":
		return l.sendMode(m, ch, args)
	case "notice":
		return l.sendNotice(m, ch, args)
	}
	advice := notSaid[command]
	if advice == "" {
		advice = "Write it to " + string(l.address) + ", which takes the commands of IRC."
	}
	return refuse(transport.NotAllowed, "/%s was not said in %s. %s To say it, begin with two slashes.", command, ch.name, advice)
}

// sendMode changes or asks for the modes of a channel.
func (l *link) sendMode(m transport.Message, ch *channel, args string) error {
	params := strings.Fields(args)
	if len(params) > 0 && l.is.fold(params[0]) == l.is.fold(ch.name) {
		params = params[1:]
	}
	p := &pending{command: "MODE", target: l.is.fold(ch.name), request: m.Request, chat: ch.address}
	switch {
	case len(params) == 0:
		p.asked = true
	case len(params) == 1 && len(l.is.modeChanges(params[0], nil)) == 0:
		p.bans = &banList{shown: true} // "+b" alone asks for the list
	}
	return l.command(p, "MODE", append([]string{ch.name}, params...)...)
}

// sendNotice sends a NOTICE to the channel, or to the nick that the text begins
// with.
func (l *link) sendNotice(m transport.Message, ch *channel, args string) error {
	target, text := ch.name, args
	if first, rest, ok := strings.Cut(args, " "); ok && l.is.fold(first) == l.is.fold(ch.name) {
		text = rest
	} else if u := l.users[l.is.fold(first)]; ok && u != nil {
		target, text = u.nick(), rest
	}
	if text = strings.TrimSpace(withoutCTCP(text)); text == "" {
		return refuse(transport.BadRequest, "Write /notice and a text, or /notice, a nick and a text.")
	}
	p := &pending{command: "PRIVMSG", target: l.is.fold(target), request: m.Request, chat: m.Chat, lines: 1}
	if err := l.command(p, "NOTICE", target, text); err != nil {
		return err
	}
	if target == ch.name {
		l.emit(transport.RoomNotice{Room: ch.address, Text: "[notice] " + text})
	} else {
		l.emit(transport.RoomNotice{Room: ch.address, Text: "[notice to " + target + "] " + text})
	}
	return nil
}
