package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

const (
	discoInfo  = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
	discoItems = `<query xmlns='http://jabber.org/protocol/disco#items'/>`
	commandsNS = "http://jabber.org/protocol/commands"
)

// identity matches one of the identities in service discovery.
func identity(category, typ string) Matcher {
	return All(Has("query/identity@category", category), Has("query/identity@type", typ))
}

func feature(name string) Matcher { return Has("query/feature@var", name) }

func TestTheGatewaySaysWhatItIs(t *testing.T) {
	s := play(t)
	romeo := s.client("romeo")
	romeo.asks("get", s.domain, discoInfo, Type("result"),
		identity("gateway", "irc"), identity("conference", "irc"), Has("query/identity@name", "IRC"),
		feature("jabber:iq:version"), feature(commandsNS), feature("urn:xmpp:ping"), feature("urn:xmpp:mam:2"))
}

func TestARoomSaysWhatItIsAndToThoseInItMore(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.client("romeo"), s.room("#garden")
			always := All(
				identity("conference", "text"), identity("conference", "irc"), Has("query/identity@name", garden.channel+" on 127.0.0.1"),
				feature("jabber:iq:version"), feature(commandsNS), feature("urn:xmpp:ping"), feature("urn:xmpp:sid:0"),
				feature("http://jabber.org/protocol/muc"), feature("muc_semianonymous"), feature("urn:xmpp:mam:2"))
			romeo.asks("get", garden.jid, discoInfo, Type("result"), always, noField("muc#roominfo_occupants"))
			romeo.joins(garden)
			romeo.asks("get", garden.jid, discoInfo, Type("result"), always,
				field("FORM_TYPE", "http://jabber.org/protocol/muc#roominfo"), field("muc#roominfo_occupants", "1"))
		})
	}
}

func TestTrafficOfARoomIsAnswered(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	const node = "http://jabber.org/protocol/muc#traffic"
	romeo.asks("get", garden.jid, `<query xmlns='http://jabber.org/protocol/disco#info' node='`+node+`'/>`,
		Type("result"), Has("query@node", node), HasNot("query/feature"))
}
