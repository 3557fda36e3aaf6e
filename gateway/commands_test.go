package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	listCommands = `<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>`
	noteOf       = "command/note"
	server       = "verona@" + verona
)

// executes sends one step of a command, with the id "ask".
func (w *world) executes(client, to, node, rest string) {
	w.t.Helper()
	attributes, form, _ := strings.Cut(rest, "|")
	w.asks(client, "set", to, fmt.Sprintf(`<command xmlns='http://jabber.org/protocol/commands' node='%s' %s>%s</command>`, node, attributes, form))
}

// filled is a form that is sent back: "nick=romeo" is one value, and the same
// name may come again; "nick=" is a field without any.
func filled(fields ...string) string {
	var names []string
	values := map[string]string{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if value != "" {
			values[name] += "<value>" + value + "</value>"
		}
	}
	x := "<x xmlns='jabber:x:data' type='submit'>"
	for _, name := range names {
		x += fmt.Sprintf("<field var='%s'>%s</field>", name, values[name])
	}
	return x + "</x>"
}

// starts starts a command that asks something, and gives what goes with every
// further step.
func (w *world) starts(client, to, node string, more ...Matcher) (session string) {
	w.t.Helper()
	w.executes(client, to, node, "")
	got := w.Expect(asking(client, to, node, more...))
	return sessionOf(got)
}

func sessionOf(r stanza.Received) string {
	return "sessionid='" + Values(r, "command@sessionid")[0] + "' "
}

func asking(client, to, node string, more ...Matcher) Matcher {
	return result(to, client, append(more, Has("command@node", node), Has("command@status", "executing"), Has("command/x@type", "form"))...)
}

func completed(client, to, node string, more ...Matcher) Matcher {
	return result(to, client, append(more, Has("command@node", node), Has("command@status", "completed"), HasNot("command/actions"))...)
}

func commandFails(client, to, class, condition string, more ...Matcher) Matcher {
	return answer(to, client, append(more, StanzaError(class, condition),
		Has("command/{http://jabber.org/protocol/commands}error@type", class),
		Has("command/error/{urn:ietf:params:xml:ns:xmpp-stanzas}"+condition))...)
}

// nodes gives the commands in a list.
func nodes(w *world, client, to string) []string {
	w.t.Helper()
	w.asks(client, "get", to, listCommands)
	return Values(w.Expect(result(to, client)), "query/item@node")
}

func TestEveryKindOfAddressListsItsCommands(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			who, to string
			want    string
		}{
			{orchard, verona, "ping hello leave-verona configure"},
			{castle, verona, "ping hello leave-verona configure disconnect-user reload"},
			{orchard, server, "get-verona configure"},
			{orchard, garden, "configure"},
			{orchard, "juliet@" + verona, ""},
			{tybalt, verona, "ping hello leave-verona configure"},
		} {
			if got := strings.Join(nodes(w, tt.who, tt.to), " "); got != tt.want {
				t.Errorf("%s sees at %s: %q, want %q", tt.who, tt.to, got, tt.want)
			}
		}
		w.asks(castle, "get", garden+"/juliet", listCommands)
		w.Expect(answer(garden+"/juliet", castle, StanzaError("cancel", "feature-not-implemented")))
		for _, to := range []string{verona, server, garden} {
			w.asks(orchard, "get", to, discoInfo)
			w.Expect(result(to, orchard, Has("query/feature@var", "http://jabber.org/protocol/commands")))
		}
	})
}

func TestTheNetworkNamesItsOwnWayToTheSettings(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.verona.change(func() {
			w.verona.named = []transport.Command{
				{Node: "all-configure", Name: "All", Does: transport.DoConfigureAll},
				{Node: "one-configure", Name: "One", Does: transport.DoConfigure, At: "verona"},
				{Node: "one-info", Name: "Info", Does: transport.DoShowLinks, At: "verona"},
			}
		})
		if got := strings.Join(nodes(w, orchard, verona), " "); got != "ping hello all-configure one-configure one-info" {
			t.Errorf("the commands are %q", got)
		}
		w.starts(orchard, verona, "all-configure", Has("command/x/title", "All"))
		w.starts(orchard, verona, "one-configure", Has("command/x/title", "Server verona"))
		w.executes(orchard, verona, "one-info", "")
		w.Expect(completed(orchard, verona, "one-info", Has(noteOf, "You are not connected to verona.")))
	})
}

