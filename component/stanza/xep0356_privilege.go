package stanza

import "strings"

// PrivilegeNamespaces are those of privileged entities (XEP-0356): the newest
// one, and the one before it, which some servers speak still. What they say of
// rosters is the same.
var PrivilegeNamespaces = []string{"urn:xmpp:privilege:2", "urn:xmpp:privilege:1"}

// A RosterGrant says what a server lets us do with the rosters of its users.
type RosterGrant struct{ Get, Set bool }

// ReadRosterGrant reads what a server advertises (XEP-0356 §4.2). False means
// that it advertises nothing; where it does not mention rosters, it took the
// right to them away.
func (s Received) ReadRosterGrant() (g RosterGrant, ok bool) {
	for _, space := range PrivilegeNamespaces {
		p := s.Child(space, "privilege")
		if p == nil {
			continue
		}
		ok = true
		for perm := range p.Children() {
			if perm.Name == "perm" && perm.Attr("access") == "roster" {
				typ := strings.ToLower(perm.Attr("type"))
				g = RosterGrant{Get: typ == "get" || typ == "both", Set: typ == "set" || typ == "both"}
			}
		}
		return g, ok
	}
	return g, false
}
