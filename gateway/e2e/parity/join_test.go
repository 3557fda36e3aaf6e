package parity

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/e2e/servers"
)

func TestWhoComesFirstIsTheModeratorOfAnEmptyRoom(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.client("romeo"), s.room("#garden")
			romeo.asksToJoin(garden)
			romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
			romeo.expects(subject(garden, "", ""))
			romeo.hasNothingMore()
		})
	}
}

func TestPresenceWithoutMUCJoinsToo(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.sends(`<presence to='%s/%s'/>`, garden.jid, romeo.nick)
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()
}

func TestTwoPeopleInARoomSeeEachOther(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	where := realJID(s.address(juliet.nick) + "/" + s.host(juliet))

	juliet.asksToJoin(garden)
	juliet.expects(occupant(garden, romeo.nick, standing("admin", "moderator"), realJID(s.address(romeo.nick)+"/"+s.host(romeo))))
	juliet.expects(self(garden, juliet.nick, standing("none", "participant"), where))
	juliet.expects(subject(garden, "", ""))
	juliet.hasNothingMore()
	romeo.expects(occupant(garden, juliet.nick, standing("none", "participant"), where, StatusCodes()))
	romeo.hasNothingMore()
}

func TestAClientThatLostTheRoomJoinsItAgain(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	juliet.joins(garden)
	romeo.expects(occupant(garden, juliet.nick))

	romeo.asksToJoin(garden)
	romeo.expects(occupant(garden, juliet.nick, standing("none", "participant")))
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()
	juliet.hasNothingMore()

	// With another nick, which follows once it has the room.
	montague := "montague" + romeo.nick[len("romeo"):]
	romeo.asksToJoinAs(garden, montague)
	romeo.expects(occupant(garden, juliet.nick))
	romeo.expects(occupant(garden, romeo.nick, StatusCodes("110", "210"), standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.expects(gone(garden, romeo.nick, StatusCodes("303", "110"), Has(mucUser+"/item@nick", montague)))
	romeo.expects(self(garden, montague))
	juliet.expects(gone(garden, romeo.nick, StatusCodes("303"), Has(mucUser+"/item@nick", montague)))
	juliet.expects(occupant(garden, montague))
}

func TestALaterJoinKeepsTheNickOfTheFirst(t *testing.T) {
	s := play(t)
	romeo, garden, street := s.person("romeo"), s.room("#garden"), s.room("#street")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)

	home.asksToJoinAs(street, "montague")
	home.expects(occupant(street, romeo.nick, StatusCodes("110", "210")))
	home.expects(subject(street, "", ""))
	cell.asksToJoinAs(garden, "montague")
	cell.expects(occupant(garden, romeo.nick, StatusCodes("110", "210")))
	cell.expects(subject(garden, "", ""))
	cell.hasNothingMore()
}

func TestThreeRoomsAreJoinedInOneGo(t *testing.T) {
	s := play(t)
	romeo := s.client("romeo")
	garden, street, tomb := s.room("#garden"), s.room("#street"), s.room("#tomb")
	romeo.asksToJoin(garden)
	romeo.asksToJoinAs(street, "montague")
	romeo.asksToJoinAs(tomb, "pilgrim", "<password>thus-with-a-kiss</password>")

	romeo.ExpectInAnyOrder(
		romeo.gets(self(garden, romeo.nick)), romeo.gets(subject(garden, "", "")),
		romeo.gets(occupant(street, romeo.nick, StatusCodes("110", "210"))), romeo.gets(subject(street, "", "")),
		romeo.gets(occupant(tomb, romeo.nick, StatusCodes("110", "210"))), romeo.gets(subject(tomb, "", "")),
	)
	romeo.hasNothingMore()
}

func TestARoomWithAPasswordLetsInWhoKnowsIt(t *testing.T) {
	s := play(t)
	romeo, juliet, garden := s.client("romeo"), s.client("juliet"), s.room("#garden")
	romeo.joins(garden)
	romeo.says(garden, "/mode +k wherefore")
	romeo.ExpectInAnyOrder(
		romeo.gets(modes(garden, "Mode "+garden.channel+" [+k wherefore] by "+romeo.nick)),
		romeo.gets(Message(From(garden.jid), StatusCodes("104"))),
	)

	juliet.asksToJoin(garden)
	juliet.expects(Presence(From(garden.jid+"/"+juliet.nick), StanzaError("auth", "not-authorized"),
		Has("{http://jabber.org/protocol/muc}x"), Has("error@by", garden.jid)))
	juliet.asksToJoin(garden, "<password>therefore</password>")
	juliet.expects(Presence(From(garden.jid+"/"+juliet.nick), StanzaError("auth", "not-authorized")))

	juliet.asksToJoin(garden, "<password>wherefore</password>")
	juliet.expects(occupant(garden, romeo.nick))
	juliet.expects(self(garden, juliet.nick))
	juliet.expects(subject(garden, "", ""))
	juliet.hasNothingMore()
}

func TestNamesWithStrangeCharactersAreEscaped(t *testing.T) {
	for _, tt := range []struct{ name, escaped, channel string }{
		{"slash", `#true\2ffalse`, "#true/false"},
		{"address and port", `#friar\40lawrence.org\3a80`, "#friar@lawrence.org:80"},
		{"quotes and an ampersand", `#\22r\26j\22`, `#"r&j"`},
		{"percent", `#100%`, "#100%"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(t)
			romeo := s.client("romeo")
			strange := s.room(tt.escaped)
			romeo.asksToJoin(strange)
			romeo.expects(self(strange, romeo.nick, standing("admin", "moderator")))
			romeo.expects(subject(strange, "", ""))
			juliet := s.onIRC("juliet")
			strange.channel = strings.ReplaceAll(strange.channel, tt.escaped, tt.channel)
			juliet.joins(strange)
			romeo.expects(occupant(strange, juliet.nick))
			juliet.says(strange.channel, "is it here?")
			romeo.expects(inRoom(strange, juliet.nick, "is it here?"))
		})
	}
}

