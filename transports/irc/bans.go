package irc

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	banListLimit = 400 // entries of a list that are read
	bansKept     = 64  // the last bans of a channel, to tell a kick from a ban

	// quietPrefix leads the mask of who may come in but not speak, in addresses.
	quietPrefix = "~q:"
)

var _ transport.Bans = (*session)(nil)

// A banList collects the entries of lists that were asked for.
type banList struct {
	bans  []transport.Ban
	shown bool // in the room, to those who asked with /mode
}

// ListBans implements transport.Bans: the list b, and q where that is a list of
// those who may not speak.
func (s *session) ListBans(_ context.Context, room transport.Address, r transport.Request) error {
	return s.inRoom(room, func(l *link, ch *channel) error {
		if !strings.Contains(l.is.lists, "b") {
			return refuse(transport.Unsupported, "%s has no bans.", l.server.name)
		}
		queries := []string{"b"}
		if l.is.hasQuiet() {
			queries = append(queries, "q")
		}
		var lines [][]byte
		for _, q := range queries {
			b, err := line(l.is.lineLen, "MODE", ch.name, q)
			if err != nil {
				return &transport.Error{Reason: transport.BadRequest, Text: "IRC can't carry that.", Err: err}
			}
			lines = append(lines, b)
		}
		if err := l.enqueue(lines...); err != nil {
			return err
		}
		l.await(&pending{command: "MODE", target: l.is.fold(ch.name), request: r, chat: ch.address, bans: &banList{}})
		return nil
	})
}

// hasQuiet says that the server has a list of those who may not speak. Where q
// is a member's mode, it means an owner.
func (is *isupport) hasQuiet() bool {
	return strings.Contains(is.lists, "q") && !strings.Contains(is.prefixModes, "q")
}

// banMask is for the host where it is known, as a nick is soon another.
func banMask(nick, userhost string) string {
	if strings.ContainsAny(nick, "!@*?:") {
		return nick
	}
	if _, host, ok := strings.Cut(userhost, "@"); ok && host != "" {
		return "*!*@" + host
	}
	return nick + "!*@*"
}

// bansOf ban somebody by their host and, where the server can, by their account:
// each is soon another, but not both at once (IRCv3 account-extban).
func (is *isupport) bansOf(nick string, u *user) []modeChange {
	bans := []modeChange{is.banChange(true, banMask(nick, u.host()))}
	if account := u.account.Value(); account != "" && is.accountExtban != "" {
		bans = append(bans, is.banChange(true, is.extban+is.accountExtban+":"+account))
	}
	return bans
}

// banChange is the change that bans a mask, or keeps it from speaking.
func (is *isupport) banChange(add bool, mask string) modeChange {
	if rest, quiet := strings.CutPrefix(mask, quietPrefix); quiet && is.hasQuiet() {
		return modeChange{add: add, mode: 'q', arg: rest}
	}
	return modeChange{add: add, mode: 'b', arg: mask}
}

// quietChanges keep a mask from speaking, in the way that the server has: a
// list of its own or an extended ban (modern.ircdocs.horse/#extban-parameter).
func (is *isupport) quietChanges(mask string) []modeChange {
	switch {
	case is.hasQuiet():
		return []modeChange{{add: true, mode: 'q', arg: mask}}
	case is.mutePrefix != "":
		return []modeChange{{add: true, mode: 'b', arg: is.mutePrefix + mask}}
	}
	return nil
}

// mutePrefix reads EXTBAN: what leads a ban that only keeps from speaking.
func mutePrefix(extban string) string {
	switch prefix, types, _ := strings.Cut(extban, ","); {
	case prefix == "" && strings.Contains(types, "m"): // InspIRCd, Ergo
		return "m:"
	case prefix == "~" && strings.Contains(types, "q"): // UnrealIRCd
		return "~q:"
	}
	return ""
}

// quietMask gives the mask of a change that keeps somebody from speaking.
func (is *isupport) quietMask(c modeChange) (mask string, quiet bool) {
	switch {
	case c.member || c.flag:
	case c.mode == 'q' && is.hasQuiet():
		return c.arg, true
	case c.mode == 'b' && is.mutePrefix != "":
		return strings.CutPrefix(c.arg, is.mutePrefix)
	}
	return "", false
}

// unquiet takes back all that keeps somebody from speaking.
func (ch *channel) unquiet(l *link, u *user) []modeChange {
	var changes []modeChange
	for _, c := range ch.quiets {
		if l.fits(c, u.nick(), u.host()) {
			c.add = false
			changes = append(changes, c)
		}
	}
	return changes
}

// fits says that a quiet is for somebody.
func (l *link) fits(quiet modeChange, nick, userhost string) bool {
	mask, ok := l.is.quietMask(quiet)
	return ok && l.masks(mask, nick, userhost)
}

// isQuiet says that somebody may not speak, as far as we saw it happen.
func (l *link) isQuiet(ch *channel, u *user) bool {
	return slices.ContainsFunc(ch.quiets, func(c modeChange) bool { return l.fits(c, u.nick(), u.host()) })
}

