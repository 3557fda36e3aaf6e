package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

const consoleOfVerona = "verona@" + verona

func (l *link) ListRooms(_ context.Context, server transport.Address, q transport.Request) error {
	return l.ask("rooms", q, func(n *network) {
		l.tell(transport.RoomsListed{Request: q, Server: server, Rooms: n.listed})
	}, server)
}

// lists gives verona rooms, "#0" to "#n", each with more people than the last.
func (w *world) lists(n int) {
	w.verona.info.Lists = true
	for i := range n {
		w.verona.listed = append(w.verona.listed, transport.ListedRoom{
			Room: transport.Address(fmt.Sprintf("#%d", i)), Name: fmt.Sprintf("#%d", i), Members: i, Subject: fmt.Sprintf("Topic %d", i%3),
		})
	}
}

func storyOfLists(t *testing.T, rooms int, tell func(t *testing.T, w *world)) {
	t.Helper()
	storyOf(t, func(w *world) { w.lists(rooms) }, tell)
}

// storyOf is a story in a world that is prepared.
func storyOf(t *testing.T, prepare func(w *world), tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		prepare(w)
		w.store = newMemory()
		w.start()
		tell(t, w)
	})
}

func itemsQuery(set string) string {
	if set != "" {
		set = "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>"
	}
	return "<query xmlns='http://jabber.org/protocol/disco#items'>" + set + "</query>"
}

func searchQuery(fields ...string) string {
	form := ""
	for i := 0; i+1 < len(fields); i += 2 {
		form += "<field var='" + fields[i] + "'><value>" + fields[i+1] + "</value></field>"
	}
	return "<search xmlns='urn:xmpp:channel-search:0:search'><x xmlns='jabber:x:data' type='submit'>" + form + "</x></search>"
}

const (
	itemsPath  = "{http://jabber.org/protocol/disco#items}query/item@jid"
	firstPath  = "{http://jabber.org/protocol/disco#items}query/{http://jabber.org/protocol/rsm}set/first"
	lastPath   = "{http://jabber.org/protocol/disco#items}query/{http://jabber.org/protocol/rsm}set/last"
	countPath  = "{http://jabber.org/protocol/disco#items}query/{http://jabber.org/protocol/rsm}set/count"
	foundPath  = "{urn:xmpp:channel-search:0:search}result/item@address"
	searchText = "urn:xmpp:channel-search:0:error"
)

func room(i int) string { return fmt.Sprintf("#%d@%s", i, verona) }

func TestRoomsOfAServerAreListedByPages(t *testing.T) {
	storyOfLists(t, 10, func(t *testing.T, w *world) {
		for _, tt := range []struct {
			set         string
			items       []string
			first, last string
			index       string
		}{
			{"<max>0</max>", nil, "", "", ""},
			{"<max>3</max>", []string{room(0), room(1), room(2)}, room(0), room(2), "0"},
			{"<max>3</max><after>" + room(2) + "</after>", []string{room(3), room(4), room(5)}, room(3), room(5), "3"},
			{"<max>3</max><after>" + room(8) + "</after>", []string{room(9)}, room(9), room(9), "9"},
			{"<max>3</max><after>" + room(9) + "</after>", nil, "", "", ""},
			{"<max>2</max><before/>", []string{room(8), room(9)}, room(8), room(9), "8"},
			{"<max>2</max><before>" + room(8) + "</before>", []string{room(6), room(7)}, room(6), room(7), "6"},
			{"<max>1</max><index>4</index>", []string{room(4)}, room(4), room(4), "4"},
		} {
			w.asks(orchard, "get", consoleOfVerona, itemsQuery(tt.set))
			want := []Matcher{Has(countPath, "10")}
			if tt.items == nil {
				want = append(want, HasNot(itemsPath), HasNot(firstPath))
			} else {
				want = append(want, Has(itemsPath, tt.items...), Has(firstPath, tt.first), Has(lastPath, tt.last), Has(firstPath+"@index", tt.index))
			}
			w.Expect(result(consoleOfVerona, orchard, want...))
		}
		w.asks(orchard, "get", consoleOfVerona, itemsQuery("<after>#nowhere@"+verona+"</after>"))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("cancel", "item-not-found")))
		if n := w.verona.callsOf("rooms"); n != 1 {
			t.Errorf("the network was asked %d times", n)
		}
	})
}

