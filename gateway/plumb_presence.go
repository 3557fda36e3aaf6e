package gateway

import (
	"strings"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// receivePresence takes what the room says of who is in it.
func (e *plumbEnd) receivePresence(st *stanza.Received) {
	now, nick := time.Now(), st.From.Resource
	x := st.Child(stanza.MUCUserNamespace, "x")
	has := func(code string) bool { return hasStatus(x, code) }
	item := x.Child(stanza.MUCUserNamespace, "item")
	self := has("110") || e.nick != "" && nick == e.nick
	switch {
	case st.Type == stanza.ErrorType:
		e.refused(now, st.ReadError())
	case st.Type == stanza.Unavailable && has("303"):
		to := item.Attr("nick")
		if self {
			e.nick = to
		} else if !e.isPuppet(nick) && !e.isPuppet(to) {
			e.notesAway(nick, now)
			e.p.other(e).renamePuppet(nick, to)
			e.p.came(e, "* "+nick+" is now "+to)
		}
		delete(e.present, nick)
	case st.Type == stanza.Unavailable && self:
		if e.state == endIn {
			e.out(now, whyOut(has, x, item, st.ReadStatus()))
		}
	case st.Type == stanza.Unavailable:
		if _, there := e.present[nick]; there {
			delete(e.present, nick)
			if !has("307") && !has("333") || !e.p.other(e).hasPresent(nick) { // else it may be what is left of a puppet
				e.notesAway(nick, now)
			}
			e.stopsWriting(nick)
			e.p.came(e, "* "+nick+" has left")
			if u := e.p.other(e).puppets.byName[nick]; u != nil {
				e.p.other(e).dropPuppet(u, st.ReadStatus())
			}
		}
	case st.Type == stanza.Available && self:
		e.moderate = item.Attr("role") == "moderator"
		// Where the room gives us none, its people make up theirs (XEP-0421 §4).
		e.tellsIDs = occupantID(st) != ""
		e.present[strings.Clone(nick)] = occupant{}
		e.counting = time.Time{}
		if e.state != endIn {
			e.in(now, nick)
		}
	case st.Type == stanza.Available && e.mayBePuppet(nick):
	case st.Type == stanza.Available && nick != "":
		_, there := e.present[nick]
		if !there && len(e.present) >= maxOccupants {
			return
		}
		who := occupant{owns: item.Attr("affiliation") == "owner" || item.Attr("affiliation") == "admin"}
		if j, err := jid.ParsePrepared(item.Attr("jid")); err == nil && who.owns {
			who.bare = j.Bare()
		}
		e.present[strings.Clone(nick)] = who
		if !there && e.state == endIn && !now.Before(e.counting) {
			e.p.came(e, "* "+nick+" has come in")
			e.p.other(e).bringPuppet(nick)
		}
		if e.side == 1 {
			e.p.checkOwner(who)
		}
	}
}

func occupantID(st *stanza.Received) string {
	return st.Child(stanza.OccupantIDNamespace, "occupant-id").Attr("id")
}

// whyOut says why the room let the plumb go.
func whyOut(has func(string) bool, x, item *wire.Element, status string) string {
	reason := item.Child(stanza.MUCUserNamespace, "reason").Content()
	if reason == "" {
		reason = status
	}
	why := "it left the room"
	switch {
	case x.Child(stanza.MUCUserNamespace, "destroy") != nil:
		destroyed := x.Child(stanza.MUCUserNamespace, "destroy")
		why, reason = "the room was destroyed", destroyed.Child(stanza.MUCUserNamespace, "reason").Content()
		if other := destroyed.Attr("jid"); other != "" {
			why += ", and " + other + " takes its place"
		}
	case has("301"):
		why = "it was banned from the room"
	case has("307"):
		why = "it was kicked out of the room"
	case has("321"), has("322"):
		why = "only members may be in the room"
	case has("332"):
		why = "the room's server stopped"
	case has("333"):
		why = "the connection was lost"
	}
	if reason != "" {
		why += ": " + firstWords(reason, quoteLength)
	}
	return why
}

// refused takes the error of a join, or of a change of nick.
func (e *plumbEnd) refused(now time.Time, err stanza.Error) {
	if e.state == endIn {
		return
	}
	if err.Condition == stanza.ConflictCondition && e.nicks < plumbNicks {
		e.nicks++
		e.wanted = e.p.record.Nick + strings.Repeat("_", e.nicks)
		e.join(now)
		return
	}
	e.nicks, e.wanted = 0, e.p.record.Nick
	why := err.Text
	switch {
	case err.Condition == stanza.ConflictCondition:
		why = "its nicks are all taken"
	case err.Condition == stanza.NotAuthorized && e.password == "":
		why = "the room wants a password"
	case err.Condition == stanza.NotAuthorized:
		why = "the password is wrong"
	case err.Condition == stanza.RegistrationRequired:
		why = "only members may be in the room: make " + e.self.Bare().String() + " one"
		if e.inner != nil {
			why = "only those who are invited may be in the room"
		}
	case why == "":
		why = "the join was refused: " + string(err.Condition)
	}
	e.out(now, firstWords(why, 200))
}
