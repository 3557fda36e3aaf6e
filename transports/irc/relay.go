package irc

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway/transport"
)

// RELAYMSG <channel> <nick> :<text> says something under a nick that nobody
// has: one with a separator in it, which is what the capability's value lists.
// Others see a PRIVMSG from that nick, with the relayer's in a tag
// (github.com/ergochat/ergo, docs/MANUAL.md; draft/relaymsg).
const (
	relayCap      = "draft/relaymsg"
	relayTag      = "draft/relaymsg"
	relayNetwork  = "xmpp"           // where those nicks come from: "juliet/xmpp"
	relayRestTime = 10 * time.Minute // before what was refused is tried again
)

// relays says that others' words can be said in a channel under their nicks.
// Whether the user may is only known once it was refused.
func (l *link) relays(name string) bool {
	ch := l.channel(name)
	if ch == nil || !l.caps.on.has(relayCap) || l.caps.values[relayCap] == "" {
		return false
	}
	return time.Now().After(ch.relayAfter) || !ch.relayAsOp && l.isOperator(ch)
}

// isOperator says that the user is one in a channel, or more.
func (l *link) isOperator(ch *channel) bool {
	u := l.users[l.is.fold(l.nick)]
	if u == nil || !ch.has(u) {
		return false
	}
	role, _ := l.standing(ch, u)
	return role == transport.Moderator
}

// relayedBy gives the nick of who relayed a message.
func (m *message) relayedBy() string {
	_, by := m.GetTag(relayTag)
	return by
}

// isOwnRelay says that the user relayed a message.
func (l *link) isOwnRelay(m *message) bool {
	by := m.relayedBy()
	return by != "" && l.is.fold(by) == l.is.fold(l.nick)
}

// relayNick makes a nick of a name.
func (l *link) relayNick(name string) string {
	separator, _ := utf8.DecodeRuneInString(l.caps.values[relayCap])
	suffix := string(separator) + relayNetwork
	ascii := l.is.casemapping == "ascii" || strings.HasPrefix(l.is.casemapping, "rfc1459")
	nick := strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)), strings.ContainsRune("_-[]{}\\|^`", r):
			return r
		case r >= utf8.RuneSelf && !ascii && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)):
			return r
		case strings.ContainsRune(l.caps.values[relayCap], r), r == utf8.RuneError:
			return '_'
		case unicode.IsSpace(r), unicode.IsPunct(r), r >= utf8.RuneSelf && unicode.IsLetter(r):
			return '_'
		}
		return -1
	}, name)
	if strings.Trim(nick, "_-") == "" {
		nick = "somebody"
	}
	if nick[0] == '-' || nick[0] >= '0' && nick[0] <= '9' {
		nick = "_" + nick
	}
	for most := max(l.is.nickLen-len(suffix), 8); len(nick) > most; {
		_, size := utf8.DecodeLastRuneInString(nick)
		nick = nick[:len(nick)-size]
	}
	return nick + suffix
}

// relayLimit is how many bytes of text both the line that is sent and the one
// that others get have room for.
func (l *link) relayLimit(to []string) int {
	sent := l.is.lineLen - len(strings.Join(to, " ")) - len(" :\r\n")
	return min(sent, l.textLimit(to[1])+len(l.nick)-max(len(l.nick), len(to[2])))
}

// relayRefused takes what the server has against a RELAYMSG. Unsupported: the
// user's own nick will do better.
func (l *link) relayRefused(p *pending, code string, otherwise transport.Reason) transport.Reason {
	rest := func() transport.Reason {
		if ch := l.channel(p.target); ch != nil {
			ch.relayAfter, ch.relayAsOp = time.Now().Add(relayRestTime), l.isOperator(ch)
		}
		return transport.Unsupported
	}
	switch code {
	case "NOT_ENABLED", "PRIVS_NEEDED", "UNKNOWN_COMMAND", "421", "461":
		return rest()
	case "INVALID_NICK": // of one person: for a while all speak in the other way
		return rest()
	case "BANNED": // whom to keep out is for the channel to say
		return transport.Policy
	case "BLANK_MSG":
		return transport.BadRequest
	}
	return otherwise
}
