package parity

import (
	"fmt"
	"testing"

	. "gatehouse/component/componenttest"
)

// Here is what biboumi does badly, and is done well.

func TestAModeLineWithAListIsReadToItsEnd(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	nurse := s.onIRC("nurse")
	nurse.joins(garden)
	romeo := s.client("romeo")
	romeo.joins(garden)
	nurse.sends(fmt.Sprintf("MODE %s +bov *!*@capulet.example %s %s", garden.channel, romeo.nick, romeo.nick))
	romeo.awaits(self(garden, romeo.nick, standing("admin", "moderator")))
}

func TestEveryRefusedJoinIsAnError(t *testing.T) {
	s := play(t)
	nurse, romeo := s.onIRC("nurse"), s.client("romeo")
	for _, tt := range []struct{ mode, class, condition string }{
		{"+i", "auth", "registration-required"},
		{"+k rose", "auth", "not-authorized"},
		{"+l 1", "wait", "service-unavailable"},
		{"+b *!*@*", "auth", "forbidden"},
	} {
		closed := s.room("#closed" + tt.condition)
		nurse.joins(closed)
		nurse.sends("MODE " + closed.channel + " " + tt.mode)
		nurse.hears("MODE", closed.channel)
		romeo.asksToJoin(closed)
		romeo.expects(Presence(From(closed.jid+"/"+romeo.nick), StanzaError(tt.class, tt.condition), Has("error/text")))
	}
	bad := s.room("#a,b") // which is two names on IRC
	romeo.asksToJoin(bad)
	romeo.expects(Presence(From(bad.jid+"/"+romeo.nick), StanzaError("modify", "jid-malformed")))
	romeo.asksToJoinAs(s.room("#garden"), "not a nick")
	romeo.expects(Presence(StanzaError("modify", "not-acceptable")))
	romeo.hasNothingMore()
}

func TestAMessageThatTheRoomRefusesIsAnError(t *testing.T) {
	s := play(t)
	nurse, romeo, garden := s.onIRC("nurse"), s.client("romeo"), s.room("#garden")
	nurse.joins(garden)
	nurse.sends("MODE " + garden.channel + " +m")
	nurse.hears("MODE", garden.channel)
	romeo.asksToJoin(garden)
	romeo.expects(occupant(garden, nurse.nick))
	romeo.expects(self(garden, romeo.nick, standing("none", "visitor")))
	romeo.expects(subject(garden, "", ""))
	romeo.says(garden, "may I speak?")
	romeo.awaits(Message(From(garden.jid), ID(idOf("may I speak?")), StanzaError("auth", "forbidden")))
}

func TestBansAreGivenListedAndTaken(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.sends(`<iq to='%s' type='set' id='ban'>%s</iq>`, garden.jid, admin(fmt.Sprintf(`<item affiliation='outcast' nick='%s'/>`, juliet.nick)))
	juliet.awaits(gone(garden, juliet.nick, Has(mucUser+"/status@code", "110")))
	romeo.awaits(IQ(Type("result"), ID("ban"), From(garden.jid)))
	list := func() []string {
		romeo.sends(`<iq to='%s' type='get' id='list'>%s</iq>`, garden.jid, admin(`<item affiliation='outcast'/>`))
		return Values(romeo.awaits(IQ(Type("result"), ID("list"))), "query/item@jid")
	}
	banned := list()
	if len(banned) != 1 {
		t.Fatalf("banned are %q", banned)
	}
	juliet.asksToJoin(garden)
	juliet.awaits(Presence(From(garden.jid+"/"+juliet.nick), StanzaError("auth", "forbidden")))
	romeo.sends(`<iq to='%s' type='set' id='pardon'>%s</iq>`, garden.jid, admin(fmt.Sprintf(`<item affiliation='none' jid='%s'/>`, banned[0])))
	romeo.awaits(IQ(Type("result"), ID("pardon")))
	if left := list(); len(left) != 0 {
		t.Errorf("still banned: %q", left)
	}
	romeo.asks("get", garden.jid, admin(`<item affiliation='admin'/>`), Type("result"), Has("query/item@nick", romeo.nick))
	romeo.sends(`<iq to='%s' type='set' id='odd'>%s</iq>`, garden.jid, admin(fmt.Sprintf(`<item role='visitor' nick='%s'/>`, romeo.nick)))
	romeo.awaits(IQ(ID("odd"))) // whatever the server makes of it, it is answered
}

