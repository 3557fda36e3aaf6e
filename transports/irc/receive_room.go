package irc

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unique"

	"gatehouse/gateway/transport"
)

const uniqueLimit = 512 // bytes of what is kept of each person

func uniqueText(s string) unique.Handle[string] {
	return unique.Make(upTo(s, uniqueLimit))
}

func (l *link) isSelf(nick string) bool { return l.is.fold(nick) == l.is.fold(l.nick) }

// receiveJoin handles JOIN, whose second parameter is an account with
// extended-join.
func receiveJoin(l *link, m *message) error {
	name := clean(m.param(0))
	ch := l.channel(name)
	if l.isSelf(m.nick) {
		l.host = strings.Clone(m.host) // without its line
		switch {
		case ch == nil || ch.state == wanted:
			l.putIn(name, ch)
		case ch.state == joining:
			ch.state, ch.name, ch.modes, ch.subject, ch.members = entering, strings.Clone(name), 0, transport.Subject{}, members{}
			ch.asked, ch.held, ch.split, ch.heardSince = time.Time{}, nil, nil, m.at
			if ch.modesDue = l.isUnpaced(); ch.modesDue {
				l.sendSoon("MODE", name)
			} else {
				l.sendLater("MODE", name)
			}
			l.enter(ch, l.seen(m.nick), 0)
			l.refreshHost(m)
			l.learnJoin(m)
			l.nameless(ch)
		}
		return nil
	}
	if ch == nil || m.fromServer() || m.nick == "" {
		return nil
	}
	u := l.seenFrom(m.nick, m.host)
	if u.rooms == 0 {
		u.away, u.status = false, noText
	}
	l.learnJoin(m)
	l.learnsTitles(m)
	l.enter(ch, u, 0)
	l.sees(m.nick, true)
	if !l.comesBack(ch, u) && ch.shown() {
		l.emit(transport.MemberChanged{Room: ch.address, Member: l.member(ch, u), Joined: true})
	}
	return nil
}

// learnJoin keeps the account of who joined (IRCv3 extended-join).
func (l *link) learnJoin(m *message) {
	if u := l.users[l.is.fold(m.nick)]; u != nil && l.caps.on.has("extended-join") && len(m.Params) > 1 {
		u.account = accountNamed(m.param(1))
	}
}

// putIn is for a channel that the server put us into unasked. Nobody in XMPP
// knows of it, so we leave; where the server has refused another channel for
// it, that was told.
func (l *link) putIn(name string, ch *channel) {
	if ch != nil || !l.isChannel(name) {
		return // we wanted it anyway
	}
	l.sendLater("PART", name)
	if validChannel(name) && l.is.fold(name) != l.forwarded {
		l.emit(transport.Invited{Room: l.network.address(l.server, name), Reason: l.server.name + " wanted you to be there."})
	}
}

func receivePart(l *link, m *message) error {
	for name := range strings.SplitSeq(clean(m.param(0)), ",") {
		ch := l.channel(name)
		if ch == nil {
			continue
		}
		reason := ""
		if len(m.Params) > 1 {
			reason = m.text()
		}
		if l.isSelf(m.nick) {
			l.take(func(p *pending) bool { return p.command == "PART" && p.target == l.is.fold(name) })
			l.parted(ch, reason)
			continue
		}
		if u := l.users[l.is.fold(m.nick)]; u != nil {
			l.goes(ch, u, transport.MemberLeft{Reason: reason})
		}
	}
	return nil
}

// parted is our own PART come back.
func (l *link) parted(ch *channel, reason string) {
	if ch.state == leaving {
		l.left(ch)
		return
	}
	if ch.state == wanted || ch.state == joining {
		return // of a stay before
	}
	l.drop(ch)
	l.emit(transport.RoomLeft{Room: ch.address, Why: transport.Parted, Reason: reason})
	l.leaveIfIdle()
}

// goes takes somebody else out of a channel.
func (l *link) goes(ch *channel, u *user, e transport.MemberLeft) {
	if !ch.has(u) {
		return
	}
	e.Room, e.Member = ch.address, l.member(ch, u)
	l.exit(ch, u)
	if ch.shown() {
		l.emit(e)
	}
}

