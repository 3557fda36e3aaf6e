package irc

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unique"

	"gatehouse/gateway/transport"
)

// A user is somebody whom a link sees. Names are shared by all links of the
// process, since a thousand links to one network see the same people.
type user struct {
	source
	status   unique.Handle[string] // why they are away
	away     bool
	bot      bool
	oper     bool // of the network
	hostTold bool // the host is their identity
	rooms    int32
	login
}

var noText = unique.Make("")

type channelState int

const (
	wanted   channelState = iota // JOIN is not sent yet
	joining                      // JOIN is sent
	entering                     // JOIN came back; names are coming
	joined
	leaving // PART is sent
)

// A channel is a room that the user is in, or is on the way into or out of.
type channel struct {
	name     string // as the server spells it
	address  transport.Address
	password string
	state    channelState
	been     bool // RoomJoined was delivered
	again    bool // wanted again while leaving
	modesDue bool // while entering: the answer to MODE will come soon, and is waited for
	anyNick  bool // nobody waits who could choose another nick
	members  members
	modes    modeSet
	subject  transport.Subject
	asked    time.Time     // by WHO, who is in it; zero once that was answered
	held     []heldMessage // until it is shown
	split    *netsplit
	banned   []string     // the last bans
	quiets   []modeChange // and the last of those who may not speak

	loss
	gathering
	relayAfter time.Time // RELAYMSG was refused, and is not tried before,
	relayAsOp  bool      // although the user was an operator

	face     *transport.Face
	faceTold *transport.Face

	set       roomSettings
	unread    bool // set is being read
	requested bool // requestJoin was called on this connection
}

// forget is for a channel whose connection is lost and which will be joined
// again.
func (ch *channel) forget() {
	ch.state, ch.again, ch.requested, ch.modesDue = wanted, false, false, false
	ch.members, ch.modes, ch.subject = members{}, 0, transport.Subject{}
	ch.asked, ch.held, ch.split = time.Time{}, nil, nil
	ch.banned, ch.quiets, ch.face = nil, nil, nil
	ch.rejoinAt, ch.gathering = time.Time{}, gathering{}
}

// seen gives the user with a nick, a new one if need be.
func (l *link) seen(nick string) *user { return l.seenFrom(nick, "") }

// seenFrom is seen where "user@host" may be told, too.
func (l *link) seenFrom(nick, host string) *user {
	key := l.is.fold(nick)
	u := l.users[key]
	switch {
	case u == nil:
		u = newUser(nick, host)
		l.users[l.is.fold(u.nick())] = u // not key, which may lie in the line
		l.recognize(u, key)
	case host != "":
		l.learnsHost(u, host)
	}
	return u
}

func newUser(nick, host string) *user {
	return &user{source: newSource(nick, upTo(host, uniqueLimit)), status: noText, login: loggedOut}
}

// enter puts a user into a channel.
func (l *link) enter(ch *channel, u *user, modes modeSet) {
	if !ch.has(u) {
		u.rooms++
	}
	ch.members.set(u, modes)
}

// exit takes a user out of a channel, and forgets one who is in none.
func (l *link) exit(ch *channel, u *user) {
	if !ch.has(u) {
		return
	}
	ch.members.remove(u)
	delete(l.in, typist{ch.address, u.nick()})
	if u.rooms--; u.rooms == 0 {
		delete(l.faces, u)
		delete(l.users, l.is.fold(u.nick()))
	}
}

// drop forgets a channel and those who were only there.
func (l *link) drop(ch *channel) {
	for u := range ch.members.all() {
		l.exit(ch, u)
	}
	delete(l.channels, l.is.fold(ch.name))
	if len(l.channels) == 0 {
		l.arm() // the link may be idle now
	}
}

// channel gives the channel by its name, or nil.
func (l *link) channel(name string) *channel { return l.channels[l.is.fold(name)] }

// shown are the channels that the user sees and where somebody is.
func (l *link) shown(u *user) []*channel {
	var chs []*channel
	for _, ch := range l.channels {
		if ch.has(u) && ch.shown() {
			chs = append(chs, ch)
		}
	}
	slices.SortFunc(chs, func(a, b *channel) int { return cmp.Compare(a.address, b.address) })
	return chs
}

// shown says whether events of the channel are delivered: RoomJoined was.
func (ch *channel) shown() bool {
	return ch.state == joined || ch.state == leaving && ch.been
}

// member is what the gateway sees of a user in a channel.
func (l *link) member(ch *channel, u *user) transport.Member {
	m := l.person(u)
	m.Identity = l.identity(u)
	m.Role, m.Affiliation = l.standing(ch, u)
	m.Titles = l.titles(ch, u)
	return m
}

// person is what the gateway sees of a user, wherever they are. Their identity
// is not settled by that.
func (l *link) person(u *user) transport.Member {
	nick := u.nick()
	m := transport.Member{
		Nick: nick, Host: u.host(), Away: u.away, Status: u.status.Value(), Bot: u.bot,
		Account: u.account.Value(), Face: l.faces[u],
	}
	if validNick(nick) && !l.isChannel(nick) {
		m.Who = l.network.address(l.server, nick)
	}
	return m
}

// isComplete delivers a channel once its names are there.
func (l *link) isComplete(ch *channel) {
	ch.state, ch.been = joined, true
	if self := l.seen(l.nick); !ch.has(self) {
		l.enter(ch, self, 0)
	}
	l.showMissed(ch)
	l.tell(ch)
	l.tellReturn(ch)
	l.release(ch)
	l.forgetStrangers()
}

func (ch *channel) has(u *user) bool { return ch.members.has(u) }

// tell delivers all of a channel.
func (l *link) tell(ch *channel) {
	ch.split.shownAnew()
	l.emit(transport.RoomJoined{
		Room: ch.address, Nick: l.nick, Subject: ch.subject, Members: l.members(ch), Modes: roomModes(ch.modes),
	})
	l.tellRoomFace(ch)
}

// members are those in a channel, the highest first.
func (l *link) members(ch *channel) []transport.Member {
	members := make([]transport.Member, 0, ch.members.len())
	for u := range ch.members.all() {
		members = append(members, l.member(ch, u))
	}
	slices.SortFunc(members, func(a, b transport.Member) int {
		return cmp.Or(cmp.Compare(b.Affiliation, a.Affiliation), strings.Compare(a.Nick, b.Nick))
	})
	return members
}

// changed delivers a member whose role, host or the like changed.
func (l *link) changed(ch *channel, u *user, by string) {
	if ch.shown() {
		l.emit(transport.MemberChanged{Room: ch.address, Member: l.member(ch, u), By: by})
	}
}

// changedEverywhere is for what is not of one channel: an account, a host, being
// away.
func (l *link) changedEverywhere(u *user) {
	for _, ch := range l.shown(u) {
		l.changed(ch, u, "")
	}
}

// rename gives a user another nick.
func (l *link) rename(u *user, nick string) {
	delete(l.users, l.is.fold(u.nick()))
	if other := l.users[l.is.fold(nick)]; other != nil { // one whose leaving we missed
		for _, ch := range l.channels {
			l.exit(ch, other)
		}
	}
	u.source = newSource(nick, u.host())
	l.users[l.is.fold(u.nick())] = u
}

// refold rebuilds what is kept by folded name for another CASEMAPPING.
func (l *link) refold() {
	users := make(map[string]*user, len(l.users))
	for _, u := range l.users {
		users[l.is.fold(u.nick())] = u
	}
	l.users = users
	channels := make(map[string]*channel, len(l.channels))
	for _, ch := range l.channels {
		channels[l.is.fold(ch.name)] = ch
	}
	l.channels = channels
}
