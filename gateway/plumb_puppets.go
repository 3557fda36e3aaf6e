package gateway

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/component"
	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// Puppets are occupants of a foreign MUC for single people of the other end:
// under their nick, from an address of their own. They say what these say, and
// hear nothing. Who has none is spoken for as everybody is without puppets.

const (
	maxPuppets   = 100              // of one plumb
	puppetNicks  = 3                // that are tried where one is taken
	puppetIdle   = 10 * time.Minute // one that said nothing for so long makes room
	puppetRest   = 10 * time.Minute // before one that was refused or kicked tries again,
	puppetBanned = 24 * time.Hour   // or was banned
)

// A puppet is one person's occupant.
type puppet struct {
	of     string  // their nick at the other end
	self   jid.JID // the client that is in the MUC
	state  endState
	wanted string
	nick   string // as the MUC knows it
	nicks  int    // that were taken
	used   time.Time
	rest   time.Time // it stays out until then,
	muted  bool      // because it was thrown out: nobody speaks for them either
	writes bool
}

// puppets are those of one end.
type puppets struct {
	byName map[string]*puppet // by whose they are
	bySelf map[string]*puppet // by the resource of their address
	last   int
}

func newPuppets() puppets {
	return puppets{byName: map[string]*puppet{}, bySelf: map[string]*puppet{}}
}

// puppetFor gives somebody's puppet if it is in the MUC, and has it come if it
// may.
func (e *plumbEnd) puppetFor(nick string, now time.Time) *puppet {
	if e.p.record.Puppets == 0 || e.inner != nil || e.state != endIn || nick == "" {
		return nil
	}
	u := e.puppets.byName[nick]
	if u == nil {
		if u = e.newPuppet(nick, now); u == nil {
			return nil
		}
	}
	u.used = now
	if u.state == endJoining && !now.Before(u.rest) {
		u.state = endOut // the join was never answered
	}
	if u.state == endOut && !now.Before(u.rest) {
		u.nicks, u.muted = 0, false
		e.joinAs(u)
	}
	if u.state != endIn {
		return nil
	}
	return u
}

// newPuppet makes one, in place of the one that was used least if need be.
func (e *plumbEnd) newPuppet(nick string, now time.Time) *puppet {
	if len(e.puppets.byName) >= e.p.record.Puppets {
		var idle *puppet
		for _, u := range e.puppets.byName {
			if now.Sub(u.used) > puppetIdle && !now.Before(u.rest) && (idle == nil || u.used.Before(idle.used)) {
				idle = u
			}
		}
		if idle == nil {
			return nil
		}
		e.dropPuppet(idle, "")
	}
	e.puppets.last++
	u := &puppet{of: strings.Clone(nick), self: e.self}
	u.self.Resource += "/" + strconv.Itoa(e.puppets.last)
	e.puppets.byName[u.of], e.puppets.bySelf[u.self.Resource] = u, u
	return u
}

func (e *plumbEnd) joinAs(u *puppet) {
	now := time.Now()
	nick, ok := e.freeNick(u, now)
	if !ok {
		u.state, u.rest = endOut, now.Add(puppetRest)
		return
	}
	u.wanted = nick
	st := stanza.Stanza{
		Kind: stanza.Presence, Header: stanza.Header{From: u.self, To: e.room.WithResource(u.wanted), ID: component.NewID()},
		Payloads: []payload{e.joining()},
	}
	if _, err := st.To.Prepare(); err != nil || !e.send(st) {
		u.state, u.rest = endOut, now.Add(puppetRest)
		return
	}
	u.state, u.rest = endJoining, now.Add(joinTime)
}

// joining is what a presence says that enters the room, without what was said
// before (XEP-0045 §7.2.15).
func (e *plumbEnd) joining() payload {
	x := wire.New(stanza.MUCNamespace, "x", wire.New(stanza.MUCNamespace, "history").SetAttr("maxstanzas", "0"))
	if e.password != "" {
		x.Add(wire.NewText(stanza.MUCNamespace, "password", e.password))
	}
	return x
}

// dropPuppet takes one out. Who was thrown out is remembered as long as that
// lasts.
func (e *plumbEnd) dropPuppet(u *puppet, why string) {
	if u.state != endOut {
		nick := u.nick
		if nick == "" {
			nick = u.wanted
		}
		st := stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: u.self, To: e.room.WithResource(nick), Type: stanza.Unavailable}}
		if why != "" {
			st.Payloads = []payload{stanza.Status(why)}
		}
		e.send(st)
	}
	u.state, u.nick = endOut, ""
	if u.muted && time.Now().Before(u.rest) {
		return
	}
	delete(e.puppets.byName, u.of)
	delete(e.puppets.bySelf, u.self.Resource)
}

