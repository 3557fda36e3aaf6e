package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

const (
	ping    = `<ping xmlns='urn:xmpp:ping'/>`
	version = `<query xmlns='jabber:iq:version'/>`
)

func TestAClientLearnsThatItIsInTheRoom(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.person("romeo"), s.room("#garden")
			home, cell := romeo.at("home"), romeo.at("cell")
			home.joins(garden)
			self := garden.jid + "/" + romeo.nick
			home.asks("get", self, ping, Type("result"))
			cell.joins(garden)
			for _, c := range []*client{home, cell, home} {
				c.asks("get", self, ping, Type("result"))
			}
		})
	}
}

func TestAClientLearnsThatItIsNotInTheRoom(t *testing.T) {
	s := play(t)
	romeo, garden, street := s.person("romeo"), s.room("#garden"), s.room("#street")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)
	home.asks("get", street.jid+"/"+romeo.nick, ping, StanzaError("cancel", "not-acceptable"))
	cell.asks("get", garden.jid+"/"+romeo.nick, ping, StanzaError("cancel", "not-acceptable"))
	home.hasNothingMore()
}

// What comes back says through what it went.
func TestOnesOwnVersionIsAskedOfOnesOwnClient(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home, cell := romeo.at("home"), romeo.at("cell")
	home.joins(garden)
	self := garden.jid + "/" + romeo.nick
	for _, asking := range []*client{home, cell} {
		asking.joins(garden)
		asking.sends(`<iq to='%s' type='get' id='v1'>%s</iq>`, self, version)
		asked := romeo.Expect(IQ(Type("get"), From(s.address(romeo.nick)), Has("{jabber:iq:version}query")))
		answering := romeo.at(asked.To.Resource)
		answering.sends(`<iq to='%s' type='result' id='%s'><query xmlns='jabber:iq:version'>
			<name>Balcony</name><version>1.0</version><os>Verona</os></query></iq>`, s.address(romeo.nick), asked.ID)
		asking.expects(IQ(Type("result"), From(self), ID("v1"), Has("query/name", "Balcony (through the Gatehouse gateway) 1.0 Verona")))
	}
}