func TestCommandsAreDescribed(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		ask := func(client, node string) {
			w.asks(client, "get", verona, fmt.Sprintf(`<query xmlns='http://jabber.org/protocol/disco#info' node='%s'/>`, node))
		}
		ask(orchard, "http://jabber.org/protocol/commands")
		w.Expect(result(verona, orchard, Has("query/identity@category", "automation"), Has("query/identity@type", "command-list")))
		ask(orchard, "hello")
		w.Expect(result(verona, orchard, Has("query/identity@type", "command-node"), Has("query/feature@var", "jabber:x:data")))
		ask(orchard, "reload")
		w.Expect(answer(verona, orchard, StanzaError("cancel", "forbidden")))
		ask(castle, "reload")
		w.Expect(result(verona, castle, Has("query/identity@type", "command-node")))
		ask(orchard, "dance")
		w.Expect(answer(verona, orchard, StanzaError("cancel", "item-not-found")))
	})
}

func TestPingAndHello(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.executes(orchard, verona, "ping", "action='execute'")
		w.Expect(completed(orchard, verona, "ping", Has(noteOf, "Pong"), Has("command/note@type", "info")))
		session := w.starts(orchard, verona, "hello", Has("command/x/field@type", "text-single"),
			Has("command/x/field/required"), Has("command/actions/complete"), Has("command/actions@execute", "complete"))
		w.executes(orchard, verona, "hello", session+"action='complete'|"+filled())
		w.Expect(commandFails(orchard, verona, "modify", "bad-request", Has("error/{http://jabber.org/protocol/commands}bad-payload")))
		w.executes(orchard, verona, "hello", session+"|"+filled("name=Romeo"))
		w.Expect(completed(orchard, verona, "hello", Has(noteOf, "Hello Romeo!")))
	})
}

func TestWhatIsWrongWithACommandIsSaid(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		session := w.starts(orchard, verona, "hello")
		for _, tt := range []struct {
			name, client, to, node, rest string
			class, condition, specific   string
		}{
			{"no such command", orchard, verona, "dance", "", "cancel", "item-not-found", ""},
			{"one of another address", orchard, garden, "hello", "", "cancel", "item-not-found", ""},
			{"an administrator's", orchard, verona, "disconnect-user", "", "cancel", "forbidden", ""},
			{"one from the administrators' own list", orchard, verona, "block", "", "cancel", "forbidden", ""},
			{"an unknown action", orchard, verona, "hello", "action='jump'", "modify", "bad-request", "malformed-action"},
			{"an unknown session", orchard, verona, "hello", "sessionid='x'", "modify", "bad-request", "bad-sessionid"},
			{"another client's session", cell, verona, "hello", session, "modify", "bad-request", "bad-sessionid"},
			{"a session of another command", orchard, verona, "configure", session, "modify", "bad-request", "bad-sessionid"},
			{"back from the first step", orchard, verona, "hello", session + "action='prev'", "modify", "bad-request", "bad-action"},
			{"back from nowhere", orchard, verona, "hello", "action='prev'", "modify", "bad-request", "bad-sessionid"},
			{"a huge answer", orchard, verona, "hello", session + "|" + filled("name="+strings.Repeat("x", 5000)), "modify", "bad-request", "bad-payload"},
		} {
			t.Log(tt.name)
			w.executes(tt.client, tt.to, tt.node, tt.rest)
			more := []Matcher{}
			if tt.specific != "" {
				more = append(more, Has("error/{http://jabber.org/protocol/commands}"+tt.specific))
			}
			w.Expect(commandFails(tt.client, tt.to, tt.class, tt.condition, more...))
		}
		w.executes(orchard, garden+"/juliet", "configure", "")
		w.Expect(answer(garden+"/juliet", orchard, StanzaError("cancel", "feature-not-implemented")))
		w.executes(tybalt, verona, "ping", "")
		w.Expect(answer(verona, tybalt, StanzaError("auth", "forbidden")))
		w.executes(orchard, verona, "hello", session+"action='cancel'")
		w.Expect(result(verona, orchard, Has("command@status", "canceled")))
		w.executes(orchard, verona, "hello", session)
		w.Expect(commandFails(orchard, verona, "modify", "bad-request"))
	})
}

func TestCommandsUnderWayAreBoundedAndExpire(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		first := w.starts(orchard, verona, "hello")
		second := w.starts(orchard, verona, "hello")
		for range 15 {
			w.starts(orchard, verona, "hello")
		}
		w.executes(orchard, verona, "hello", first+"|"+filled("name=Romeo"))
		w.Expect(commandFails(orchard, verona, "modify", "bad-request"))
		w.pass(9 * time.Minute)
		w.executes(orchard, verona, "hello", second+"|"+filled("name=Romeo"))
		w.Expect(completed(orchard, verona, "hello"))
		third := w.starts(orchard, verona, "hello")
		w.pass(11 * time.Minute)
		w.executes(orchard, verona, "hello", third+"|"+filled("name=Romeo"))
		w.Expect(commandFails(orchard, verona, "modify", "bad-request"))
		w.pass(time.Hour)
		if n := w.gateway.Counts().Sessions; n != 1 { // the phones' is always open
			t.Errorf("%d sessions stay for commands that are over", n)
		}
	})
}
