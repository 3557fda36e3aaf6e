package irc

import (
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/transport"
)

// One message of the console holds so much of an answer.
const (
	consoleLines = 100
	consoleBytes = 8000
)

// ourCommands are not for people to send: the link would lose its state.
var ourCommands = map[string]string{
	"AUTHENTICATE": "", "BATCH": "", "CAP": "", "PASS": "", "PING": "", "PONG": "", "QUIT": "", "SERVER": "", "USER": "", "WEBIRC": "",
	"JOIN": "Join a channel by its address.",
}

// A consoleAnswer collects what the server says to raw commands, up to the
// PONG behind them.
type consoleAnswer struct {
	commands map[string]bool
	lines    []string
	size     int
}

// sendRaw sends what was written to the server's console: IRC commands, one a
// line; with a slash before them, as IRC clients take them.
func (s *session) sendRaw(srv *server, m transport.Message) error {
	var lines [][]byte
	answer := &consoleAnswer{commands: map[string]bool{}}
	var talksTo, says []string
	for raw := range strings.FieldsFuncSeq(withoutCTCP(m.Text), func(r rune) bool { return r == '\n' || r == '\r' }) {
		c, err := readCommand(strings.TrimSpace(raw))
		if err != nil {
			return refuse(transport.BadRequest, "%q is no IRC command. Write one such as WHOIS juliet.", clean(raw))
		}
		if c.Command == "QUIT" {
			return s.sendQuit(srv, strings.Join(c.Params, " "))
		}
		if advice, ours := ourCommands[c.Command]; ours {
			return refuse(transport.NotAllowed, "%s can't be sent from here. %s", c.Command, advice)
		}
		b, err := line(s.lineLimit(srv), c.Command, c.Params...)
		if err != nil {
			return refuse(transport.BadRequest, "%q is no IRC command.", clean(raw))
		}
		if c.Command == "PRIVMSG" && len(c.Params) > 1 && validNick(c.Params[0]) {
			talksTo = append(talksTo, c.Params[0])
		}
		if (c.Command == "PRIVMSG" || c.Command == "NOTICE") && len(c.Params) > 1 {
			says = append(says, c.Params[0])
		}
		answer.commands[c.Command] = true
		lines = append(lines, b)
	}
	if len(lines) == 0 {
		return refuse(transport.BadRequest, "The message is empty.")
	}
	l, err := s.linkTo(srv, "")
	if err != nil {
		return err
	}
	if l.phase == waiting {
		return refuse(transport.Unreachable, "There is no connection to %s just now.", srv.name)
	}
	if err := l.enqueue(lines...); err != nil {
		return err
	}
	l.touch()
	for _, target := range says {
		l.awaitSelfEcho(target)
	}
	for _, nick := range talksTo {
		l.talksTo(nick)
	}
	l.await(&pending{command: "RAW", request: m.Request, chat: m.Chat, answer: answer})
	return nil
}

// lineLimit is how long a line to a server may be.
func (s *session) lineLimit(srv *server) int {
	if l := s.links[srv]; l != nil {
		return l.is.lineLen
	}
	return defaultISupport().lineLen
}

// sendQuit ends the link to a server and leaves its rooms.
func (s *session) sendQuit(srv *server, reason string) error {
	l := s.links[srv]
	if l == nil {
		return refuse(transport.NotJoined, "There is no connection to %s.", srv.name)
	}
	l.disconnect(reason)
	return nil
}

// slashCommands are those of IRC clients whose last parameter needs no colon:
// what they are on the wire, and how many parameters come before the text.
var slashCommands = map[string]struct {
	command string
	before  int
}{
	"AWAY": {"AWAY", 0}, "CS": {"PRIVMSG ChanServ", 0}, "KICK": {"KICK", 2}, "MSG": {"PRIVMSG", 1}, "NOTICE": {"NOTICE", 1},
	"NS": {"PRIVMSG NickServ", 0}, "PART": {"PART", 1}, "QUERY": {"PRIVMSG", 1}, "QUIT": {"QUIT", 0}, "TOPIC": {"TOPIC", 1},
}

