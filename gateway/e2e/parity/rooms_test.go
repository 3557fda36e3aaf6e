package parity

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
)

// modes matches what a room says of a MODE.
func modes(r room, text string) Matcher {
	return Message(From(r.jid), Type("groupchat"), Body(text))
}

func admin(item string) string {
	return `<query xmlns='http://jabber.org/protocol/muc#admin'>` + item + `</query>`
}

func TestStandingsAreGivenAndTaken(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	both := func(text, affiliation, role string, more ...Matcher) {
		t.Helper()
		text = fmt.Sprintf(text, garden.channel, romeo.nick)
		is := occupant(garden, juliet.nick, standing(affiliation, role))
		romeo.ExpectInAnyOrder(append(more, romeo.gets(modes(garden, text)), romeo.gets(is))...)
		juliet.ExpectInAnyOrder(juliet.gets(modes(garden, text)), juliet.gets(is))
	}
	set := func(who *client, item string) {
		t.Helper()
		who.sends(`<iq to='%s' type='set' id='set'>%s</iq>`, garden.jid, admin(item))
	}
	granted := romeo.gets(IQ(Type("result"), ID("set"), From(garden.jid)))

	romeo.says(garden, "/mode +v "+juliet.nick)
	both("Mode %s [+v "+juliet.nick+"] by %s", "member", "participant")
	set(romeo, fmt.Sprintf(`<item affiliation='admin' nick='%s'/>`, juliet.nick))
	both("Mode %s [+o "+juliet.nick+"] by %s", "admin", "moderator", granted)
	romeo.says(garden, "/mode -v "+juliet.nick)
	both("Mode %s [-v "+juliet.nick+"] by %s", "admin", "moderator")
	set(romeo, fmt.Sprintf(`<item affiliation='member' nick='%s' role='participant'/>`, juliet.nick))
	both("Mode %s [+v-o "+juliet.nick+" "+juliet.nick+"] by %s", "member", "participant", granted)

	set(romeo, `<item affiliation='admin' nick='blectre'/>`)
	romeo.expects(IQ(ID("set"), Type("error"), Has("error/text")))
	set(juliet, fmt.Sprintf(`<item affiliation='admin' nick='%s'/>`, juliet.nick))
	juliet.expects(IQ(ID("set"), StanzaError("auth", "forbidden")))
	set(juliet, fmt.Sprintf(`<item affiliation='owner' nick='%s'/>`, romeo.nick))
	juliet.expects(IQ(ID("set"), Type("error")))
	romeo.hasNothingMore()
	juliet.hasNothingMore()
}

func TestAKickIsToldToAllWithItsReason(t *testing.T) {
	s := play(t)
	garden, street := s.room("#garden"), s.room("#street")
	romeo, juliet := twoIn(s, garden)
	romeo.joins(street)
	juliet.joins(street)
	romeo.expects(occupant(street, juliet.nick))
	cell := juliet.at("cell")
	cell.joins(garden)

	romeo.sends(`<iq id='kick' to='%s' type='set'>%s</iq>`, garden.jid,
		admin(fmt.Sprintf(`<item nick='%s' role='none'><reason>parting</reason></item>`, juliet.nick)))
	kicked := All(gone(garden, juliet.nick), Has(mucUser+"/item@role", "none"), Has(mucUser+"/item/actor@nick", romeo.nick),
		Has(mucUser+"/item/reason", "parting"))
	juliet.ExpectInAnyOrder(juliet.gets(kicked, StatusCodes("110", "307")), cell.gets(kicked, StatusCodes("110", "307")))
	romeo.ExpectInAnyOrder(romeo.gets(kicked, StatusCodes("307")), romeo.gets(IQ(ID("kick"), Type("result"))))

	// Who was kicked from one room is gone from there once.
	juliet.saysTo(s.server(), "QUIT such sweet sorrow")
	juliet.awaits(gone(street, juliet.nick, Has(mucUser+"/status@code", "110")))
	romeo.expects(gone(street, juliet.nick))
	romeo.hasNothingMore()
}

func TestInvitationsGoToIRCAndToXMPP(t *testing.T) {
	s := play(t)
	garden, street := s.room("#garden"), s.room("#street")
	romeo, juliet := s.client("romeo"), s.client("juliet")
	romeo.joins(garden)
	juliet.joins(street)
	invite := func(who string) {
		romeo.sends(`<message to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='%s'/></x></message>`, garden.jid, who)
	}
	invite(juliet.nick)
	juliet.expects(Message(From(garden.jid), Has(mucUser+"/invite@from", garden.jid+"/"+romeo.nick)))

	invite(romeo.nick) // who is there
	romeo.awaits(modes(garden, romeo.nick+" is already on channel "+garden.channel))
	friar := &client{s.person("friar"), ""}
	invite(friar.bare)
	friar.Expect(Message(To(friar.bare), From(garden.jid), Has(mucUser+"/invite@from", romeo.jid)))
}

func TestNoticesStandWhereTheyBelong(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	romeo.saysTo(s.server(), "NOTICE "+romeo.nick+" :["+garden.channel+"] Hello in a notice.")
	romeo.expects(inRoom(garden, romeo.nick, "[notice] ["+garden.channel+"] Hello in a notice."))

	nurse := s.onIRC("nurse")
	nurse.joins(garden)
	romeo.expects(occupant(garden, nurse.nick))
	nurse.sends("NOTICE " + garden.channel + " :to all")
	romeo.expects(inRoom(garden, nurse.nick, "[notice] to all"))
}

func TestQuitEndsTheRooms(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.saysTo(s.server(), "QUIT bye bye")
	romeo.expects(gone(garden, romeo.nick, Has(mucUser+"/status@code", "110")))
	juliet.expects(gone(garden, romeo.nick, Has("status", "Quit: bye bye")))
	romeo.joins(garden) // and comes back when he wants
}

func TestTheConsoleAnswersRawLines(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.client("romeo"), s.room("#garden")
			romeo.joins(garden)
			romeo.saysTo(s.server(), "WHOIS "+romeo.nick)
			got := romeo.Expect(Message(From(s.server()), Type("chat"), Has("body")))
			if text := Values(got, "body")[0]; !strings.Contains(text, romeo.nick) || !strings.Contains(text, "127.0.0.1") {
				t.Errorf("said %q", text)
			}
		})
	}
}
