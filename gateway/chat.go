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

// sendToGateway takes a message to the gateway itself: a command, or where the
// gateway stands for the only server, what that is to get unless it is marked.
// Addresses without a user get no answer: another gateway's bot might answer
// that.
func (s *session) sendToGateway(ctx context.Context, st *stanza.Received) {
	text := strings.TrimSpace(textOf(st))
	marked := strings.HasPrefix(text, chatMark)
	switch {
	case text == "":
	case st.Type == stanza.Groupchat:
		s.refuse(st, badRequest(s.host.Domain+" is not a room"))
	case st.Type == stanza.Headline || st.From.Local == "":
	case s.host.info.Home != "" && !marked:
		s.sendToPerson(ctx, st, s.host.info.Home)
	default:
		word, rest := cutWord(strings.TrimPrefix(text, chatMark))
		s.say(ctx, st, s.chat(strings.ToLower(word), rest), rest, nil)
	}
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

// chat says what a line of a chat does.
func (s *session) chat(word, rest string) stage {
	mark := s.host.chatPrefix()
	switch word {
	case "help", "?", "start", "/start":
		text := fmt.Sprintf(chatHelp, mark)
		if mark != "" {
			text += "\nEverything else goes to " + string(s.host.info.Home) + "."
		}
		return done(text)
	case "commands":
		return s.listCommands(rest)
	case "settings":
		at, kind, _ := s.chatPlace(rest)
		return s.showSettings(at, kind)
	case "set", "unset":
		return s.setInChat(word == "unset", rest)
	}
	c, ok := s.chatCommand(word, rest)
	switch {
	case !ok:
		return undone(fmt.Sprintf("I don't know what %q is. Write %shelp to see what I know.", word, mark))
	case c.admin && !s.host.isAdmin(s.user):
		return failed(notAdmin())
	}
	return c.start(s)
}

func (h *host) chatPrefix() string {
	if h.info.Home != "" {
		return chatMark
	}
	return ""
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
// Without an address those of the whole network are, or if these have no
// setting of that name, those of the only server.
func (s *session) chatPlace(text string) (at transport.Address, kind transport.Kind, rest string) {
	word, after := cutWord(text)
	h := s.host
	whole := h.hasSetting("", transport.Server, word)
	if h.info.Home != "" && !whole && h.hasSetting(h.info.Home, transport.Server, word) {
		return h.info.Home, transport.Server, text
	}
	if t, ok := h.chatTarget(word); ok && !whole {
		if at, kind := t.place(); h.hasSettings(at, kind) {
			return at, kind, after
		}
	}
	return "", transport.Server, text
}

func (h *host) hasSetting(at transport.Address, kind transport.Kind, name string) bool {
	c, ok := h.Network.(transport.Configurable)
	if !ok {
		return false
	}
	form, ok := c.SettingsForm(at, kind, nil)
	return ok && fieldOf(form, name) >= 0
}

// fieldOf finds a field that can be filled in.
func fieldOf(f transport.Form, name string) int {
	return slices.IndexFunc(f.Fields, func(f transport.Field) bool { return f.Name == name && f.Type != transport.Note })
}

func (s *session) showSettings(at transport.Address, kind transport.Kind) stage {
	return stage{work: func(ctx context.Context) stage {
		form, err := s.settingsForm(ctx, at, kind)
		if err != nil {
			return s.failedWith(err)
		}
		address := ""
		if at != "" {
			address = string(at) + " "
		}
		return done(formText(form) + fmt.Sprintf("\nWrite: %sset %sNAME VALUE", s.host.chatPrefix(), address))
	}}
}

// setInChat changes one setting.
func (s *session) setInChat(unset bool, rest string) stage {
	at, kind, rest := s.chatPlace(rest)
	name, value := cutWord(rest)
	usage := undone(fmt.Sprintf("Write: %sset [ADDRESS] NAME VALUE. The names are in %[1]ssettings.", s.host.chatPrefix()))
	if name == "" || value == "" && !unset {
		return usage
	}
	if !s.host.hasSetting(at, kind, name) {
		return undone(fmt.Sprintf("There is no setting %q there. The names are in %ssettings.", name, s.host.chatPrefix()))
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
		out := done("Saved.").warn(complaints...)
		out.next = func(context.Context) { s.reconfigured(at) }
		return out
	}}
}

// listCommands tells of the commands of an address.
func (s *session) listCommands(address string) stage {
	t := target{kind: toGateway}
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
		lines = append(lines, fmt.Sprintf("%s%s – %s", s.host.chatPrefix(), c.chatWord(), c.name))
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
// that has one of the name, else at the gateway itself.
func (s *session) chatCommand(word, rest string) (command, bool) {
	named := func(c command) bool { return c.chatWord() == word || c.node == word }
	first, _ := cutWord(rest)
	if t, ok := s.host.chatTarget(first); ok {
		list := s.host.commands(t)
		if i := slices.IndexFunc(list, named); i >= 0 {
			return list[i], true
		}
	}
	list := slices.Concat(s.host.commands(target{kind: toGateway}), s.host.hiddenCommands(), s.host.registerCommands())
	i := slices.IndexFunc(list, named)
	if i < 0 {
		return command{}, false
	}
	return list[i], true
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
			if text != "" {
				s.reply(st, text)
				return
			}
			s.say(ctx, st, now.then(s, answers), written, append(asked, now.form.Fields...))
		default:
			var lines []string
			for _, n := range now.told {
				lines = append(lines, n.Text)
			}
			s.reply(st, strings.Join(lines, "\n"))
			if now.next != nil {
				now.next(ctx)
			}
		}
	})
}

func (s *session) reply(st *stanza.Received, text string) {
	s.send(stanza.Stanza{
		Kind:     stanza.Message,
		Header:   stanza.Header{From: s.at(""), To: st.From, Type: stanza.Chat, ID: s.newID()},
		Payloads: []payload{stanza.Body(text)},
	})
}