// readCommand reads one line of a console.
func readCommand(raw string) (ircmsg.Message, error) {
	typed, slash := strings.CutPrefix(raw, "/")
	if !slash {
		return ircmsg.ParseLine(raw)
	}
	word, rest, _ := strings.Cut(typed, " ")
	word = strings.ToUpper(word)
	if word == "QUOTE" || word == "RAW" {
		return ircmsg.ParseLine(strings.TrimSpace(rest))
	}
	c, ok := slashCommands[word]
	if !ok {
		return ircmsg.ParseLine(typed)
	}
	parts := strings.Fields(c.command)
	params := parts[1:]
	for range c.before {
		var param string
		if param, rest, _ = strings.Cut(strings.TrimSpace(rest), " "); param != "" {
			params = append(params, param)
		}
	}
	if rest = strings.TrimPrefix(strings.TrimSpace(rest), ":"); rest != "" {
		params = append(params, rest)
	}
	return ircmsg.MakeMessage(nil, "", parts[0], params...), nil
}

// console shows a text of the server's: within the answer to what was asked, if
// one is coming.
func (l *link) console(text string) {
	if text == "" {
		return
	}
	if p := l.openAnswer(""); p != nil {
		l.collect(p.answer, text)
		return
	}
	l.showConsole(text)
}

func (l *link) showConsole(text string) {
	l.emit(transport.MessageReceived{Message: transport.Message{Chat: l.address, Text: text, Sent: time.Now()}})
}

// openAnswer gives the oldest answer that is coming; to a command, if one is
// named.
func (l *link) openAnswer(command string) *pending {
	for _, p := range l.open {
		if p.answer != nil && (command == "" || p.answer.commands[command]) {
			return p
		}
	}
	return nil
}

// collect keeps a line of an answer. A long answer is shown in parts.
func (l *link) collect(a *consoleAnswer, text string) {
	if len(a.lines) >= consoleLines || a.size+len(text) > consoleBytes && a.size > 0 {
		l.showAnswer(a)
	}
	a.lines = append(a.lines, text)
	a.size += len(text) + 1
}

func (l *link) showAnswer(a *consoleAnswer) {
	if len(a.lines) > 0 {
		l.showConsole(strings.Join(a.lines, "\n"))
	}
	a.lines, a.size = nil, 0
}

// answered ends an answer. What follows it, from other servers or at the
// server's leisure, is shown as it comes.
func (l *link) answered(p *pending, err *transport.Error) {
	l.showAnswer(p.answer)
	if err != nil {
		l.failed(p, err)
	}
}

// replies are numerics that are usually for ourselves, and the commands that
// people get them for.
var replies = map[string]string{
	"005": "VERSION", "221": "MODE", "250": "LUSERS", "251": "LUSERS", "252": "LUSERS", "253": "LUSERS", "254": "LUSERS",
	"255": "LUSERS", "265": "LUSERS", "266": "LUSERS", "301": "WHOIS", "305": "AWAY", "306": "AWAY", "324": "MODE",
	"329": "MODE", "331": "TOPIC", "332": "TOPIC", "333": "TOPIC", "353": "NAMES", "366": "NAMES",
	"760": "WHOIS", "761": "METADATA", "762": "METADATA", "766": "METADATA", "770": "METADATA", "771": "METADATA", "772": "METADATA",
	"372": "MOTD", "375": "MOTD", "376": "MOTD", "422": "MOTD", "396": "MODE",
}

// overhear shows a reply that we read ourselves to those who asked for it.
func (l *link) overhear(m *message) {
	command := replies[m.Command]
	if command == "" || l.phase != online {
		return
	}
	if p := l.openAnswer(command); p != nil {
		l.collect(p.answer, m.consoleText())
	}
}

// consoleText is a line as the console shows it: without our own nick.
func (m *message) consoleText() string {
	params := m.Params
	if len(params) > 1 && isNumeric(m.Command) {
		params = params[1:]
	}
	return clean(strings.Join(params, " "))
}

// receiveConsole shows what has no better place: the answers to raw commands.
func receiveConsole(l *link, m *message) error {
	l.console(m.consoleText())
	return nil
}
