package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	mercutio = "mercutio@example.org/street"

	usersNode     = "http://jabber.org/protocol/admin#get-online-users-list"
	announceNode  = "http://jabber.org/protocol/admin#announce"
	blacklistNode = "http://jabber.org/protocol/admin#edit-blacklist"
)

// Where there are too many users to choose from, they are written.
func TestAFormDoesNotGrowWithTheUsers(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		for i := range 250 {
			w.executes(fmt.Sprintf("user%d-%s@example.org/x", i, strings.Repeat("x", 1000)), verona, "ping", "")
		}
		w.joins(orchard, garden, "romeo")
		w.Skip()
		got := w.startsRaw(castle, "disconnect-user")
		if types := Values(got, "command/x/field@type"); types[0] != "text-multi" {
			t.Errorf("the users are asked for by %q", types)
		}
		w.executes(castle, verona, "disconnect-user", sessionOf(got)+"|"+filled("jids="+romeo))
		w.Expect(completed(castle, verona, "disconnect-user", Has(noteOf, "1 user has been disconnected.")))
		w.Expect(gone(orchard, garden, "romeo"))
		got = w.startsRaw(castle, "leave-verona")
		if types := Values(got, "command/x/field@type"); types[0] != "text-single" {
			t.Errorf("the user is asked for by %q", types)
		}
		w.executes(castle, verona, usersNode, "")
		w.Expect(commandFails(castle, verona, "wait", "resource-constraint"))
		w.says(castle, `<message to='%s' type='chat'><body>users</body></message>`, verona)
		if text, _ := w.Expect(Message(To(castle))).ReadBody(); !strings.HasSuffix(text, "…") {
			t.Errorf("the chat gets %d bytes", len(text))
		}
	})
}

// An administrator says whose links are to end, then which.
func TestAdministratorsDisconnectOthersLinks(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(castle, garden, "escalus")
		w.Skip()
		w.verona.isConnected(romeo, nil, "verona", "mantua")
		got := w.startsRaw(castle, "leave-verona")
		if f := field(got, "jid"); f == nil {
			t.Error("the form does not ask whose")
		}
		if opts := Values(got, "command/x/field/option@label"); strings.Join(opts, " ") != escalus+" "+romeo {
			t.Errorf("to choose from: %q", opts)
		}
		session := sessionOf(got)
		w.verona.called(t, "open "+romeo, "join #garden romeo", "open "+escalus, "join #garden escalus")
		w.executes(castle, verona, "leave-verona", session+"action='next'|"+filled("jid="+romeo, "quit-message=x"))
		w.Expect(asking(castle, verona, "leave-verona", Has("command/x/field@var", "quit-message"), Has("command/x/field@var", "verona-servers"),
			Has("command/x/field/option/value", "mantua"), Has("command/actions/complete"), Has("command/actions/prev")))

		t.Log("back and forth")
		w.executes(castle, verona, "leave-verona", session+"action='prev'")
		w.Expect(asking(castle, verona, "leave-verona", Has("command/actions/next"), HasNot("command/actions/prev")))
		w.executes(castle, verona, "leave-verona", session+"action='next'|"+filled("jid="+romeo))
		w.Expect(asking(castle, verona, "leave-verona"))
		w.executes(castle, verona, "leave-verona", session+"action='complete'|"+filled("verona-servers=mantua", "quit-message=Go!"))
		w.Expect(completed(castle, verona, "leave-verona", Has(noteOf, romeo+" was disconnected from 1 server.")))
		w.verona.called(t, "disconnect mantua Go!")

		t.Log("others have no choice of users")
		got = w.Expect(w.asked(orchard, "leave-verona")...)
		if f := field(got, "jid"); f != nil {
			t.Error("romeo may choose whose links end")
		}
		w.executes(orchard, verona, "leave-verona", sessionOf(got)+"action='complete'|"+filled("verona-servers=verona", "quit-message="))
		w.Expect(completed(orchard, verona, "leave-verona", Has(noteOf, romeo+" was disconnected from 1 server.")))
		w.verona.called(t, "disconnect verona")

		t.Log("who is demoted can't go on")
		session = sessionOf(w.startsRaw(castle, "leave-verona"))
		w.executes(castle, verona, "leave-verona", session+"action='next'|"+filled("jid="+romeo))
		w.Expect(asking(castle, verona, "leave-verona"))
		w.admin.Store("friar@example.org")
		w.executes(castle, verona, "leave-verona", session+"action='complete'|"+filled("verona-servers=verona"))
		w.Expect(commandFails(castle, verona, "cancel", "forbidden"))
		w.verona.called(t)

		t.Log("without links there is nothing to choose")
		w.executes(mercutio, verona, "leave-verona", "")
		w.Expect(completed(mercutio, verona, "leave-verona"))
	})
}

