package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// chatMark begins a command in a chat where all else goes to the network.
const chatMark = "!"

// maxChatReply is how many bytes of an answer a chat gets.
const maxChatReply = 50_000

// A chat is one in which commands are written.
type chat struct {
	with    target            // the gateway or a server
	console transport.Address // where all goes that is not marked; empty: nowhere
}

func (c chat) mark() string {
	if c.console != "" {
		return chatMark
	}
	return ""
}

// sendToGateway takes a message to the gateway itself: a command, or where the
// gateway stands for the only server, what that is to get unless it is marked.
// Addresses without a user get no answer: another gateway's bot might answer
// that.
func (s *session) sendToGateway(ctx context.Context, st *stanza.Received) {
	text := textOf(st)
	switch {
	case strings.TrimSpace(text) == "":
	case st.Type == stanza.Groupchat:
		s.refuse(st, badRequest(s.host.Domain+" is not a room"))
	case st.Type == stanza.Headline || st.From.Local == "":
	case s.host.info.Home != "" && !isMarked(text):
		s.sendToPerson(ctx, st, s.host.info.Home)
	default:
		s.sendChat(ctx, st, chat{target{kind: toGateway}, s.host.info.Home})
	}
}

// sendToServer takes a message to a server, which has a console: a command is
// marked.
func (s *session) sendToServer(ctx context.Context, st *stanza.Received, a transport.Address) {
	if isMarked(textOf(st)) {
		s.sendChat(ctx, st, chat{target{kind: toServer, address: a}, a})
		return
	}
	s.sendMeaning(ctx, st, st.ReadMeaning(), place{chat: a, with: a, kind: noteMessage, console: true})
}

func isMarked(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), chatMark) }

func (s *session) sendChat(ctx context.Context, st *stanza.Received, in chat) {
	word, rest := cutWord(strings.TrimPrefix(strings.TrimSpace(textOf(st)), chatMark))
	now, rest := s.chat(in, strings.ToLower(word), rest)
	s.say(ctx, st, now, rest, nil)
}

// cutWord gives the first word of a text, and what follows.
func cutWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	i := strings.IndexAny(text, " \t\r\n")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimSpace(text[i:])
}

// chatHelp are the words that only a chat has.
const chatHelp = `%[1]shelp – this text
%[1]ssettings [ADDRESS] – what is set, for everything or for one address
%[1]sset [ADDRESS] NAME VALUE – change one setting
%[1]sunset [ADDRESS] NAME – as if it had never been set
%[1]scommands [ADDRESS] – the other commands
%[1]sCOMMAND [ADDRESS] [NAME=VALUE …] – do one of them`

// chat says what a line of a chat does, and gives the answers in it.
func (s *session) chat(in chat, word, rest string) (now stage, answers string) {
	mark := in.mark()
	switch word {
	case "help", "?", "start", "/start":
		text := fmt.Sprintf(chatHelp, mark)
		if mark != "" {
			text += "\nEverything else goes to " + string(in.console) + "."
		}
		return done(text), ""
	case "commands":
		return s.listCommands(in, rest), ""
	case "settings":
		at, kind, _ := s.chatPlace(in, rest)
		return s.showSettings(in, at, kind), ""
	case "set", "unset":
		return s.setInChat(in, word == "unset", rest), ""
	}
	c, answers, ok := s.chatCommand(in, word, rest)
	switch {
	case !ok:
		return undone(fmt.Sprintf("I don't know what %q is. Write %shelp to see what I know.", word, mark)), ""
	case c.admin && !s.host.isAdmin(s.user):
		return failed(notAdmin()), ""
	}
	return c.start(s), answers
}

// chatTarget reads an address as people write it: what the network calls it, or
// its JID here.
func (h *host) chatTarget(text string) (target, bool) {
	local, domain, isJID := strings.Cut(text, "@")
	if isJID && domain == h.Domain {
		text = jid.Unescape(local)
	}
	switch {
	case text == "":
		return target{}, false
	case text == h.Domain:
		return target{kind: toGateway}, true
	}
	a, kind, err := h.Network.Resolve(text)
	switch {
	case err != nil:
		return target{}, false
	case kind == transport.Server:
		return target{kind: toServer, address: a}, true
	case kind == transport.Room:
		return target{kind: toRoom, address: a}, true
	}
	return target{kind: toPerson, address: a}, true
}

// chatPlace finds whose settings a text is about, and what follows the address.
// Without an address those are meant that the chat is with, or if these have no
// setting of that name, those of the only server.
func (s *session) chatPlace(in chat, text string) (at transport.Address, kind transport.Kind, rest string) {
	word, after := cutWord(text)
	for _, at := range []transport.Address{in.with.address, in.console} {
		if s.host.hasSetting(at, transport.Server, word) {
			return at, transport.Server, text
		}
	}
	if t, ok := s.host.chatTarget(word); ok {
		if at, kind := t.place(); s.host.hasSettings(at, kind) {
			return at, kind, after
		}
	}
	return in.with.address, transport.Server, text
}

func (h *host) hasSetting(at transport.Address, kind transport.Kind, name string) bool {
	c, ok := h.Network.(transport.Configurable)
	if !ok {
		return false
	}
	form, ok := c.SettingsForm("", at, kind, nil)
	return ok && fieldOf(form, name) >= 0
}

// fieldOf finds a field that can be filled in.
func fieldOf(f transport.Form, name string) int {
	return slices.IndexFunc(f.Fields, func(f transport.Field) bool { return f.Name == name && f.Type != transport.Note })
}