func TestLeavingWithoutHavingJoinedIsHarmless(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.leaves(garden)
	romeo.hasNothingMore()

	romeo.asksToJoin(garden)
	romeo.expects(self(garden, romeo.nick))
	romeo.expects(subject(garden, "", ""))
	romeo.hasNothingMore()
}

func TestAServerThatIsNotThereIsTold(t *testing.T) {
	for _, tt := range []struct{ name, domain string }{{"where networks are given", irc}, {"where any can be named", lasting}} {
		t.Run(tt.name, func(t *testing.T) {
			s := playOn(t, tt.domain, "%nowhere.invalid")
			romeo, garden := s.client("romeo"), s.room("#garden")
			romeo.asksToJoin(garden)
			romeo.expects(Presence(From(garden.jid+"/"+romeo.nick), StanzaError("cancel", "item-not-found"),
				Has("{http://jabber.org/protocol/muc}x"), Has("error/text")))
			romeo.hasNothingMore()
		})
	}
}

func TestEachPortThatDoesNotAnswerIsTold(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	closed, err := servers.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	id := romeo.starts(s.server(), "configure", asking("configure", false))
	romeo.fills(s.server(), "configure", id, "complete", []string{"tls_ports", fmt.Sprint(closed), "ports", s.port()}, completed("configure"))
	romeo.asksToJoin(garden)
	told := romeo.Expect(Message(To(romeo.bare), From(s.server()), Type("chat")))
	if text := Values(told, "body")[0]; !strings.Contains(text, fmt.Sprintf("Port %d: ", closed)) {
		t.Errorf("told %q", text)
	}
	romeo.expects(self(garden, romeo.nick))
	romeo.expects(subject(garden, "", ""))
}

func TestAnyServerIsTriedOnItsUsualPorts(t *testing.T) {
	s := playOn(t, lasting, "%localhost")
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.asksToJoin(garden)
	for _, closed := range []string{"6697", "6670"} {
		told := romeo.Expect(Message(To(romeo.bare), From(s.server()), Type("chat")))
		if text := Values(told, "body")[0]; !strings.Contains(text, "Port "+closed+": ") {
			t.Errorf("told %q, want that port %s is closed", text, closed)
		}
	}
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.starts(s.server(), "get-irc-connection-info", completed("get-irc-connection-info"), tells("localhost on port "+s.port()))
}

func TestPeopleNameServersThemselves(t *testing.T) {
	s := playOn(t, lasting, "%the.friars.cell")
	romeo, garden := s.client("romeo"), s.room("#garden")
	id := romeo.starts(s.server(), "configure", asking("configure", false), fieldOfType("address", "text-single"))
	romeo.fills(s.server(), "configure", id, "complete", []string{"address", "127.0.0.1", "tls_ports", none, "ports", s.port()}, completed("configure"))
	romeo.asksToJoin(garden)
	romeo.expects(self(garden, romeo.nick, standing("admin", "moderator")))
	romeo.expects(subject(garden, "", ""))
	romeo.asks("get", s.server(), discoInfo, Type("result"), identity("gateway", "irc"))
}