func (w *world) startsRaw(client, node string) stanza.Received {
	w.t.Helper()
	return w.Expect(w.asked(client, node)...)
}

func (w *world) asked(client, node string) []Matcher {
	w.executes(client, verona, node, "action='execute'")
	return []Matcher{asking(client, verona, node)}
}

func TestAdministratorsDisconnectUsers(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.joins(castle, garden, "escalus")
		w.Skip()
		got := w.startsRaw(castle, "disconnect-user")
		w.executes(castle, verona, "disconnect-user", sessionOf(got)+"action='complete'|"+
			filled("jids="+escalus, "jids="+romeo, "jids=nobody@example.org", "quit-message=Enough!"))
		w.Expect(completed(castle, verona, "disconnect-user", Has(noteOf, "2 users have been disconnected.")))
		w.ExpectInAnyOrder(
			gone(orchard, garden, "romeo", Has("status", "Enough!"), StatusCodes("110", "333")),
			gone(castle, garden, "escalus", Has("status", "Enough!")),
		)
		w.settle()
		if w.verona.callsOf("close") != 2 {
			t.Error("the links were not closed")
		}
	})
}

func TestAnAlwaysOpenSessionComesBackAfterItWasEnded(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.executes(castle, phones, "disconnect-user", "")
		got := w.Expect(asking(castle, phones, "disconnect-user"))
		w.executes(castle, phones, "disconnect-user", sessionOf(got)+"|"+filled("jids="+romeo))
		w.Expect(completed(castle, phones, "disconnect-user"))
		w.settle()
		w.phones.called(t, "open "+romeo, "open "+escalus, "close An administrator ended your session")
		w.pass(time.Minute)
		if w.phones.callsOf("open") == 0 {
			t.Error("the session stayed closed")
		}
	})
}

func TestReload(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.executes(castle, verona, "reload", "")
		w.Expect(completed(castle, verona, "reload", Has("command/note@type", "info")))
		w.reloads = func() ([]string, error) { return []string{"[http] changed"}, nil }
		w.executes(castle, verona, "reload", "")
		w.Expect(completed(castle, verona, "reload", Has("command/note@type", "warn"), Has(noteOf, "[http] changed")))
		w.reloads = func() ([]string, error) { return nil, errors.New("line 3: what?") }
		w.executes(castle, verona, "reload", "")
		w.Expect(completed(castle, verona, "reload", Has("command/note@type", "error"), HasNot("command/x")))
	})
}

func TestAdministratorsHaveAListOfTheirOwn(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		list := `<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/admin'/>`
		w.asks(castle, "get", verona, discoItems)
		w.Expect(result(verona, castle, Has("query/item@node", "http://jabber.org/protocol/admin")))
		w.asks(castle, "get", verona, list)
		w.Expect(result(verona, castle, Has("query/item@node", usersNode), Has("query/item@node", "unblock")))
		w.asks(orchard, "get", verona, discoItems)
		w.Expect(result(verona, orchard, HasNot("query/item")))
		w.asks(orchard, "get", verona, list)
		w.Expect(answer(verona, orchard, StanzaError("cancel", "item-not-found")))

		w.joins(orchard, garden, "romeo")
		w.verona.isConnected(romeo, nil, "verona")
		w.executes(castle, verona, usersNode, "")
		got := w.Expect(completed(castle, verona, usersNode, Has("command/x@type", "result"), Has("command/x/field@var", "onlineuserjids")))
		if note := Values(got, noteOf)[0]; !strings.Contains(note, romeo+": 1 client in 1 room; verona is up") {
			t.Errorf("the list is %q", note)
		}
	})
}

