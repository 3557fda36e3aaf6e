package parity

import (
	"testing"

	. "gatehouse/component/componenttest"
)

func TestTheGatewayCanBeInTheRosterAndGoFromIt(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo := s.person("romeo")
			server := &client{romeo, romeo.bare}
			server.sends(`<presence to='%s' type='subscribe' id='s1'/>`, s.domain)
			server.expects(Presence(Type("subscribed"), From(s.domain), ID("s1")))
			server.expects(Presence(Type(""), From(s.domain)))
			server.expects(Presence(Type("subscribe"), From(s.domain)))
			server.sends(`<presence to='%s' type='subscribed'/>`, s.domain)

			server.sends(`<presence to='%s' type='unsubscribe' id='s2'/>`, s.domain)
			server.expects(Presence(Type("unavailable"), From(s.domain)))
			server.expects(Presence(Type("unsubscribed"), From(s.domain)))
			server.expects(Presence(Type("unsubscribe"), From(s.domain)))
			server.sends(`<presence to='%s' type='unavailable'/>`, s.domain)
			server.sends(`<presence to='%s' type='unsubscribed'/>`, s.domain)
			server.hasNothingMore()
		})
	}
}

func TestANetworkInTheRosterIsThereWhileOneIsConnected(t *testing.T) {
	s := play(t)
	romeo, garden := s.person("romeo"), s.room("#garden")
	home, server := romeo.at("home"), &client{romeo, romeo.bare}
	server.sends(`<presence to='%s' type='subscribe' id='s1'/>`, s.server())
	server.expects(Presence(Type("subscribed"), From(s.server()), ID("s1")))
	server.expects(Presence(Type("subscribe"), From(s.server())))
	server.sends(`<presence to='%s' type='subscribed'/>`, s.server())

	home.asksToJoin(garden)
	server.awaits(Presence(Type(""), From(s.server())))
	home.expects(self(garden, romeo.nick))
	home.expects(subject(garden, "", ""))

	home.leaves(garden)
	home.expects(gone(garden, romeo.nick, StatusCodes("110")))
	server.awaits(Presence(Type("unavailable"), From(s.server())))
	home.hasNothingMore()
}