func TestAvailabilityIsAwayAndNotANick(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.sends(`<presence to='%s/%s'><show>away</show><status>in Mantua</status></presence>`, garden.jid, romeo.nick)
	juliet.expects(occupant(garden, romeo.nick, Has("show", "away"), Has("status", "in Mantua")))
	nurse := s.onIRC("nurse")
	nurse.joins(garden)
	nurse.sends("WHOIS " + romeo.nick)
	nurse.hears(" 301 ", romeo.nick, "in Mantua")
}

func TestAChatMessageToARoomIsNotLostInSilence(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	romeo.saysTo(garden.jid, "hark")
	romeo.expects(Message(From(garden.jid), ID(idOf("hark")), StanzaError("modify", "bad-request"), Has("error/text")))
}

func TestTheFixedNetworkHasAListAndRoomsHaveOccupants(t *testing.T) {
	s := playFixed(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.asks("get", s.domain, discoItems, Type("result"), Has("query/item@jid", garden.jid), Has("query/set/count", "*"))
	romeo.asks("get", garden.jid, discoItems, Type("result"),
		Has("query/item@jid", garden.jid+"/"+romeo.nick), Has("query/item@jid", garden.jid+"/"+juliet.nick))

	abroad := playAgain(t, irc)
	romeo = abroad.client("romeo")
	romeo.asks("get", irc, discoItems, Type("result"), Has("query/item@jid", "verona@"+irc), Has("query/item@jid", "mantua@"+irc))
}

func TestNicksAreTheSameInAnyCase(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	nurse := s.onIRC("Nurse")
	nurse.joins(garden)
	romeo := s.client("romeo")
	romeo.joins(garden)
	romeo.saysTo(s.address(nurse.nick), "good morrow")
	nurse.hears("PRIVMSG "+nurse.nick, "good morrow")
	nurse.sends("NICK NURSE" + nurse.nick[len("Nurse"):])
	romeo.expects(gone(garden, nurse.nick, StatusCodes("303")))
	romeo.expects(occupant(garden, "NURSE"+nurse.nick[len("Nurse"):]))
}

func TestWhoUnsubscribedHearsNoMoreOfTheNetwork(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home, server := romeo.at("home"), &client{romeo, romeo.bare}
	server.sends(`<presence to='%s' type='subscribe'/>`, s.server())
	server.expects(Presence(Type("subscribed")))
	server.expects(Presence(Type("subscribe")))
	server.sends(`<presence to='%s' type='unsubscribe'/>`, s.server())
	server.awaits(Presence(Type("unsubscribed")))
	home.asksToJoin(garden)
	home.expects(self(garden, romeo.nick)) // and no presence of the network before it
	home.expects(subject(garden, "", ""))
	home.hasNothingMore()
}

func TestTheArchiveHasWhatWasShown(t *testing.T) {
	s := play(t)
	garden := s.room("#garden")
	romeo, juliet := twoIn(s, garden)
	romeo.says(garden, "a *bold* word")
	id := Values(romeo.expects(inRoom(garden, romeo.nick, "a *bold* word")), stanzaID+"@id")[0]
	hers := Values(juliet.expects(inRoom(garden, romeo.nick, "a *bold* word")), stanzaID+"@id")[0]
	his, herArchive := romeo.queries(garden, ""), juliet.queries(garden, "")
	his.has(t, true, "a *bold* word")
	herArchive.has(t, true, "a *bold* word")
	if his.ids[0] != id || herArchive.ids[0] != hers {
		t.Errorf("ids were %s and %s, and are %s and %s", id, hers, his.ids[0], herArchive.ids[0])
	}
	romeo.queries(garden, `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>
		<field var='ids'><value>`+id+`</value></field></x>`).has(t, true, "a *bold* word")

	// Private conversations are kept too, and one is asked for by its address.
	romeo.saysTo(s.address(juliet.nick), "by yonder moon")
	juliet.Expect(privately(s.address(romeo.nick), "by yonder moon"))
	juliet.sends(`<iq to='%s' type='set' id='pm'><query xmlns='urn:xmpp:mam:2' queryid='q1'>%s</query></iq>`, s.domain, conditions("with", s.address(romeo.nick)))
	juliet.awaits(Message(Has(forwarded+"/message/body", "by yonder moon")))
	juliet.awaits(IQ(ID("pm"), Type("result")))
}

// play2 begins a second scene in one test.
func playAgain(t *testing.T, domain string) *scene {
	st := onStage(t)
	return &scene{t: t, stage: st, number: st.scenes.Add(1), domain: domain, network: "%verona"}
}