// keepQuiet notes a quiet that was set or taken back, and gives those whom it
// is for.
func (l *link) keepQuiet(ch *channel, c modeChange) []*user {
	ch.quiets = slices.DeleteFunc(ch.quiets, func(q modeChange) bool { return q.mode == c.mode && q.arg == c.arg })
	if c.add {
		if len(ch.quiets) >= bansKept {
			ch.quiets = ch.quiets[1:]
		}
		ch.quiets = append(ch.quiets, c)
	}
	var whom []*user
	for u := range ch.members.all() {
		if l.fits(c, u.nick(), u.host()) {
			whom = append(whom, u)
		}
	}
	slices.SortFunc(whom, func(a, b *user) int { return strings.Compare(a.nick(), b.nick()) })
	return whom
}

// standing is what somebody may do in a channel.
func (l *link) standing(ch *channel, u *user) (transport.Role, transport.Affiliation) {
	return l.is.standing(ch.members.modes(u), ch.modes.has('m') || len(ch.quiets) > 0 && l.isQuiet(ch, u))
}

// banListed ends the query of lists.
func (l *link) banListed(p *pending) {
	if !p.bans.shown {
		l.emit(transport.BansListed{Request: p.request, Room: p.chat, Bans: p.bans.bans})
		return
	}
	text := "Nobody is banned."
	if len(p.bans.bans) > 0 {
		var lines []string
		for _, b := range p.bans.bans {
			lines = append(lines, b.String())
		}
		text = strings.Join(lines, "\n")
	}
	l.emit(transport.RoomNotice{Room: p.chat, Text: text})
}

// receiveBan handles 367 and 728: nick, channel, for 728 the mode, mask, who,
// when.
func receiveBan(l *link, m *message) error {
	target := l.is.fold(l.nameParam(m.param(1)))
	i := slices.IndexFunc(l.open, func(p *pending) bool { return p.bans != nil && p.target == target })
	if i < 0 {
		return receiveConsole(l, m)
	}
	params := m.Params[2:]
	mute := m.Command == "728"
	if mute && len(params) > 0 {
		params = params[1:]
	}
	if list := l.open[i].bans; len(params) > 0 && len(list.bans) < banListLimit {
		list.bans = append(list.bans, l.readBan(params, mute))
	}
	return nil
}

func (l *link) readBan(params []string, mute bool) transport.Ban {
	b := transport.Ban{Mask: clean(params[0]), Mute: mute}
	name := b.Mask
	if l.is.mutePrefix != "" && strings.HasPrefix(name, l.is.mutePrefix) {
		b.Mute = true
	}
	if mute {
		name = quietPrefix + name
	}
	b.Who = l.network.address(l.server, name)
	if len(params) > 1 {
		b.By, _, _ = strings.Cut(clean(params[1]), "!")
	}
	if len(params) > 2 {
		if at, err := strconv.ParseInt(params[2], 10, 64); err == nil && at > 0 && at < 1<<40 {
			b.At = time.Unix(at, 0).UTC()
		}
	}
	return b
}

// receiveBanEnd handles 368 and 729. The barrier tells that all lists are
// there.
func receiveBanEnd(l *link, m *message) error {
	target := l.is.fold(l.nameParam(m.param(1)))
	if !slices.ContainsFunc(l.open, func(p *pending) bool { return p.bans != nil && p.target == target }) {
		return receiveConsole(l, m)
	}
	return nil
}

// keepBan notes a ban that was set or taken back.
func (ch *channel) keepBan(c modeChange) {
	ch.banned = slices.DeleteFunc(ch.banned, func(mask string) bool { return mask == c.arg })
	if !c.add {
		return
	}
	if len(ch.banned) >= bansKept {
		ch.banned = ch.banned[1:]
	}
	ch.banned = append(ch.banned, c.arg)
}

// isBanned says that one of the last bans fits somebody.
func (l *link) isBanned(ch *channel, nick, userhost string) bool {
	return slices.ContainsFunc(ch.banned, func(mask string) bool { return l.masks(mask, nick, userhost) })
}

// masks says that a mask is for somebody, whose user@host may be unknown.
func (l *link) masks(mask, nick, userhost string) bool {
	if userhost == "" {
		userhost = "@"
	}
	return matches(l.is.fold(mask), l.is.fold(nick+"!"+userhost))
}

// matches compares with a mask in which * stands for any text and ? for any
// byte. It takes no more steps than both are long, multiplied.
func matches(mask, text string) bool {
	m, t := 0, 0
	star, after := -1, 0 // where the last * is, and what of the text is behind it
	for t < len(text) {
		switch {
		case m < len(mask) && mask[m] == '*':
			star, after = m, t
			m++
		case m < len(mask) && (mask[m] == '?' || mask[m] == text[t]):
			m++
			t++
		case star >= 0:
			after++
			m, t = star+1, after
		default:
			return false
		}
	}
	return strings.Trim(mask[m:], "*") == ""
}