func (e *plumbEnd) dropPuppets(why string) {
	for _, u := range e.puppets.byName {
		e.dropPuppet(u, why)
	}
}

// bringPuppets has those come who are at the other end, as many as there may
// be.
func (e *plumbEnd) bringPuppets(now time.Time) {
	o := e.p.other(e)
	if e.inner != nil || o.state != endIn || e.p.record.Owner != "" {
		return
	}
	for nick := range o.present {
		if len(e.puppets.byName) >= e.p.record.Puppets {
			return
		}
		if nick != o.nick {
			e.puppetFor(nick, now)
		}
	}
}

// bringPuppet has somebody come who has just come at the other end.
func (e *plumbEnd) bringPuppet(nick string) {
	if e.p.record.Owner == "" {
		e.puppetFor(nick, time.Now())
	}
}

// isPuppet says that a nick in the MUC is a puppet's.
func (e *plumbEnd) isPuppet(nick string) bool {
	for _, u := range e.puppets.byName {
		if u.state == endIn && u.nick == nick {
			return true
		}
	}
	return false
}

// mayBePuppet says that who has come into the MUC under a nick may be a puppet
// that has not heard of it yet.
func (e *plumbEnd) mayBePuppet(nick string) bool {
	for _, u := range e.puppets.byName {
		if u.state == endJoining && u.wanted == nick {
			return true
		}
	}
	return e.isPuppet(nick)
}

// isMuted says that the MUC has thrown somebody out.
func (e *plumbEnd) isMuted(nick string, now time.Time) bool {
	u := e.puppets.byName[nick]
	return u != nil && u.muted && now.Before(u.rest)
}

// speaks says whether an address is that of a puppet which is in.
func (e *plumbEnd) speaks(self jid.JID) bool {
	u := e.puppets.bySelf[self.Resource]
	return self == jid.JID{} || u != nil && u.state == endIn
}

// renamePuppet is for who has another nick at the other end.
func (e *plumbEnd) renamePuppet(was, is string) {
	u := e.puppets.byName[was]
	if u == nil || e.puppets.byName[is] != nil || is == "" {
		return
	}
	delete(e.puppets.byName, was)
	u.of = strings.Clone(is)
	e.puppets.byName[u.of] = u
	if u.state != endIn {
		return
	}
	u.nicks = 0
	if nick, ok := e.freeNick(u, time.Now()); ok {
		e.send(stanza.Stanza{Kind: stanza.Presence, Header: stanza.Header{From: u.self, To: e.room.WithResource(nick)}})
	} else {
		e.dropPuppet(u, "")
	}
}

// receiveAs takes what the MUC says to a puppet.
func (e *plumbEnd) receiveAs(u *puppet, st *stanza.Received) {
	now := time.Now()
	switch {
	case st.Kind == stanza.Message && st.Type == stanza.ErrorType:
		e.failed(st.ID, st.ReadError())
		return
	case st.Kind == stanza.Message && st.Type != stanza.Groupchat:
		e.answerPrivately(st)
		return
	case st.Kind != stanza.Presence:
		return
	}
	x := st.Child(stanza.MUCUserNamespace, "x")
	own := hasStatus(x, "110")
	switch {
	case st.Type == stanza.ErrorType && u.state == endJoining:
		if st.ReadError().Condition == stanza.ConflictCondition && u.nicks < puppetNicks {
			u.nicks++
			e.joinAs(u)
			return
		}
		u.state, u.rest = endOut, now.Add(puppetRest)
	case !own:
	case st.Type == stanza.Available:
		u.state, u.nick, u.rest = endIn, strings.Clone(st.From.Resource), time.Time{}
		delete(e.present, u.nick)
	case hasStatus(x, "303"):
		u.nick = strings.Clone(x.Child(stanza.MUCUserNamespace, "item").Attr("nick"))
	case st.Type == stanza.Unavailable:
		u.state, u.nick, u.rest = endOut, "", now.Add(puppetRest)
		switch {
		case hasStatus(x, "301"):
			u.muted, u.rest = true, now.Add(puppetBanned)
		case hasStatus(x, "307"):
			u.muted = true
		}
	}
}

func hasStatus(x *wire.Element, code string) bool {
	for c := range x.Children() {
		if c.Name == "status" && c.Attr("code") == code {
			return true
		}
	}
	return false
}

// showWritingOf shows that somebody writes who has a puppet.
func (e *plumbEnd) showWritingOf(u *puppet, state stanza.ChatState) {
	if writes := state == stanza.Composing; writes != u.writes {
		st := e.groupchat(component.NewID(), state, stanza.NoStore)
		st.From = u.self
		u.writes = writes && e.send(st)
	}
}
