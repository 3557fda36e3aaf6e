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
		if !ch.members.modes(u).has(mode) {
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

// botTags are on what bots say (IRCv3 bot-mode).
var botTags = []string{"bot", "draft/bot"}

// learnsTitles heeds the tags that are on what IRC operators (IRCv3 oper-tag) and
// bots say and do. Who may not see them learns nothing from their lack.
func (l *link) learnsTitles(m *message) {
	u := l.users[l.is.fold(m.nick)]
	if u == nil {
		return
	}
	oper, bot := u.oper || slices.ContainsFunc(operCaps, m.HasTag), u.bot || slices.ContainsFunc(botTags, m.HasTag)
	if oper == u.oper && bot == u.bot {
		return
	}
	u.oper, u.bot = oper, bot
	l.changedEverywhere(u)
}
