package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

const (
	stanzaID = "{urn:xmpp:sid:0}stanza-id"
	originID = "{urn:xmpp:sid:0}origin-id"
	delay    = "{urn:xmpp:delay}delay"
)

// twoIn brings two people into a room, the first as its moderator.
func twoIn(s *scene, r room) (romeo, juliet *client) {
	s.t.Helper()
	romeo, juliet = s.client("romeo"), s.client("juliet")
	romeo.joins(r)
	juliet.joins(r)
	romeo.expects(occupant(r, juliet.nick))
	return romeo, juliet
}

func TestMessagesReachEverybodyAndComeBackWithTheirIDs(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.sends(`<message id='m1' to='%s' type='groupchat'><body>But, soft!</body></message>`, garden.jid)
	romeo.expects(inRoom(garden, romeo.nick, "But, soft!", ID("m1"), Has(stanzaID+"@by", garden.jid), Has(stanzaID+"@id", "*")))
	juliet.expects(inRoom(garden, romeo.nick, "But, soft!", ID("*"), Has(stanzaID+"@by", garden.jid), Has(stanzaID+"@id", "*")))
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}

func TestPrivateMessagesComeFromThePersonAndNotFromTheRoom(t *testing.T) {
	s := play(t)
	garden, street := s.room("#garden"), s.room("#street")
	romeo, juliet := twoIn(s, garden)
	romeo.saysTo(garden.jid+"/"+juliet.nick, "in private")
	juliet.Expect(privately(s.address(romeo.nick), "in private", To(juliet.bare), HasNot(mucUser)))
	juliet.saysTo(s.address(romeo.nick), "yes")
	romeo.Expect(privately(s.address(juliet.nick), "yes", To(romeo.bare), HasNot(mucUser)))

	// Another room, and none, make no difference.
	romeo.joins(street)
	romeo.saysTo(street.jid+"/"+juliet.nick, "again")
	juliet.Expect(privately(s.address(romeo.nick), "again"))
	romeo.leaves(street)
	romeo.expects(gone(street, romeo.nick, StatusCodes("110")))
	juliet.saysTo(s.address(romeo.nick), "still here")
	romeo.Expect(privately(s.address(juliet.nick), "still here"))

	// A nick that no address can be made of is written behind the network.
	romeo.saysTo(s.network+"@"+s.domain+"/"+juliet.nick, "by another way")
	juliet.Expect(privately(s.address(romeo.nick), "by another way"))
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}

func TestSlashMeIsAnActionBothWays(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.says(garden, "/me climbs the wall")
	romeo.expects(inRoom(garden, romeo.nick, "/me climbs the wall", Has(stanzaID+"@by", garden.jid)))
	juliet.expects(inRoom(garden, romeo.nick, "/me climbs the wall", Has(stanzaID+"@by", garden.jid)))

	nurse := s.onIRC("nurse")
	nurse.joins(garden)
	romeo.expects(occupant(garden, nurse.nick))
	romeo.says(garden, "/me waits")
	nurse.hears("PRIVMSG "+garden.channel, "\x01ACTION waits\x01")
}

func TestStanzaIDsAreTheRoomsAndOriginIDsTheSenders(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	romeo.sends(`<message id='m1' to='%s' type='groupchat'><body>hark</body>
		<origin-id xmlns='urn:xmpp:sid:0' id='mine'/><stanza-id xmlns='urn:xmpp:sid:0' id='forged'/>
		<stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='%s'/></message>`, garden.jid, garden.jid)
	got := romeo.expects(inRoom(garden, romeo.nick, "hark", Has(originID+"@id", "mine"), Has(stanzaID+"@by", garden.jid)))
	if ids := Values(got, stanzaID+"@id"); len(ids) != 1 || ids[0] == "forged" || ids[0] == "" {
		t.Errorf("stanza-ids are %q", ids)
	}
}

func TestLinesBecomeMessagesInTheirOrder(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	romeo.sends("<message id='m1' to='%s' type='groupchat'><body>one\ntwo\nthree</body></message>", garden.jid)
	romeo.expects(inRoom(garden, romeo.nick, "one", ID("m1")))
	two := romeo.expects(inRoom(garden, romeo.nick, "two", ID("*")))
	three := romeo.expects(inRoom(garden, romeo.nick, "three", ID("*")))
	if two.ID == "m1" || two.ID == three.ID || two.ID == "" {
		t.Errorf("ids are %q and %q", two.ID, three.ID)
	}
	romeo.sends("<message to='%s' type='groupchat'><body>without an id</body></message>", garden.jid)
	if got := romeo.expects(inRoom(garden, romeo.nick, "without an id")); got.ID == "" {
		t.Error("it has no id")
	}

	juliet := s.client("juliet")
	juliet.joins(garden)
	romeo.expects(occupant(garden, juliet.nick))
	romeo.sends("<message id='m2' to='%s' type='groupchat'><body>a\nb</body></message>", garden.jid)
	romeo.expects(inRoom(garden, romeo.nick, "a", ID("m2")))
	romeo.expects(inRoom(garden, romeo.nick, "b"))
	juliet.expects(inRoom(garden, romeo.nick, "a"))
	juliet.expects(inRoom(garden, romeo.nick, "b"))
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}

func TestTopicsAreShownToThoseInTheRoomAndToThoseWhoCome(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	romeo.sends(`<message to='%s' type='groupchat'><subject>by moonlight</subject></message>`, garden.jid)
	romeo.expects(subject(garden, romeo.nick, "by moonlight"))

	juliet.asksToJoin(garden)
	juliet.expects(occupant(garden, romeo.nick))
	juliet.expects(self(garden, juliet.nick))
	juliet.expects(subject(garden, romeo.nick, "by moonlight", Has(delay+"@from", garden.jid)))
	romeo.expects(occupant(garden, juliet.nick))

	romeo.sends("<message to='%s' type='groupchat'><subject>first line\nsecond line</subject></message>", garden.jid)
	romeo.expects(subject(garden, romeo.nick, "first line second line"))
	juliet.expects(subject(garden, romeo.nick, "first line second line", HasNot(delay)))
}

func TestWhoIsNotInTheRoomCantSpeakInIt(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)
	home.says(garden, "heard")
	home.expects(inRoom(garden, romeo.nick, "heard"))
	cell.says(garden, "unheard")
	cell.expects(Message(From(garden.jid), ID(idOf("unheard")), StanzaError("modify", "not-acceptable"), Has("error/text")))
	home.hasNothingMore()
}

func TestAClientThatIsGoneIsTakenOutAlone(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)
	cell.joins(garden)
	home.sends(`<message to='%s/%s' type='error'><error type='cancel'>
		<recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`, garden.jid, romeo.nick)
	home.expects(gone(garden, romeo.nick, StatusCodes("110"), Has("status")))
	cell.says(garden, "still here")
	cell.expects(inRoom(garden, romeo.nick, "still here"))
	cell.hasNothingMore()
}