func TestAnAnswerHasAHundredRoomsAtMost(t *testing.T) {
	storyOfLists(t, 250, func(t *testing.T, w *world) {
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		r := w.Expect(result(consoleOfVerona, orchard, Has(countPath, "250")))
		if n := len(Values(r, itemsPath)); n != 100 {
			t.Errorf("got %d rooms", n)
		}
		w.asks(orchard, "get", consoleOfVerona, itemsQuery("<max>5000</max>"))
		r = w.Expect(result(consoleOfVerona, orchard))
		if n := len(Values(r, itemsPath)); n != 100 {
			t.Errorf("got %d rooms of 5000", n)
		}
	})
}

func TestAListIsAskedForOnceAndAnewLater(t *testing.T) {
	storyOfLists(t, 3, func(t *testing.T, w *world) {
		w.verona.ignores("rooms")
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.asks(cell, "get", consoleOfVerona, itemsQuery("<max>1</max>"))
		w.settle()
		if n := w.verona.callsOf("rooms"); n != 1 {
			t.Fatalf("the network was asked %d times at once", n)
		}
		w.verona.tells(romeo, transport.RoomsListed{Server: "verona", Rooms: w.verona.listed})
		w.Expect(result(consoleOfVerona, orchard, Has(itemsPath, room(0), room(1), room(2))))
		w.Expect(result(consoleOfVerona, cell, Has(itemsPath, room(0))))

		w.verona.change(func() { w.verona.silent["rooms"] = false })
		w.pass(time.Minute)
		w.asks(orchard, "get", consoleOfVerona, itemsQuery("<max>1</max><after>"+room(0)+"</after>"))
		w.Expect(result(consoleOfVerona, orchard, Has(itemsPath, room(1))))
		if n := w.verona.callsOf("rooms"); n != 1 {
			t.Errorf("reading on asked the network again")
		}
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(result(consoleOfVerona, orchard))
		if n := w.verona.callsOf("rooms"); n != 2 {
			t.Errorf("the network was asked %d times, a minute later", n)
		}
		// A room that is joined may be a new one.
		w.joins(orchard, balcony, "romeo")
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(result(consoleOfVerona, orchard))
		if n := w.verona.callsOf("rooms"); n != 3 {
			t.Errorf("the network was asked %d times, after a join", n)
		}
		w.pass(time.Minute)
		w.verona.denies("rooms", because(transport.RateLimited))
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(result(consoleOfVerona, orchard, Has(itemsPath, room(0), room(1), room(2))))
	})
}

func TestAListThatDoesNotComeIsAnError(t *testing.T) {
	storyOfLists(t, 3, func(t *testing.T, w *world) {
		w.verona.denies("rooms", because(transport.RateLimited))
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "resource-constraint")))
		w.verona.denies("rooms", &transport.Error{Reason: transport.RateLimited, RetryAfter: time.Minute})
		w.asks(orchard, "get", consoleOfVerona, searchQuery("q", "x"))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "resource-constraint"), Has("error/{"+searchText+"}rate-limit@retry-after", "60")))
		w.verona.refuses("rooms", because(transport.Unreachable))
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "remote-server-timeout")))
		w.verona.refuses("rooms", nil)
		w.verona.ignores("rooms")
		for range 16 {
			w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		}
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "resource-constraint")))
		w.pass(3 * time.Minute)
		for range 16 {
			w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "remote-server-timeout")))
		}
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.settle()
		w.stop()
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("wait", "remote-server-timeout")))
	})
}

func TestTheOnlyServersRoomsAreTheGateways(t *testing.T) {
	home := func(w *world) {
		w.lists(2)
		w.verona.info.Home = "verona"
	}
	storyOf(t, home, func(t *testing.T, w *world) {
		w.asks(orchard, "get", verona, itemsQuery(""))
		w.Expect(result(verona, orchard, Has(itemsPath, room(0), room(1))))
		w.asks(orchard, "get", verona, searchQuery("q", "1"))
		w.Expect(result(verona, orchard, Has(foundPath, room(1))))
	})
}