func receiveKick(l *link, m *message) error {
	name, nick := l.nameParam(m.param(0)), clean(m.param(1))
	ch := l.channel(name)
	if ch == nil {
		return nil
	}
	reason := ""
	if len(m.Params) > 2 {
		reason = m.text()
	}
	why := transport.Kicked
	if u := l.users[l.is.fold(nick)]; u != nil && l.isBanned(ch, nick, u.host()) || l.isSelf(nick) && l.isBanned(ch, l.nick, l.host) {
		why = transport.Banned
	}
	if l.isSelf(nick) {
		if ch.state == wanted || ch.state == joining {
			return nil
		}
		if why == transport.Kicked && l.defiesKick(ch, m.nick, reason) {
			return nil
		}
		_, affiliation := l.is.standing(ch.members.modes(l.users[l.is.fold(nick)]), false)
		l.drop(ch)
		l.emit(transport.RoomLeft{Room: ch.address, Why: why, By: m.nick, Reason: reason, Affiliation: affiliation})
		l.touch() // the user may want to come back
		return nil
	}
	if l.isSelf(m.nick) {
		if p := l.echoed("KICK", l.is.fold(name), l.is.fold(nick)); p != nil && p.ban {
			why = transport.Banned
		}
	}
	if u := l.users[l.is.fold(nick)]; u != nil {
		l.goes(ch, u, transport.MemberLeft{Why: why, By: m.nick, Reason: reason})
	}
	return nil
}

func receiveQuit(l *link, m *message) error {
	l.sees(m.nick, false)
	l.typedAway(m.nick)
	u := l.users[l.is.fold(m.nick)]
	if u == nil || l.isSelf(m.nick) {
		return nil
	}
	reason := ""
	if len(m.Params) > 0 {
		reason = m.text()
	}
	splits := l.isSplit(m)
	for _, ch := range l.shown(u) {
		if splits {
			l.splitsOff(ch, u, reason)
		} else {
			l.goes(ch, u, transport.MemberLeft{Reason: reason})
		}
	}
	for _, ch := range l.channels { // those that are not shown yet
		l.exit(ch, u)
	}
	if l.is.fold(m.nick) == l.is.fold(l.wanted) {
		l.nickIsFree()
	}
	return nil
}

func receiveNick(l *link, m *message) error {
	nick := clean(m.param(0))
	if nick == "" || len(nick) > sourceLimit {
		return nil
	}
	if p := l.withLabel(l.labelOf(m)); p != nil && p.command == "NICK" {
		m.nick = l.nick // InspIRCd 3 names the new one as the source, if there is a label
	}
	l.typedAway(m.nick)
	self := l.isSelf(m.nick)
	if self {
		l.nick = nick
	}
	if u := l.users[l.is.fold(m.nick)]; u != nil {
		was := u.nick()
		l.rename(u, nick)
		for _, ch := range l.shown(u) {
			l.returnsNot(ch, nick)
			l.emit(transport.MemberRenamed{Room: ch.address, Was: was, Member: l.member(ch, u)})
		}
	}
	l.sees(m.nick, false)
	l.sees(nick, true)
	if self && l.phase == online {
		l.wanted = nick
		l.echoed("NICK", l.is.fold(nick), "")
	} else if l.is.fold(m.nick) == l.is.fold(l.wanted) {
		l.nickIsFree()
	}
	if _, open := l.talking[l.is.fold(m.nick)]; open && !self {
		delete(l.talking, l.is.fold(m.nick))
		l.talksTo(nick)
	}
	return nil
}

func receiveMode(l *link, m *message) error {
	ch := l.channel(l.nameParam(m.param(0)))
	if ch == nil || len(m.Params) < 2 {
		return nil // our own modes
	}
	args := make([]string, 0, len(m.Params)-2)
	for _, arg := range m.Params[2:] {
		args = append(args, clean(arg))
	}
	l.showModes(ch, m, args)
	before := ch.modes
	touched := make(map[*user]bool)
	var order []*user
	for _, c := range l.is.modeChanges(clean(m.param(1)), args) {
		switch {
		case c.member:
			u := l.users[l.is.fold(c.arg)]
			if u == nil {
				continue
			}
			if ch.has(u) {
				ch.members.set(u, ch.members.modes(u).with(c.mode, c.add))
				if !touched[u] {
					touched[u] = true
					order = append(order, u)
				}
			}
		case c.flag:
			ch.setFlag(c)
		default:
			if _, quiet := l.is.quietMask(c); quiet {
				for _, u := range l.keepQuiet(ch, c) {
					if !touched[u] {
						touched[u] = true
						order = append(order, u)
					}
				}
			} else if c.mode == 'b' {
				ch.keepBan(c)
			}
		}
	}
	for _, u := range order {
		l.changed(ch, u, m.nick)
	}
	l.modesChanged(ch, before)
	return nil
}