func TestAnnouncementsReachEverybody(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.says("paris@example.org", `<presence to='%s' type='subscribe'/>`, verona)
		w.settle()
		w.joins(orchard, garden, "romeo")
		got := w.startsRaw(castle, announceNode)
		w.executes(castle, verona, announceNode, sessionOf(got)+"|"+filled("subject=Peace", "announcement=Throw your mistemper'd weapons\nto the ground"))
		said := func(to string) Matcher {
			return Message(From(verona), To(to), Subject("Peace"), Body("Throw your mistemper'd weapons\nto the ground"))
		}
		w.ExpectInAnyOrder(completed(castle, verona, announceNode), said(romeo), said(escalus), said("paris@example.org"))
	})
}

func TestAddressesAreBlocked(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		block := func(node, address string, want ...Matcher) {
			t.Helper()
			got := w.startsRaw(castle, node)
			w.executes(castle, verona, node, sessionOf(got)+"|"+filled("jid="+address))
			w.ExpectInAnyOrder(want...)
		}
		block("block", romeo, completed(castle, verona, "block", Has("command/note@type", "info")), gone(orchard, garden, "romeo"))
		w.asks(orchard, "set", verona, `<command xmlns='http://jabber.org/protocol/commands' node='ping'/>`)
		w.Expect(answer(verona, orchard, StanzaError("auth", "forbidden")))
		block("block", escalus, completed(castle, verona, "block", Has("command/note@type", "error")))
		block("block", "not@an@address", completed(castle, verona, "block", Has("command/note@type", "error")))

		t.Log("the list is edited as a whole, and domains are blocked as well")
		got := w.startsRaw(castle, blacklistNode)
		if f := field(got, "blacklistjids"); len(f) != 1 || f[0] != romeo {
			t.Errorf("blocked: %q", f)
		}
		w.executes(castle, verona, blacklistNode, sessionOf(got)+"|"+filled("blacklistjids=mantua.example.org"))
		w.Expect(completed(castle, verona, blacklistNode, Has(noteOf, "1 blocked, 1 unblocked.")))
		w.executes(orchard, verona, "ping", "")
		w.Expect(completed(orchard, verona, "ping"))
		block("unblock", "mantua.example.org", completed(castle, verona, "unblock"))
		block("block", "example.org", completed(castle, verona, "block")) // which is the administrator's own, too
		block("unblock", "example.org", completed(castle, verona, "unblock"))
		if left, err := w.store.Blocks().Blocked(context.Background(), verona); err != nil || len(left) > 0 {
			t.Errorf("still blocked: %q, %v", left, err)
		}
	})
}

func TestBlockedAddressesStayBlockedAfterARestart(t *testing.T) {
	storyOnDisk(t, func(t *testing.T, w *world) {
		if err := w.store.Blocks().Block(context.Background(), verona, romeo); err != nil {
			t.Fatal(err)
		}
		w.stop()
		w.Skip()
		w.start()
		w.executes(orchard, verona, "ping", "")
		w.Expect(answer(verona, orchard, StanzaError("auth", "forbidden")))
	})
}

func TestLinksAreShown(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.executes(orchard, server, "get-verona", "action='execute'")
		w.Expect(completed(orchard, server, "get-verona", Has(noteOf, "You are not connected to verona.")))
		w.joins(orchard, garden, "romeo")
		w.joins(cell, garden, "romeo")
		w.verona.isConnected(romeo, []transport.Address{inGarden}, "verona", "mantua")
		w.executes(orchard, server, "get-verona", "action='execute'")
		w.Expect(completed(orchard, server, "get-verona", Has(noteOf, "Connected to verona.\n#garden from 2 clients: cell, orchard")))
	})
}