func TestServersAreItemsOfTheGateway(t *testing.T) {
	known := func(w *world) { w.verona.info.Servers = []transport.Address{"verona"} }
	storyOf(t, known, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.LinkUp{Server: "mantua"})
		w.settle()
		w.Skip()
		w.asks(orchard, "get", verona, itemsQuery(""))
		w.Expect(result(verona, orchard, Has(itemsPath, "mantua@"+verona, consoleOfVerona)))
	})
}

func TestAListTellsOfARoomBeforeTheJoin(t *testing.T) {
	storyOfLists(t, 3, func(t *testing.T, w *world) {
		const form, info = "{http://jabber.org/protocol/disco#info}query/{jabber:x:data}x/field", "<query xmlns='http://jabber.org/protocol/disco#info'/>"
		w.asks(orchard, "get", consoleOfVerona, itemsQuery(""))
		w.Expect(result(consoleOfVerona, orchard))
		w.asks(orchard, "get", room(2), info)
		w.Expect(result(room(2), orchard, Has(form+"@var", "FORM_TYPE", "muc#roominfo_subjectmod", "muc#roominfo_occupants", "muc#roominfo_subject", "muc#roominfo_description"),
			Has(form+"/value", "http://jabber.org/protocol/muc#roominfo", "1", "2", "Topic 2", "Topic 2")))
	})
}

func TestRoomsAreSearched(t *testing.T) {
	storyOfLists(t, 6, func(t *testing.T, w *world) {
		w.asks(orchard, "get", consoleOfVerona, "<search xmlns='urn:xmpp:channel-search:0:search'/>")
		w.Expect(result(consoleOfVerona, orchard, Has("{urn:xmpp:channel-search:0:search}search/{jabber:x:data}x@type", "form")))
		for _, tt := range []struct {
			name  string
			query string
			want  []string
		}{
			{"a word in the topic, most people first", searchQuery("q", "topic 1"), []string{room(4), room(1)}},
			{"by address", searchQuery("q", "TOPIC", "min_users", "4", "key", "{urn:xmpp:channel-search:0:order}address"), []string{room(4), room(5)}},
			{"all, but for the empty one", searchQuery("all", "true"), []string{room(5), room(4), room(3), room(2), room(1)}},
			{"not in the topic", searchQuery("q", "topic", "sindescription", "false"), nil},
			{"in names alone", searchQuery("q", "#3", "sindescription", "0", "sinaddress", "0"), []string{room(3)}},
			{"another kind of room", searchQuery("q", "topic", "types", "xep-0369"), nil},
		} {
			w.asks(orchard, "get", consoleOfVerona, tt.query)
			want := HasNot(foundPath)
			if tt.want != nil {
				want = Has(foundPath, tt.want...)
			}
			w.Expect(result(consoleOfVerona, orchard, want))
		}
		for name, query := range map[string]string{
			"invalid-sort-key":     searchQuery("q", "x", "key", "age"),
			"conflicting-fields":   searchQuery("q", "x", "all", "1"),
			"no-search-conditions": searchQuery(),
		} {
			w.asks(orchard, "get", consoleOfVerona, query)
			w.Expect(answer(consoleOfVerona, orchard, Type("error"), Has("error/{"+searchText+"}"+name)))
		}
		w.asks(orchard, "get", consoleOfVerona, searchQuery("q", strings.Repeat("room ", 1000)))
		w.Expect(answer(consoleOfVerona, orchard, StanzaError("modify", "bad-request")))
	})
}

func TestTheOnlyServersConsoleIsTheGateways(t *testing.T) {
	home := func(w *world) { w.verona.info.Home = "verona" }
	storyOf(t, home, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "verona", Text: "good morrow"}})
		w.Expect(Message(From(verona), To(romeo), Type("chat"), Body("good morrow")))
	})
}
