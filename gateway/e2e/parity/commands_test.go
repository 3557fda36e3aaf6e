package parity

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
)

// starts starts an ad-hoc command, and gives the id of its session.
func (c *client) starts(to, node string, matchers ...Matcher) (session string) {
	c.scene.t.Helper()
	got := c.asks("set", to, fmt.Sprintf(`<command xmlns='%s' node='%s' action='execute'/>`, commandsNS, node), matchers...)
	if ids := Values(got, commands+"@sessionid"); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// fills goes on with a command. The fields are names and values, in turn; a
// value of none empties the field.
func (c *client) fills(to, node, session, action string, fields []string, matchers ...Matcher) stanza.Received {
	c.scene.t.Helper()
	return c.asks("set", to, fmt.Sprintf(`<command xmlns='%s' node='%s' sessionid='%s' action='%s'>%s</command>`,
		commandsNS, node, session, action, submission(fields...)), matchers...)
}

const none = "\x00"

func submission(fields ...string) string {
	text := `<x xmlns='jabber:x:data' type='submit'>`
	for i := 0; i+1 < len(fields); i += 2 {
		text += fmt.Sprintf(`<field var='%s'>`, fields[i])
		if fields[i+1] != none {
			for _, v := range lines(fields[i+1]) {
				text += "<value>" + v + "</value>"
			}
		}
		text += "</field>"
	}
	return text + `</x>`
}

func (c *client) cancels(to, node, session string) {
	c.scene.t.Helper()
	c.asks("set", to, fmt.Sprintf(`<command xmlns='%s' node='%s' sessionid='%s' action='cancel'/>`, commandsNS, node, session),
		Type("result"), Has(commands+"@status", "canceled"), Has(commands+"@node", node))
}

// asking matches a command that wants to know something; next says whether more
// questions come.
func asking(node string, more bool) Matcher {
	action := "complete"
	if more {
		action = "next"
	}
	return All(Type("result"), Has(commands+"@node", node), Has(commands+"@status", "executing"), Has(commands+"@sessionid", "*"),
		Has(commands+"/"+form+"@type", "form"), Has(commands+"/actions/"+action))
}

// completed matches a command that is done and says so.
func completed(node string, note ...string) Matcher {
	if len(note) == 0 {
		note = []string{"*"}
	}
	return All(Type("result"), Has(commands+"@node", node), Has(commands+"@status", "completed"), Has(commands+"/note@type", "info"),
		Has(commands+"/note", note...))
}

func TestEveryAddressListsItsCommands(t *testing.T) {
	for _, tt := range []struct {
		name  string
		play  func(*testing.T) *scene
		to    func(*scene) string
		admin bool
		want  []string
	}{
		{name: "gateway", play: play, to: (*scene).gateway, want: []string{"ping", "hello", "disconnect-from-irc-server", "configure"}},
		{name: "gateway, to an admin", play: play, to: (*scene).gateway, admin: true, want: []string{"ping", "hello", "disconnect-from-irc-server", "configure", "disconnect-user", "reload"}},
		{name: "network", play: play, to: (*scene).server, want: []string{"configure", "get-irc-connection-info", "register-account", "log-in", "log-out"}},
		{name: "fixed network", play: playFixed, to: (*scene).gateway, want: []string{"ping", "hello", "disconnect-from-irc-server", "global-configure", "server-configure", "get-irc-connection-info", "register-account", "log-in", "log-out"}},
		{name: "fixed network, to an admin", play: playFixed, to: (*scene).gateway, admin: true, want: []string{"ping", "hello", "disconnect-from-irc-server", "global-configure", "server-configure", "get-irc-connection-info", "register-account", "log-in", "log-out", "disconnect-user", "reload"}},
		{name: "room", play: play, to: func(s *scene) string { return s.room("#garden").jid }, want: []string{"configure"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			who := s.client("romeo")
			if tt.admin {
				who = s.admin().at("desk")
			}
			got := who.asks("get", tt.to(s), `<query xmlns='http://jabber.org/protocol/disco#items' node='`+commandsNS+`'/>`,
				Type("result"), Has("query@node", commandsNS))
			if nodes := Values(got, "query/item@node"); !sameSet(nodes, tt.want) {
				t.Errorf("commands are %q, want %q", nodes, tt.want)
			}
		})
	}
}

func TestAnOccupantHasNoCommands(t *testing.T) {
	s := play(t)
	romeo, garden := s.client("romeo"), s.room("#garden")
	romeo.asks("get", garden.jid+"/"+romeo.nick, `<query xmlns='http://jabber.org/protocol/disco#items' node='`+commandsNS+`'/>`,
		StanzaError("cancel", "feature-not-implemented"))
}

func TestSimpleCommands(t *testing.T) {
	s := play(t)
	romeo := s.client("romeo")
	romeo.starts(s.domain, "ping", completed("ping", "Pong"))

	id := romeo.starts(s.domain, "hello", asking("hello", false), Has(commands+"/x/title"), Has(commands+"/x/instructions"),
		Has(commands+"/x/field@type", "text-single"), Has(commands+"/x/field/required"))
	romeo.fills(s.domain, "hello", id, "complete", []string{"name", "Romeo"}, completed("hello", "Hello Romeo!"))
	id = romeo.starts(s.domain, "hello", asking("hello", false))
	romeo.fills(s.domain, "hello", id, "complete", nil, Type("error"), Has(commands+"@node", "hello"))

	romeo.starts(s.domain, "disconnect-user", Type("error"), Has(commands+"@node", "disconnect-user"),
		Has(commands+"/error@type", "cancel"), Has(commands+"/error/{urn:ietf:params:xml:ns:xmpp-stanzas}forbidden"))
	s.admin().at("desk").starts(s.domain, "reload", completed("reload"))
}

func TestAnAdminDisconnectsUsers(t *testing.T) {
	s := play(t)
	desk, romeo, garden := s.admin().at("desk"), s.client("romeo"), s.room("#garden")
	romeo.joins(garden)
	juliet := s.onIRC("juliet")
	juliet.joins(garden)
	romeo.expects(occupant(garden, juliet.nick))

	id := desk.starts(s.domain, "disconnect-user", asking("disconnect-user", false),
		fieldOfType("jids", "list-multi"), fieldOfType("quit-message", "text-single"), Has(commands+"/x/field/option/value", romeo.bare))
	desk.fills(s.domain, "disconnect-user", id, "complete", []string{"jids", romeo.bare, "quit-message", "banished"},
		completed("disconnect-user", "1 user has been disconnected."))
	romeo.expects(gone(garden, romeo.nick, Has(mucUser+"/status@code", "110"), Has("status", "banished")))
	juliet.hears("QUIT", "banished")
}

func TestALinkIsEndedByTheUserOrByAnAdmin(t *testing.T) {
	s := play(t)
	desk, romeo, garden := s.admin().at("desk"), s.client("romeo"), s.room("#garden")
	away := room{jid: strings.ReplaceAll(garden.jid, "%verona", "%mantua"), channel: garden.channel}
	romeo.joins(garden)
	romeo.joins(away)
	const node = "disconnect-from-irc-server"
	servers := All(asking(node, false), fieldOfType("quit-message", "text-single"), fieldOfType("irc-servers", "list-multi"))

	id := desk.starts(s.domain, node, asking(node, true), fieldOfType("jid", "list-single"), Has(commands+"/x/field/option/value", romeo.bare))
	desk.fills(s.domain, node, id, "next", []string{"jid", romeo.bare}, servers,
		Has(commands+"/x/field/option/value", "mantua"), Has(commands+"/x/field/option/value", "verona"))
	desk.fills(s.domain, node, id, "complete", []string{"irc-servers", "mantua", "quit-message", "to Mantua no more"}, completed(node))
	romeo.expects(gone(away, romeo.nick, Has(mucUser+"/status@code", "110"), Has("status", "to Mantua no more")))

	id = romeo.starts(s.domain, node, servers, Has(commands+"/x/field/option/value", "verona"))
	romeo.sends(`<iq to='%s' type='set' id='ask'><command xmlns='%s' node='%s' sessionid='%s' action='complete'>%s</command></iq>`,
		s.domain, commandsNS, node, id, submission("irc-servers", "verona", "quit-message", "farewell"))
	romeo.ExpectInAnyOrder(
		romeo.gets(gone(garden, romeo.nick, Has(mucUser+"/status@code", "110"), Has("status", "farewell"))),
		romeo.gets(IQ(ID("ask"), completed(node))),
	)
	romeo.hasNothingMore()
}

func TestTheConnectionIsDescribed(t *testing.T) {
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.play(t)
			romeo, garden := s.person("romeo"), s.room("#garden")
			home, cell := romeo.at("home"), romeo.at("cell")
			const node = "get-irc-connection-info"
			home.starts(s.server(), node, completed(node))
			home.joins(garden)
			cell.joins(garden)
			home.sends(`<iq to='%s' type='set' id='ask'><command xmlns='%s' node='%s'/></iq>`, s.server(), commandsNS, node)
			got := home.expects(IQ(From(s.server()), completed(node)))
			text := Values(got, commands+"/note")[0]
			for _, part := range []string{"127.0.0.1", s.port(), garden.channel, "cell, home", "without TLS"} {
				if !strings.Contains(text, part) {
					t.Errorf("%q does not tell of %q", text, part)
				}
			}
		})
	}
}

// tells matches a command's note by a part of it.
func tells(part string) Matcher {
	return Custom("note with "+part, func(r stanza.Received) string {
		for _, text := range Values(r, commands+"/note") {
			if strings.Contains(text, part) {
				return ""
			}
		}
		return "no note tells " + part
	})
}
