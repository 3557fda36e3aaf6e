package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

// keeps has somebody stay in a room while none of their clients is there.
func (c *client) keeps(r room) {
	c.scene.t.Helper()
	const get = `<query xmlns='http://jabber.org/protocol/muc#owner'/>`
	c.asks("get", r.jid, get, Type("result"), fieldOfType("persistent", "boolean"), field("persistent", "false"))
	c.asks("set", r.jid, `<query xmlns='http://jabber.org/protocol/muc#owner'>`+submission("persistent", "true")+`</query>`, Type("result"))
	c.asks("get", r.jid, get, Type("result"), field("persistent", "true"))
}

func TestAPersistentRoomIsNotLeftWithItsLastClient(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	romeo.keeps(garden)
	juliet.joins(garden)
	romeo.expects(occupant(garden, juliet.nick))

	romeo.leaves(garden)
	romeo.expects(gone(garden, romeo.nick, StatusCodes("110"), Has(mucUser+"/item@affiliation", "admin")))
	juliet.expects(occupant(garden, romeo.nick, Has("show"))) // away, as none of his clients is there
	juliet.says(garden, "art thou gone?")
	juliet.expects(inRoom(garden, juliet.nick, "art thou gone?"))
	romeo.hasNothingMore()

	// He is there still, and has what was said.
	nurse := s.onIRC("nurse")
	nurse.joins(garden)
	nurse.sends("NAMES " + garden.channel)
	nurse.hears(" 353 ", romeo.nick)
	romeo.asksToJoin(garden)
	romeo.awaits(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(past(garden, juliet.nick, "art thou gone?"))
	romeo.expects(subject(garden, "", ""))

	juliet.leaves(garden)
	juliet.awaits(gone(garden, juliet.nick, StatusCodes("110")))
}

func TestNothingComesTwiceToWhoComesBackWithAnotherClient(t *testing.T) {
	s := play(t)
	romeo, juliet := s.person("romeo"), s.client("juliet")
	home, cell := romeo.at("home"), romeo.at("cell")
	garden, street := s.room("#garden"), s.room("#street")
	home.joins(garden)
	home.keeps(garden)
	home.leaves(garden)
	home.expects(gone(garden, romeo.nick, StatusCodes("110")))

	cell.asksToJoin(garden)
	cell.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	cell.expects(subject(garden, "", ""))
	juliet.joins(street)
	juliet.saysTo(s.address(romeo.nick), "hist")
	juliet.saysTo(s.address(romeo.nick), "Romeo, hist!")
	cell.Expect(privately(s.address(juliet.nick), "hist"))
	cell.Expect(privately(s.address(juliet.nick), "Romeo, hist!"))
	cell.hasNothingMore()
}