// showModes tells those in the room what was changed, as IRC clients do: most
// of it is seen in no other way. What a server gives to many after a split is
// not told.
func (l *link) showModes(ch *channel, m *message, args []string) {
	changes := l.is.modeChanges(clean(m.param(1)), args)
	isMember := func(c modeChange) bool { return c.member }
	if !ch.shown() || m.fromServer() && !slices.ContainsFunc(changes, func(c modeChange) bool { return !isMember(c) }) {
		return
	}
	what := strings.Join(append([]string{clean(m.param(1))}, args...), " ")
	l.emit(transport.RoomNotice{Room: ch.address, Text: "Mode " + ch.name + " [" + what + "] by " + m.nick})
}

// setFlag keeps the modes, and the key for the next join.
func (ch *channel) setFlag(c modeChange) {
	ch.modes = ch.modes.with(c.mode, c.add)
	if c.mode != 'k' {
		return
	}
	switch {
	case !c.add:
		ch.password = ""
	case c.arg != "" && strings.Trim(c.arg, "*") != "" && !strings.ContainsAny(c.arg, " ,"):
		ch.password = c.arg
	}
}

// modesChanged delivers what follows from a change of the channel's modes:
// with mode m, who has no voice is a visitor.
func (l *link) modesChanged(ch *channel, before modeSet) {
	if !ch.shown() {
		return
	}
	if roomModes(before) != roomModes(ch.modes) {
		l.emit(transport.RoomChanged{Room: ch.address, Modes: roomModes(ch.modes)})
	}
	if before.has('m') == ch.modes.has('m') {
		return
	}
	var changed []*user
	for u := range ch.members.all() {
		has := ch.members.modes(u)
		was, _ := l.is.standing(has, before.has('m'))
		if is, _ := l.is.standing(has, ch.modes.has('m')); was != is {
			changed = append(changed, u)
		}
	}
	slices.SortFunc(changed, func(a, b *user) int { return cmp.Compare(a.nick(), b.nick()) })
	for _, u := range changed {
		l.changed(ch, u, "")
	}
}

func receiveTopic(l *link, m *message) error {
	name := l.nameParam(m.param(0))
	ch := l.channel(name)
	if ch == nil {
		return nil
	}
	ch.subject = transport.Subject{Text: formatFromIRC(m.param(1)), By: m.nick, Sender: l.sender(m), At: m.at}
	if ch.shown() {
		l.emit(transport.SubjectChanged{Room: ch.address, Subject: ch.subject})
	}
	if l.isSelf(m.nick) {
		l.echoed("TOPIC", l.is.fold(name), "")
	}
	return nil
}

// receiveAway handles AWAY (IRCv3 away-notify).
func receiveAway(l *link, m *message) error {
	status := ""
	if len(m.Params) > 0 {
		status = m.reason()
	}
	away := len(m.Params) > 0
	l.seesAway(m.nick, away, status)
	u := l.users[l.is.fold(m.nick)]
	if u == nil || u.away == away && u.status == uniqueText(status) {
		return nil
	}
	u.away, u.status = away, uniqueText(status)
	l.changedEverywhere(u)
	return nil
}

// receiveChghost handles CHGHOST user host (IRCv3 chghost).
func receiveChghost(l *link, m *message) error {
	host := clean(m.param(0)) + "@" + clean(m.param(1))
	if l.isSelf(m.nick) {
		l.host = host
	}
	if u := l.users[l.is.fold(m.nick)]; u != nil && l.learnsHost(u, host) {
		l.changedEverywhere(u)
	}
	l.changesAfar(m.nick)
	return nil
}
