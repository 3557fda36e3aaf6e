package irc

import (
	"strings"

	"gatehouse/gateway/transport"
)

// A modeSet is a set of mode letters, a to z and A to Z.
type modeSet uint64

// letterBit is 0 for what is not a letter.
func letterBit(mode byte) modeSet {
	switch {
	case mode >= 'a' && mode <= 'z':
		return 1 << (mode - 'a')
	case mode >= 'A' && mode <= 'Z':
		return 1 << (mode - 'A' + 26)
	}
	return 0
}

func (s modeSet) has(mode byte) bool { return s&letterBit(mode) != 0 }

func (s modeSet) with(mode byte, on bool) modeSet {
	if on {
		return s | letterBit(mode)
	}
	return s &^ letterBit(mode)
}

// A modeChange is one letter of a MODE.
type modeChange struct {
	add    bool
	mode   byte
	arg    string
	member bool // arg is a nick: the mode is one of PREFIX
	flag   bool // the mode is the channel's own, not a list's
}

// mostChanges is how many of one line are read: more than any server sends, as
// each may have to be held against all members.
const mostChanges = 100

// modeChanges reads the parameters of a MODE on a channel
// (modern.ircdocs.horse, #mode-message). A mode that lacks its argument is
// left out, which is right for the query of a list.
func (is *isupport) modeChanges(modes string, args []string) []modeChange {
	var changes []modeChange
	add := true
	for i := range len(modes) {
		if len(changes) == mostChanges {
			break
		}
		c := modeChange{add: add, mode: modes[i]}
		has := func(kind string) bool { return strings.IndexByte(kind, c.mode) >= 0 }
		wantsArg := false
		switch {
		case c.mode == '+' || c.mode == '-':
			add = c.mode == '+'
			continue
		case has(is.prefixModes):
			c.member, wantsArg = true, true
		case has(is.lists):
			wantsArg = true
		case has(is.always):
			c.flag, wantsArg = true, true
		case has(is.whenSet):
			c.flag, wantsArg = true, add
		default:
			c.flag = true
		}
		if wantsArg {
			if len(args) == 0 {
				// A key that is hidden or taken back may come alone.
				if c.member || !c.flag {
					continue
				}
			} else {
				c.arg, args = args[0], args[1:]
			}
		}
		changes = append(changes, c)
	}
	return changes
}

// splitPrefixes takes the prefixes off a nick of NAMES: all of them with
// multi-prefix, one otherwise.
func (is *isupport) splitPrefixes(name string) (modes modeSet, rest string) {
	for name != "" {
		i := strings.IndexByte(is.prefixes, name[0])
		if i < 0 {
			break
		}
		modes = modes.with(is.prefixModes[i], true)
		name = name[1:]
	}
	return modes, name
}

// standing maps what a member has in PREFIX, the highest counts, to XMPP.
// moderated is the channel's mode m.
func (is *isupport) standing(has modeSet, moderated bool) (transport.Role, transport.Affiliation) {
	op := strings.IndexByte(is.prefixModes, 'o')
	for i := range len(is.prefixModes) {
		mode := is.prefixModes[i]
		if !has.has(mode) {
			continue
		}
		switch {
		case mode == 'q' || mode == 'a' || i < op:
			return transport.Moderator, transport.Owner
		case mode == 'o':
			return transport.Moderator, transport.Admin
		case mode == 'h':
			return transport.Moderator, transport.MemberOf
		case mode == 'v':
			return transport.Participant, transport.MemberOf
		}
	}
	if moderated {
		return transport.Visitor, transport.AffiliationNone
	}
	return transport.Participant, transport.AffiliationNone
}

// roomModes are the channel's modes as service discovery tells them.
func roomModes(has modeSet) transport.RoomModes {
	return transport.RoomModes{
		MembersOnly:       has.has('i'),
		Moderated:         has.has('m'),
		PasswordProtected: has.has('k'),
		Hidden:            has.has('s') || has.has('p'),
		SubjectByMods:     has.has('t'),
	}
}

// A wish says which modes of PREFIX a standing gives and which it takes. give
// holds alternatives: the first that the server has is given.
type wish struct{ give, take string }

var (
	// The tables of irc-xmpp gateways, biboumi's first among them.
	roleWishes = map[transport.Role]wish{
		transport.Visitor:     {"", "vhoaq"},
		transport.Participant: {"v", "hoaq"},
		transport.Moderator:   {"ho", "aq"},
	}
	affiliationWishes = map[transport.Affiliation]wish{
		transport.AffiliationNone: {"", "vhoaq"},
		transport.MemberOf:        {"v", "hoaq"},
		transport.Admin:           {"o", "aq"},
		transport.Owner:           {"qao", ""},
	}
)

// changes turns a wish for a member into mode letters: only those that the
// server has, and of those to take only what the member has. Giving h takes o
// first, giving o takes nothing below it.
func (is *isupport) changes(w wish, has modeSet) (give, take string, ok bool) {
	for i := range len(w.give) {
		if strings.IndexByte(is.prefixModes, w.give[i]) >= 0 {
			give = w.give[i : i+1]
			break
		}
	}
	if w.give != "" && give == "" {
		return "", "", false
	}
	below := "o" // is taken along when h is given
	for i := range len(w.take + below) {
		mode := (w.take + below)[i]
		if i >= len(w.take) && give != "h" {
			break
		}
		if has.has(mode) && strings.IndexByte(give+take, mode) < 0 && strings.IndexByte(is.prefixModes, mode) >= 0 {
			take += string(mode)
		}
	}
	if has.has(firstByte(give)) {
		give = ""
	}
	return give, take, true
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}
