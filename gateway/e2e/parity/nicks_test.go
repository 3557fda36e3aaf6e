package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

func TestANewNickIsShownToAll(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	juliet.joins(garden)
	romeo.expects(occupant(garden, juliet.nick))
	montague := "montague" + romeo.nick[len("romeo"):]

	romeo.sends(`<presence to='%s/%s'/>`, garden.jid, montague)
	romeo.expects(gone(garden, romeo.nick, StatusCodes("303", "110"), Has(mucUser+"/item@nick", montague), standing("admin", "moderator")))
	romeo.expects(self(garden, montague, standing("admin", "moderator")))
	juliet.expects(gone(garden, romeo.nick, StatusCodes("303"), Has(mucUser+"/item@nick", montague), standing("admin", "moderator")))
	juliet.expects(occupant(garden, montague, StatusCodes(), standing("admin", "moderator")))
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}

func TestARefusedNickIsToldInTheJoin(t *testing.T) {
	s := play(t)
	romeo, street, garden := s.client("romeo"), s.room("#street"), s.room("#garden")
	romeo.joins(street)
	romeo.sends(`<presence to='%s/montague'/>`, garden.jid)
	romeo.expects(occupant(garden, romeo.nick, StatusCodes("110", "210"), standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()
}

func TestATakenNickIsAConflict(t *testing.T) {
	s := play(t)
	romeo, paris, garden := s.client("romeo"), s.client("paris"), s.room("#garden")
	romeo.joins(garden)

	paris.asksToJoinAs(garden, romeo.nick)
	paris.expects(Presence(From(garden.jid+"/"+romeo.nick), StanzaError("cancel", "conflict"), Has("error@code", "409")))
	paris.sends(`<presence to='%s/%s' type='unavailable'/>`, garden.jid, romeo.nick)
	paris.hasNothingMore()
	romeo.hasNothingMore()
}

func TestClientsOfOnePersonShareTheirNick(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.person("romeo"), s.client("juliet"), s.room("#garden")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)
	cell.asksToJoin(garden)
	cell.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	cell.expects(subject(garden, "", ""))

	juliet.asksToJoin(garden)
	juliet.expects(occupant(garden, romeo.nick))
	juliet.expects(self(garden, juliet.nick))
	juliet.expects(subject(garden, "", ""))
	home.ExpectInAnyOrder(home.gets(occupant(garden, juliet.nick)), cell.gets(occupant(garden, juliet.nick)))

	// One that is taken.
	home.sends(`<presence to='%s/%s' id='n1'/>`, garden.jid, juliet.nick)
	home.expects(Presence(From(garden.jid+"/"+juliet.nick), ID("n1"), StanzaError("cancel", "conflict")))

	montague := "montague" + romeo.nick[len("romeo"):]
	home.sends(`<presence to='%s/%s'/>`, garden.jid, montague)
	juliet.expects(gone(garden, romeo.nick, StatusCodes("303"), Has(mucUser+"/item@nick", montague)))
	juliet.expects(occupant(garden, montague))
	goes, comes := gone(garden, romeo.nick, StatusCodes("303", "110"), Has(mucUser+"/item@nick", montague)), self(garden, montague)
	home.ExpectInAnyOrder(home.gets(goes), cell.gets(goes), home.gets(comes), cell.gets(comes))

	// One of them goes; the other hears all that comes, once.
	cell.sends(`<presence to='%s/%s' type='unavailable'/>`, garden.jid, montague)
	cell.expects(gone(garden, montague, StatusCodes("110"), Has("status")))
	juliet.saysTo(garden.jid+"/"+montague, "first")
	juliet.saysTo(garden.jid+"/"+montague, "second")
	home.Expect(privately(s.address(juliet.nick), "first", To(romeo.bare)))
	home.Expect(privately(s.address(juliet.nick), "second", To(romeo.bare)))
	home.hasNothingMore()
	juliet.hasNothingMore()
}
