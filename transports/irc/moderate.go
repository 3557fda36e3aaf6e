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
		} else if a.Affiliation == nil || *a.Affiliation != transport.AffiliationNone {
			target = l.unseen(ch, nick)
		}
		switch {
		case (a.Role == nil) == (a.Affiliation == nil):
			return refuse(transport.BadRequest, "Either a role or an affiliation is set.")
		case a.Affiliation != nil && *a.Affiliation == transport.Outcast:
			return l.ban(ch, nick, target, a)
		case a.Affiliation != nil && *a.Affiliation == transport.AffiliationNone && target == nil:
			return l.changeModes(ch, &pending{who: l.is.fold(nick), request: a.Request}, []modeChange{l.is.banChange(false, banMask(nick, ""))})
		case target == nil:
			return refuse(transport.NotFound, "%s is not in %s.", nick, ch.name)
		case a.Role != nil && *a.Role == transport.RoleNone:
			return l.kick(ch, target, a)
		}
		return l.setStanding(ch, target, a)
	})
}

// nickOf gives the nick of whom an action is about. A mask is let through
// too, for bans.
func (l *link) nickOf(a transport.Action) (string, error) {
	nick := a.Nick
	switch {
	case a.Mask != "" && !strings.Contains(a.Mask, "!"):
		return "", refuse(transport.BadRequest, "Name people by their nick, by their address here, or by a mask such as *!*@host.example.")
	case a.Mask != "":
		nick = a.Mask
	case nick == "":
		name, srv, err := l.network.split(a.Who)
		if err != nil {
			return "", err
		}
		if srv != l.server || name == "" {
			return "", refuse(transport.NotFound, "%s is not on %s.", a.Who, l.server.name)
		}
		nick = name
		if u := l.users[l.is.fold(name)]; u != nil {
			nick = u.nick()
		}
	}
	if !printable(nick) || strings.ContainsAny(nick, " ,") || strings.HasPrefix(nick, ":") {
		return "", refuse(transport.BadRequest, "%q can't be a nick on IRC.", nick)
	}
	return nick, nil
}

func (l *link) kick(ch *channel, target *user, a transport.Action) error {
	kick, b, err := l.kickLine(ch, target, a)
	if err != nil {
		return err
	}
	if err := l.enqueue(labelled(b, kick.label)); err != nil {
		return err
	}
	l.await(kick)
	return nil
}

func (l *link) kickLine(ch *channel, target *user, a transport.Action) (*pending, []byte, error) {
	nick := target.nick()
	params := []string{ch.name, nick}
	if a.Reason != "" {
		reason := withoutControls(a.Reason)
		params = append(params, upTo(reason, l.is.kickLen))
	}
	b, err := line(l.is.lineLen, "KICK", params...)
	if err != nil {
		return nil, nil, &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
	}
	return &pending{command: "KICK", target: l.is.fold(ch.name), who: l.is.fold(nick), request: a.Request, label: l.newLabels(1)}, b, nil
}

// ban puts somebody on the list of bans, and out if they are in. The answer
// is that to the last command.
func (l *link) ban(ch *channel, nick string, target *user, a transport.Action) error {
	if !strings.Contains(l.is.lists, "b") {
		return refuse(transport.Unsupported, "%s has no bans.", l.server.name)
	}
	done := &pending{who: l.is.fold(nick), request: a.Request}
	if target == nil {
		return l.changeModes(ch, done, []modeChange{l.is.banChange(true, banMask(nick, ""))})
	}
	kick, b, err := l.kickLine(ch, target, a)
	if err != nil {
		return err
	}
	kick.ban = true
	done.request, done.then = "", kick
	if err := l.changeModes(ch, done, l.is.bansOf(nick, target)); err != nil {
		return err
	}
	if err := l.enqueue(labelled(b, kick.label)); err != nil {
		return err
	}
	l.await(kick)
	return nil
}

func (l *link) setStanding(ch *channel, target *user, a transport.Action) error {
	nick := target.nick()
	role, affiliation := l.standing(ch, target)
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
	give, take, ok := l.is.changes(w, ch.members.modes(target))
	if !ok {
		return refuse(transport.Unsupported, "%s has no such role.", l.server.name)
	}
	// First what is given: who gives up their own standing needs it until then.
	var changes []modeChange
	for i := range len(give) {
		changes = append(changes, modeChange{add: true, mode: give[i], arg: nick})
	}
	for i := range len(take) {
		changes = append(changes, modeChange{mode: take[i], arg: nick})
	}
	if a.Role != nil && !ch.modes.has('m') {
		switch *a.Role {
		case transport.Visitor:
			changes = append(changes, l.is.quietChanges(banMask(nick, target.host()))...)
		case transport.Participant:
			changes = append(changes, ch.unquiet(l, target)...)
		}
	}
	if len(changes) == 0 {
		return refuse(transport.Unsupported, "Everybody may speak in %s, and %s has no way to silence one person.", ch.name, l.server.name)
	}
	return l.changeModes(ch, &pending{who: l.is.fold(nick), request: a.Request}, changes)
}

// changeModes sends changes in as many MODEs as the server needs. The last of
// them is done, which fails if one before it does.
func (l *link) changeModes(ch *channel, done *pending, changes []modeChange) error {
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
	label := l.newLabels(len(lines))
	for i := range lines {
		lines[i] = labelled(lines[i], labelAfter(label, i))
	}
	if err := l.enqueue(lines...); err != nil {
		return err
	}
	done.command, done.target, done.label = "MODE", l.is.fold(ch.name), labelAfter(label, len(lines)-1)
	for i := range len(lines) - 1 {
		l.await(&pending{command: "MODE", target: done.target, who: done.who, then: done, label: labelAfter(label, i)})
	}
	l.await(done)
	return nil
}
