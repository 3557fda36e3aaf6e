package irc

import (
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// Standard replies (IRCv3 standard-replies): FAIL, WARN and NOTE, each with a
// command or *, a code, what it is about, and a text.

// failCodes are the codes of FAIL that say more than "refused": the registry of
// IRCv3, the specifications that use it, and what servers have beside it.
var failCodes = map[string]transport.Reason{
	"ACCOUNT_EXISTS":               transport.Conflict,
	"ACCOUNT_NAME_MUST_BE_NICK":    transport.BadNick,
	"ACCOUNT_REQUIRED":             transport.NotAuthorized,
	"ACCOUNT_REQUIRED_TO_CONNECT":  transport.NotAuthorized,
	"ALREADY_AUTHENTICATED":        transport.Conflict,
	"ALREADY_REGISTERED":           transport.Conflict,
	"BAD_ACCOUNT_NAME":             transport.BadRequest,
	"BANNED":                       transport.Forbidden,
	"BLANK_MSG":                    transport.BadRequest,
	"CANNOT_RENAME":                transport.NotAllowed,
	"CANNOT_SEND":                  transport.Forbidden,
	"CHANNEL_NAME_IN_USE":          transport.Conflict,
	"CHANNEL_RENAMED":              transport.Moved,
	"COMPLETE_CONNECTION_REQUIRED": transport.Unreachable,
	"CONFUSABLE_NICKNAME":          transport.Conflict,
	"DISALLOWED":                   transport.NotAllowed,
	"INTERNAL_ERROR":               transport.Unexplained,
	"INVALID_CODE":                 transport.BadRequest,
	"INVALID_EMAIL":                transport.BadRequest,
	"INVALID_MSGREFTYPE":           transport.BadRequest,
	"INVALID_NICK":                 transport.BadNick,
	"INVALID_PARAMS":               transport.BadRequest,
	"INVALID_PASSWORD":             transport.BadRequest,
	"INVALID_REALNAME":             transport.BadRequest,
	"INVALID_TARGET":               transport.NotFound,
	"INVALID_USER":                 transport.NotFound,
	"INVALID_USERNAME":             transport.BadRequest,
	"INVALID_UTF8":                 transport.BadRequest,
	"MESSAGE_ERROR":                transport.Unexplained,
	"MULTILINE_INVALID":            transport.BadRequest,
	"MULTILINE_INVALID_TARGET":     transport.BadRequest,
	"MULTILINE_MAX_BYTES":          transport.TooLong,
	"MULTILINE_MAX_LINES":          transport.TooLong,
	"NEED_MORE_PARAMS":             transport.BadRequest,
	"NEED_NICK":                    transport.BadNick,
	"NEED_REGISTRATION":            transport.NotAuthorized,
	"NICKNAME_RESERVED":            transport.Conflict,
	"NOT_ENABLED":                  transport.Unsupported,
	"NO_SUCH_CHANNEL":              transport.NotFound,
	"NO_SUCH_NICKNAME":             transport.NotFound,
	"PRIVS_NEEDED":                 transport.Forbidden,
	"RATE_LIMITED":                 transport.RateLimited,
	"REDACT_FORBIDDEN":             transport.Forbidden,
	"REDACT_WINDOW_EXPIRED":        transport.Unacceptable,
	"TEMPORARILY_UNAVAILABLE":      transport.Unreachable,
	"UNACCEPTABLE_EMAIL":           transport.BadRequest,
	"UNACCEPTABLE_PASSWORD":        transport.BadRequest,
	"UNKNOWN_COMMAND":              transport.Unsupported,
	"UNKNOWN_ERROR":                transport.Unexplained,
	"UNKNOWN_MSGID":                transport.NotFound,
	"USERNAME_EXISTS":              transport.Conflict,
	"WEAK_PASSWORD":                transport.BadRequest,
}

// code is that of a standard reply.
func (m *message) code() string { return strings.ToUpper(m.param(1)) }

// failure is the error that a FAIL stands for. The text is the server's.
func (l *link) failure(m *message) *transport.Error {
	err := &transport.Error{Reason: transport.Rejected, Text: m.text(), Code: m.code()}
	if reason, ok := failCodes[err.Code]; ok {
		err.Reason = reason
	}
	if err.Reason == transport.Moved { // the old name, the new name
		err.Redirect = l.network.address(l.server, m.param(len(m.Params)-2))
	}
	return err
}

// receiveFail gives a FAIL to the command that it is about: the one with its
// label, or the only one that can be meant. Else the user is told.
func receiveFail(l *link, m *message) error {
	if l.phase == connecting && m.param(0) == "*" && failCodes[m.code()] == transport.NotAuthorized {
		return l.accountRequired(m)
	}
	if l.heedUTF8(m) || l.multilineRefused(m) || l.metadataRefused(m) {
		return nil
	}
	p := l.withLabel(l.labelOf(m))
	if p == nil {
		p = l.onlyFailed(m)
	}
	if p == nil {
		return receiveRemark(l, m)
	}
	l.settleLine(p)
	err := l.failure(m)
	if p.relayed {
		err.Reason = l.relayRefused(p, err.Code, err.Reason)
	}
	l.settle(p, err)
	return nil
}

// onlyFailed finds the command that a FAIL without a label is about. What it says
// of where it comes from may be names or anything else.
func (l *link) onlyFailed(m *message) *pending {
	command, names := strings.ToUpper(m.param(0)), map[string]bool{}
	if command == "TAGMSG" {
		command = "PRIVMSG" // as it is kept
	}
	for i := 2; i < len(m.Params)-1; i++ {
		names[l.is.fold(m.Params[i])] = true
	}
	var all, named []*pending
	for _, p := range slices.Concat(l.unechoed, l.open) {
		if p.command != command && !(p.relayed && command == "RELAYMSG") {
			continue
		}
		all = append(all, p)
		if names[p.target] || p.who != "" && names[p.who] {
			named = append(named, p)
		}
	}
	if len(named) > 0 {
		all = named
	}
	if len(all) == 1 {
		return all[0]
	}
	return nil
}

// settleLine counts one line of a command as answered, and forgets the command
// with its last.
func (l *link) settleLine(p *pending) {
	if p.echo != nil && len(p.echo.texts) > 0 {
		p.echo.texts = p.echo.texts[1:]
	}
	if p.lines--; p.lines <= 0 || p.echo != nil && len(p.echo.texts) == 0 {
		l.close(p)
	}
}

// refusedByLabel settles what an error that bears its label is the answer to.
func (l *link) refusedByLabel(m *message) bool {
	p := l.withLabel(l.labelOf(m))
	r, ok := refusals[m.Command]
	if p == nil || !ok {
		return false
	}
	l.settleLine(p)
	l.settleRefused(p, r, m)
	return true
}

// receiveRemark shows what the server remarks: in the answer to what was asked
// on its console, or by itself.
func receiveRemark(l *link, m *message) error {
	l.heedUTF8(m)
	text := m.text()
	if len(m.Params) < 3 { // a server that gives no text
		text = clean(strings.Join(m.Params, " "))
	}
	switch p := l.openAnswer(""); {
	case text == "":
	case p != nil:
		l.collect(p.answer, text)
	default:
		l.emit(transport.Notice{From: l.address, Text: text})
	}
	return nil
}

// accountRequired ends a connection that needs an account.
func (l *link) accountRequired(m *message) error {
	text := l.server.name + " lets in only those who have an account: " + m.text()
	text += " Log in with the command " + loginNode + ", or register an account with " + registerNode + ", both at the address of " + l.server.name + "."
	return &registrationError{&transport.Error{Reason: transport.NotAuthorized, Code: m.code(), Text: text}, true}
}
