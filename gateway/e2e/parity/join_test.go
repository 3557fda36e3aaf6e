package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

// simple_channel_join
func TestWhoComesFirstIsTheModeratorOfAnEmptyRoom(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.asksToJoin(garden)
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()
}

// channel_join_with_two_users
func TestTwoPeopleInARoomSeeEachOther(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)

	juliet.asksToJoin(garden)
	juliet.expects(occupant(garden, romeo.nick, standing("admin", "moderator")))
	juliet.expects(self(garden, juliet.nick, standing("none", "participant")))
	juliet.expects(subject(garden, "", ""))
	juliet.hasNothingMore()
	romeo.expects(occupant(garden, juliet.nick, standing("none", "participant"),
		StatusCodes(), Has(mucUser+"/item@jid")))
	romeo.hasNothingMore()
}
