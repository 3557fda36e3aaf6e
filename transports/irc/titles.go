package irc

import "slices"

// titles are what the letters of PREFIX are called.
var titles = map[byte]string{'q': "Owner", 'a': "Admin", 'o': "Operator", 'h': "Half-operator", 'v': "Voice"}

// operCaps are also the names of their tags (IRCv3 oper-tag; Solanum).
var operCaps = []string{"draft/oper", "solanum.chat/oper"}

const operTitle = "IRC operator"

// titles gives what somebody is in a channel, the highest first. What XMPP makes
// of it is one role and one affiliation.
func (l *link) titles(ch *channel, u *user) []string {
	var all []string
	for i := range len(l.is.prefixModes) {
		mode := l.is.prefixModes[i]
		if !ch.members[u].has(mode) {
			continue
		}
		title := titles[mode]
		if title == "" {
			title = "Mode " + string(mode)
		}
		all = append(all, title)
	}
	if u.oper {
		all = append(all, operTitle)
	}
	return all
}

// learnsOper heeds the tag that is on what IRC operators say (IRCv3 oper-tag).
// Who may not see it learns nothing from its lack.
func (l *link) learnsOper(m *message) {
	u := l.users[l.is.fold(m.nick)]
	if u == nil || u.oper || !slices.ContainsFunc(operCaps, m.HasTag) {
		return
	}
	u.oper = true
	for _, ch := range l.shown(u) {
		l.changed(ch, u, "")
	}
}