func (s *session) showSettings(in chat, at transport.Address, kind transport.Kind) stage {
	return stage{work: func(ctx context.Context) stage {
		form, err := s.settingsForm(ctx, at, kind)
		if err != nil {
			return s.failedWith(err)
		}
		address := ""
		if at != in.with.address {
			address = string(at) + " "
		}
		return done(formText(form) + fmt.Sprintf("\nWrite: %sset %sNAME VALUE", in.mark(), address))
	}}
}

// setInChat changes one setting.
func (s *session) setInChat(in chat, unset bool, rest string) stage {
	at, kind, rest := s.chatPlace(in, rest)
	name, value := cutWord(rest)
	usage := undone(fmt.Sprintf("Write: %sset [ADDRESS] NAME VALUE. The names are in %[1]ssettings.", in.mark()))
	if name == "" || value == "" && !unset {
		return usage
	}
	if !s.host.hasSetting(at, kind, name) {
		return undone(fmt.Sprintf("There is no setting %q there. The names are in %ssettings.", name, in.mark()))
	}
	return stage{work: func(ctx context.Context) stage {
		form, err := s.settingsForm(ctx, at, kind)
		if err != nil {
			return s.failedWith(err)
		}
		var values []string
		if i := fieldOf(form, name); i >= 0 && !unset {
			if values, err = fieldAnswer(form.Fields[i], chatValues(form.Fields[i], value)); err != nil {
				return undone(err.Error())
			}
		}
		var complaints []string
		if unset {
			complaints, err = s.setSettings(ctx, at, kind, nil, name)
		} else {
			complaints, err = s.setSettings(ctx, at, kind, transport.Values{name: values})
		}
		if err != nil {
			return s.failedWith(err)
		}
		if i := fieldOf(form, name); !unset && i >= 0 && form.Fields[i].Type == transport.Hidden {
			complaints = append(complaints, "Your client and your server may keep what you wrote here, the password too.")
		}
		out := done("Saved.").warn(complaints...)
		out.next = func(context.Context) { s.reconfigured(at) }
		return out
	}}
}

// listCommands tells of the commands of an address.
func (s *session) listCommands(in chat, address string) stage {
	t := in.with
	if address != "" {
		var ok bool
		if t, ok = s.host.chatTarget(address); !ok {
			return undone(fmt.Sprintf("%q is no address.", address))
		}
	}
	list := s.host.commandsFor(s.user, t)
	if t.kind == toGateway {
		list = append(list, s.host.chatCommands(s.user)...)
	}
	if len(list) == 0 {
		return done("There are no commands for that.")
	}
	var lines []string
	for _, c := range list {
		lines = append(lines, fmt.Sprintf("%s%s – %s", in.mark(), c.chatWord(), c.name))
	}
	return done(strings.Join(lines, "\n"))
}

// chatCommands are those that the list of ad-hoc commands does not have.
func (h *host) chatCommands(user jid.JID) []command {
	list := h.registerCommands()
	if h.isAdmin(user) {
		list = append(list, h.hiddenCommands()...)
	}
	return list
}

// chatCommand finds the command of a word: at the address that follows it, if
// that has one of the name, else at the one that the chat is with, else at the
// gateway itself. Answers is what is written behind it, without its address.
func (s *session) chatCommand(in chat, word, rest string) (c command, answers string, ok bool) {
	named := func(c command) bool { return c.chatWord() == word || c.node == word }
	first, after := cutWord(rest)
	if t, ok := s.host.chatTarget(first); ok {
		list := s.host.commands(t)
		if i := slices.IndexFunc(list, named); i >= 0 {
			return list[i], after, true
		}
	}
	list := slices.Concat(s.host.commands(in.with), s.host.commands(target{kind: toGateway}), s.host.hiddenCommands(), s.host.registerCommands())
	i := slices.IndexFunc(list, named)
	if i < 0 {
		return command{}, "", false
	}
	return list[i], rest, true
}

// say tells in a chat what a command has come to. A form is filled in from what
// was written behind the command, or shown if that is nothing for it; asked are
// the fields of the forms before it.
func (s *session) say(ctx context.Context, st *stanza.Received, now stage, written string, asked []transport.Field) {
	s.drive(ctx, st, now, func(ctx context.Context, now stage) {
		switch {
		case now.err != nil && now.err.Text != "":
			s.reply(st, now.err.Text)
		case now.err != nil:
			s.reply(st, "That can't be done: "+string(now.err.Condition))
		case now.form != nil:
			answers, text := chatAnswers(now, written, asked)
			if text == "" && asksAgain(now, asked) {
				text = formText(*now.form) + chatHow
			}
			if text != "" {
				s.reply(st, strings.Join(append(notes(now), text), "\n"))
				return
			}
			s.say(ctx, st, now.then(s, answers), written, append(asked, now.form.Fields...))
		default:
			s.reply(st, strings.Join(notes(now), "\n"))
			s.follow(ctx, now)
		}
	})
}

// notes are what a command says, as lines of a chat.
func notes(now stage) (lines []string) {
	for _, n := range now.told {
		lines = append(lines, n.Text)
	}
	return lines
}

func (s *session) reply(st *stanza.Received, text string) {
	if len(text) > maxChatReply {
		text = strings.ToValidUTF8(text[:maxChatReply], "") + "…"
	}
	s.send(stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: st.To.Bare(), To: st.From, Type: stanza.Chat, ID: s.newID()},
		Payloads: []payload{stanza.Body(text)},
	})
}
