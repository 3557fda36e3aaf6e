package parity

import (
	"fmt"
	"testing"

	. "gatehouse/component/componenttest"
)

// The same on a server that has almost nothing of IRCv3.
func TestAnEveningInMantua(t *testing.T) {
	s := playOn(t, irc, "%mantua")
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.asksToJoin(garden)
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()

	juliet.asksToJoin(garden)
	juliet.expects(occupant(garden, romeo.nick, standing("admin", "moderator")))
	juliet.expects(self(garden, juliet.nick, standing("none", "participant")))
	juliet.expects(subject(garden, "", ""))
	romeo.expects(occupant(garden, juliet.nick, standing("none", "participant")))
	juliet.hasNothingMore()

	romeo.says(garden, "/me climbs")
	romeo.expects(inRoom(garden, romeo.nick, "/me climbs", ID(idOf("/me climbs"))))
	juliet.expects(inRoom(garden, romeo.nick, "/me climbs"))
	romeo.saysTo(garden.jid+"/"+juliet.nick, "in private")
	juliet.Expect(privately(s.address(romeo.nick), "in private"))

	romeo.sends(`<message to='%s' type='groupchat'><subject>by moonlight</subject></message>`, garden.jid)
	romeo.expects(subject(garden, romeo.nick, "by moonlight"))
	juliet.expects(subject(garden, romeo.nick, "by moonlight"))

	romeo.sends(`<iq to='%s' type='set' id='op'>%s</iq>`, garden.jid, admin(fmt.Sprintf(`<item affiliation='admin' nick='%s'/>`, juliet.nick)))
	given := modes(garden, "Mode "+garden.channel+" [+o "+juliet.nick+"] by "+romeo.nick)
	is := occupant(garden, juliet.nick, standing("admin", "moderator"))
	romeo.ExpectInAnyOrder(romeo.gets(given), romeo.gets(is), romeo.gets(result(ID("op"))))
	juliet.ExpectInAnyOrder(juliet.gets(given), juliet.gets(is))

	romeo.sends(`<presence to='%s/%s'/>`, garden.jid, juliet.nick)
	romeo.expects(Presence(From(garden.jid+"/"+juliet.nick), StanzaError("cancel", "conflict")))

	romeo.sends(`<iq to='%s' type='set' id='kick'>%s</iq>`, garden.jid,
		admin(fmt.Sprintf(`<item role='none' nick='%s'><reason>parting</reason></item>`, juliet.nick)))
	kicked := gone(garden, juliet.nick, Has(mucUser+"/item/reason", "parting"), Has(mucUser+"/item/actor@nick", romeo.nick))
	romeo.ExpectInAnyOrder(romeo.gets(kicked), romeo.gets(result(ID("kick"))))
	juliet.expects(kicked)
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}
