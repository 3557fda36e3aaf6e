package irc

import (
	"context"
	"strings"

	"gatehouse/gateway/transport"
)

// Moderate implements transport.Moderation: roles and affiliations are the
// modes that the server has for members, no role is a kick, and an outcast is
// on the list of bans.
func (s *session) Moderate(_ context.Context, room transport.Address, a transport.Action) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		nick, err := l.nickOf(a)
		if err != nil {
			return err
		}
		var target *user
		if u := l.users[l.is.fold(nick)]; u != nil && ch.has(u) {
			target = u
		}
		switch {
		case (a.Role == nil) == (a.Affiliation == nil):
			return refuse(transport.BadRequest, "Either a role or an affiliation is set.")
		case a.Affiliation != nil && *a.Affiliation == transport.Outcast:
			return l.ban(ch, nick, target, a)
		case a.Affiliation != nil && *a.Affiliation == transport.AffiliationNone && target == nil:
			return l.changeModes(ch, a.Request, nick, []modeChange{{mode: 'b', arg: banMask(nick, "")}})
		case target == nil:
			return refuse(transport.NotFound, "%s is not in %s.", nick, ch.name)
		case a.Role != nil && *a.Role == transport.RoleNone:
			return l.kick(ch, target, a, false)
		}
		return l.setStanding(ch, target, a)
	})
}

// nickOf gives the nick of whom an action is about. A mask is let through
// too, for bans.
func (l *link) nickOf(a transport.Action) (string, error) {
	nick := a.Nick
	if nick == "" {
		name, srv, err := l.network.split(a.Who)
		if err != nil {
			return "", err
		}
		if srv != l.server || name == "" {
			return "", refuse(transport.NotFound, "%s is not on %s.", a.Who, l.server.name)
		}
		nick = name
		if u := l.users[l.is.fold(name)]; u != nil {
			nick = u.nick.Value()
		}
	}
	if !printable(nick) || strings.ContainsAny(nick, " ,") || strings.HasPrefix(nick, ":") {
		return "", refuse(transport.BadRequest, "%q can't be a nick on IRC.", nick)
	}
	return nick, nil
}

func (l *link) kick(ch *channel, target *user, a transport.Action, ban bool) error {
	nick := target.nick.Value()
	params := []string{ch.name, nick}
	if a.Reason != "" {
		reason := withoutControls(a.Reason)
		params = append(params, reason[:runeBorder(reason+" ", min(len(reason), l.is.kickLen))])
	}
	return l.command(&pending{
		command: "KICK", target: l.is.fold(ch.name), who: l.is.fold(nick), request: a.Request, ban: ban,
	}, "KICK", params...)
}

// ban puts somebody on the list of bans, and out if they are in. The answer
// is that to the last command.
func (l *link) ban(ch *channel, nick string, target *user, a transport.Action) error {
	if !strings.Contains(l.is.lists, "b") {
		return refuse(transport.Unsupported, "%s has no bans.", l.server.name)
	}
	host := ""
	if target != nil {
		host = target.host.Value()
	}
	request := a.Request
	if target != nil {
		request = ""
	}
	err := l.changeModes(ch, request, nick, []modeChange{{add: true, mode: 'b', arg: banMask(nick, host)}})
	if err != nil || target == nil {
		return err
	}
	return l.kick(ch, target, a, true)
}

// banMask is for the host where it is known, as a nick is soon another.
func banMask(nick, userhost string) string {
	if strings.ContainsAny(nick, "!@*") {
		return nick
	}
	if _, host, ok := strings.Cut(userhost, "@"); ok && host != "" {
		return "*!*@" + host
	}
	return nick + "!*@*"
}

func (l *link) setStanding(ch *channel, target *user, a transport.Action) error {
	role, affiliation := l.is.standing(ch.members[target], ch.modes.has('m'))
	var w wish
	var ok bool
	switch {
	case a.Role != nil && *a.Role == role, a.Affiliation != nil && *a.Affiliation == affiliation:
		l.emit(transport.Answered{Request: a.Request})
		return nil
	case a.Role != nil:
		w, ok = roleWishes[*a.Role]
		if *a.Role == transport.Participant && !ch.modes.has('m') {
			w.give = "" // everybody may speak
		}
	default:
		w, ok = affiliationWishes[*a.Affiliation]
	}
	if !ok {
		return refuse(transport.BadRequest, "There is no such role.")
	}
	give, take, ok := l.is.changes(w, ch.members[target])
	if !ok {
		return refuse(transport.Unsupported, "%s has no such role.", l.server.name)
	}
	nick := target.nick.Value()
	var changes []modeChange
	for i := range len(take) {
		changes = append(changes, modeChange{mode: take[i], arg: nick})
	}
	for i := range len(give) {
		changes = append(changes, modeChange{add: true, mode: give[i], arg: nick})
	}
	if len(changes) == 0 {
		l.emit(transport.Answered{Request: a.Request})
		return nil
	}
	return l.changeModes(ch, a.Request, nick, changes)
}

// changeModes sends changes in as many MODEs as the server needs. The answer
// is that to the last.
func (l *link) changeModes(ch *channel, request transport.Request, nick string, changes []modeChange) error {
	var lines [][]byte
	for len(changes) > 0 {
		n := min(len(changes), l.is.modes)
		letters, params := "", []string{ch.name, ""}
		for i, c := range changes[:n] {
			if i == 0 || changes[i-1].add != c.add {
				letters += map[bool]string{true: "+", false: "-"}[c.add]
			}
			letters += string(c.mode)
			params = append(params, c.arg)
		}
		params[1] = letters
		b, err := line(l.is.lineLen, "MODE", params...)
		if err != nil {
			return &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
		}
		lines = append(lines, b)
		changes = changes[n:]
	}
	if err := l.enqueue(lines...); err != nil {
		return err
	}
	for i := range lines {
		p := &pending{command: "MODE", target: l.is.fold(ch.name), who: l.is.fold(nick)}
		if i == len(lines)-1 {
			p.request = request
		}
		l.await(p)
	}
	return nil
}
