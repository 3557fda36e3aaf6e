package irc

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway/transport"
)

// wantedCaps are the capabilities (IRCv3) whose effects receive knows.
var wantedCaps = []string{
	"account-notify",
	"account-tag",
	"away-notify",
	"batch",
	"cap-notify",
	"chghost",
	historyCap,
	playbackCap,
	"echo-message",
	redactionCap,
	extendedISupportCap,
	markerCap,
	preAwayCap,
	renameCap,
	registrationCap,
	"extended-join",
	"extended-monitor",
	"draft/extended-monitor",
	"inspircd.org/standard-replies",
	"invite-notify",
	"labeled-response",
	"message-tags",
	metadataCap,
	multilineCap,
	"multi-prefix",
	"draft/oper",
	"solanum.chat/oper",
	relayCap,
	"server-time",
	"setname",
	"standard-replies",
	"userhost-in-names",
}

const capLineBytes = 400 // of the names in one CAP REQ

// capabilities is the state of capability negotiation (IRCv3
// capability-negotiation).
type capabilities struct {
	offered capSet
	values  map[string]string // of those that are offered with one
	on      capSet
	asked   int  // REQs that are not answered yet
	noNames bool // one of noNamesCaps was asked for
	ended   bool
}

// register queues the lines that open a connection. It needs mu.
func (l *link) register() {
	if l.nick == "" {
		l.nick = l.defaultNick()
		l.wanted = l.nick
	}
	l.changeISupport(func(is *isupport) { is.utf8Only = takesUTF8(l.conn) })
	l.introduce()
	switch {
	case l.set.pass.IsZero():
	case l.secrets():
		l.sendNow("PASS", l.set.pass.Reveal())
	default:
		l.console("The password of " + l.server.name + " is not sent: " + exposed)
	}
	l.sendNow("CAP", "LS", "302")
	l.sendNow("NICK", l.nick)
	l.realTold = l.realName()
	l.sendNow("USER", l.username(), "0", "*", l.realTold)
}

func (l *link) defaultNick() string {
	if l.set.nick != "" {
		return l.set.nick
	}
	local, _, _ := strings.Cut(l.session.account.User, "@")
	return asName(local, "guest")
}

func (l *link) username() string {
	if l.network.origin.hideUser {
		return l.set.face.ident
	}
	if l.set.user != "" {
		return l.set.user
	}
	return asName(l.nick, "guest")
}

func (l *link) realName() string {
	if l.set.real != "" {
		return l.set.real
	}
	if f := l.session.portrait; f != nil && f.Name != "" && l.set.follow && l.set.names {
		return f.Name
	}
	return l.nick
}

// asName keeps of a text what nicks and user names have everywhere.
func asName(text, otherwise string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	name = strings.TrimLeft(name, "0123456789")
	if name == "" {
		return otherwise
	}
	return name[:min(len(name), 9)] // RFC 2812 §1.2.1
}

// receiveCap handles CAP.
func receiveCap(l *link, m *message) error {
	names := strings.Fields(m.param(len(m.Params) - 1))
	switch strings.ToUpper(m.param(1)) {
	case "LS":
		l.caps.offer(names)
		if err := l.heedSTS(names); err != nil {
			return err
		}
		if m.param(2) != "*" || len(m.Params) < 4 { // "*": more lines come
			return l.requestCaps()
		}
	case "NEW":
		l.caps.offer(names)
		if err := l.heedSTS(names); err != nil {
			return err
		}
		if slices.ContainsFunc(names, isSASL) {
			l.sasl = saslLogin{answered: l.sasl.answered}
		}
		return l.requestCaps()
	case "DEL":
		for _, name := range names {
			l.caps.on &^= capBits[name]
			l.caps.withdraw(name)
		}
	case "ACK":
		for _, name := range names {
			name, off := strings.CutPrefix(name, "-")
			if off {
				l.caps.on &^= capBits[name]
			} else {
				l.caps.on |= capBits[name]
			}
		}
		if slices.Contains(names, extendedISupportCap) {
			l.askISupport()
		}
		if l.phase == online && slices.Contains(names, metadataCap) {
			l.beginFacesLate()
		}
		return l.capsAnswered()
	case "NAK":
		// All of one REQ are refused together: ask for each alone.
		for _, name := range names {
			if len(names) == 1 {
				l.caps.withdraw(name)
				break
			}
			if !l.caps.offered.has(name) {
				continue
			}
			l.caps.asked++
			l.sendNow("CAP", "REQ", name)
		}
		return l.capsAnswered()
	}
	return nil
}

func isSASL(offer string) bool { name, _, _ := strings.Cut(offer, "="); return name == saslCap }

func (l *link) requestCaps() error {
	var want []string
	names := wantedCaps
	if l.wantsSASL() {
		names = append(slices.Clip(names), saslCap)
	}
	if l.set.occupants == seenOccupants {
		names = append(slices.Clip(names), noNamesCaps...)
	}
	for _, name := range names {
		if l.caps.offered.has(name) && !l.caps.on.has(name) {
			want = append(want, name)
		}
	}
	if len(want) == 0 {
		return l.endCaps()
	}
	for len(want) > 0 { // as many as a line has room for
		n, size := 1, len(want[0])
		for n < len(want) && size+1+len(want[n]) <= capLineBytes {
			size += 1 + len(want[n])
			n++
		}
		l.caps.asked++
		l.sendNow("CAP", "REQ", strings.Join(want[:n], " "))
		want = want[n:]
	}
	return nil
}

