package irc

import (
	"strings"
	"unique"

	"gatehouse/gateway/transport"
)

// A login is what is known of who somebody is.
type login struct {
	account unique.Handle[string] // "" while not logged in, or not known to be
	id      unique.Handle[string] // see identity; "" until it was needed, and with hostTold
}

var loggedOut = login{account: noText, id: noText}

// identity names somebody for as long as we see them: by their account, or by
// their host, or where neither is known by the nick that they had first. Once it
// was told it does not change, as the person does not.
func (l *link) identity(u *user) string {
	switch {
	case u.id != noText:
	case u.hostTold:
		return u.hostIdentity()
	case u.account != noText:
		u.id = unique.Make("account:" + l.is.fold(u.account.Value()))
	case u.host() != "":
		id := strings.ToLower(u.hostIdentity())
		if u.hostTold = id == u.hostIdentity(); u.hostTold {
			return id
		}
		u.id = unique.Make(id)
	default:
		u.id = unique.Make("nick:" + l.is.fold(u.nick()))
	}
	return u.id.Value()
}

// learnsHost keeps "user@host" of somebody, and says if it is news.
func (l *link) learnsHost(u *user, host string) bool {
	host = upTo(host, uniqueLimit)
	if u.host() == host {
		return false
	}
	if u.hostTold {
		u.id, u.hostTold = unique.Make(u.hostIdentity()), false
	}
	u.source = newSource(u.nick(), host)
	l.users[l.is.fold(u.nick())] = u // the old key keeps the old source in memory
	return true
}

// sender gives the identity of who sent a line.
func (l *link) sender(m *message) string {
	if u := l.users[l.is.fold(m.nick)]; u != nil {
		return l.identity(u)
	}
	if m.fromServer() || m.host == "" {
		return ""
	}
	u := newUser(m.nick, m.host)
	if ok, account := m.GetTag("account"); ok { // IRCv3 account-tag
		u.account = accountNamed(account)
	}
	return l.identity(u)
}

// accountNamed reads the name of an account, which is "*" or "0" for nobody's.
func accountNamed(name string) unique.Handle[string] {
	if name == "*" || name == "0" {
		return noText
	}
	return uniqueText(clean(name))
}

// learns keeps what a line tells of its sender's account.
func (l *link) learns(m *message) {
	l.learnsTitles(m)
	if ok, account := m.GetTag("account"); ok { // IRCv3 account-tag
		l.learnsAccount(m.nick, account)
	}
}

// receiveAccount handles ACCOUNT (IRCv3 account-notify).
func receiveAccount(l *link, m *message) error {
	if len(m.Params) > 0 {
		l.learnsAccount(m.nick, m.param(0))
		l.changesAfar(m.nick)
	}
	return nil
}

func (l *link) learnsAccount(nick, account string) {
	u := l.users[l.is.fold(nick)]
	if u == nil || u.account == accountNamed(account) {
		return
	}
	u.account = accountNamed(account)
	l.changedEverywhere(u)
}

// Acquaintance implements transport.Acquaintances: those who are in a channel
// with the user are known.
func (s *session) Acquaintance(who transport.Address) (m transport.Member, known bool) {
	name, srv, err := s.network.split(who)
	if err != nil {
		return m, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.links[srv]
	if l == nil {
		return m, false
	}
	u := l.users[l.is.fold(name)]
	if u == nil {
		return m, false
	}
	return l.person(u), true
}