func (l *link) capsAnswered() error {
	l.caps.asked--
	if l.caps.asked <= 0 {
		l.caps.asked = 0
		return l.endCaps()
	}
	return nil
}

// endCaps ends the negotiation once there is nothing more to negotiate. Logging
// in comes before that.
func (l *link) endCaps() error {
	if l.enrolsEarly() {
		return nil
	}
	if l.sasl.mechanism == nil && !l.sasl.over && l.wantsSASL() && (l.account == "" || l.sasl.answered != nil) {
		if l.caps.on.has(saslCap) {
			if value := l.caps.values[saslCap]; value != "" {
				l.sasl.offered = saslList(value)
			}
			return l.beginSASL()
		}
		if l.phase == connecting {
			if err := l.saslUnavailable(); err != nil {
				return err
			}
		}
		l.saslAnswer(refuse(transport.Unsupported, "%s does not offer SASL just now.", l.server.name))
	}
	if l.sasl.mechanism != nil {
		return nil
	}
	if !l.caps.ended && l.phase == connecting {
		l.caps.ended = true
		l.sendAwayEarly()
		l.sendNow("CAP", "END")
	}
	return nil
}

// receiveWelcome handles 001, whose first parameter is the nick we really
// have.
func receiveWelcome(l *link, m *message) error {
	if nick := m.param(0); nick != "" && nick != "*" {
		l.nick = strings.Clone(clean(nick))
	}
	l.caps.ended = true
	if l.wantsSASL() && !l.sasl.over { // a server without CAP
		if err := l.saslUnavailable(); err != nil {
			return err
		}
	}
	// The end of the MOTD shows that all of 005 was read. Its numeric is not
	// sent by all, this PING is answered by all.
	l.sendNow("PING", watchdogToken)
	return nil
}

// receiveISupport handles 005.
func receiveISupport(l *link, m *message) error {
	if len(m.Params) > 2 {
		mapping := l.is.casemapping
		tokens := m.Params[1 : len(m.Params)-1]
		for i, t := range tokens { // some are kept, and not the line with them
			tokens[i] = strings.Clone(t)
		}
		l.changeISupport(func(is *isupport) { is.update(tokens) })
		l.tellIcon()
		l.server.learn(l.is.chantypes)
		if l.is.casemapping != mapping {
			l.refold()
		}
		if l.held != nil && !l.isPaced() {
			l.wake() // what waits may go at once
		}
	}
	return nil
}

// receiveEndOfMOTD handles 376 and 422.
func receiveEndOfMOTD(l *link, _ *message) error {
	if l.phase == connecting {
		l.isOnline()
	}
	return nil
}

// nickRefused handles 433, 436 and 437 before we have a nick. Whoever waits
// for a room chooses another nick; a link that was up before, or that is only
// for messages, takes a similar one.
func (l *link) nickRefused(m *message) error {
	if !l.up && l.isAwaited() && !l.regainsByServices() {
		return &registrationError{&transport.Error{
			Reason: transport.Conflict, Code: m.Command,
			Text: "The nick " + l.wanted + " is taken on " + l.server.name + ".",
		}, true}
	}
	l.nickAttempts++
	if l.nickAttempts > 20 {
		return &registrationError{&transport.Error{
			Reason: transport.Conflict, Code: m.Command,
			Text: "No nick like " + l.wanted + " is free on " + l.server.name + ".",
		}, false}
	}
	l.nick = alternativeNick(l.wanted, l.nickAttempts, l.is.nickLen)
	l.sendNow("NICK", l.nick)
	return nil
}

// isAwaited says that somebody waits for a room.
func (l *link) isAwaited() bool {
	for _, ch := range l.channels {
		if !ch.anyNick {
			return true
		}
	}
	return false
}

// alternativeNick appends up to three underscores, then numbers, and keeps
// within the server's limit on length.
func alternativeNick(nick string, attempt, limit int) string {
	suffix := strings.Repeat("_", attempt)
	if attempt > 3 {
		suffix = "_" + strconv.Itoa(attempt-2)
	}
	if over := len(nick) + len(suffix) - limit; over > 0 {
		nick = upTo(nick, max(len(nick)-over, 1))
	}
	return nick + suffix
}

// registrationRefused makes the error for a numeric of the table
// registrationRefusals.
func (l *link) registrationRefused(m *message) error {
	r := registrationRefusals[m.Command]
	text := l.server.name + " refuses the connection"
	if r.reason == transport.BadNick {
		text = l.server.name + " does not allow the nick " + l.nick
	}
	if said := m.text(); said != "" {
		text += ": " + said
	}
	return &registrationError{&transport.Error{Reason: r.reason, Code: m.Command, Text: text}, r.permanent}
}
