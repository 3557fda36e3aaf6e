package parity

import (
	"fmt"
	"strings"
	"testing"

	. "gatehouse/component/componenttest"
)

// One scene alone plays on padua, so it knows all the channels.
func TestTheListOfChannelsComesInPages(t *testing.T) {
	s := playOn(t, irc, "%padua")
	romeo := s.client("romeo")
	rooms := make(map[string]room)
	var jids []string
	for _, name := range strings.Fields("#ccc #aaa #bbb") {
		r := s.room(name)
		rooms[name] = r
		romeo.joins(r)
	}
	for _, name := range strings.Fields("#aaa #bbb #ccc") {
		jids = append(jids, rooms[name].jid)
	}
	list := func(limits string, matchers ...Matcher) []string {
		t.Helper()
		got := romeo.asks("get", s.server(), `<query xmlns='http://jabber.org/protocol/disco#items'>`+limits+`</query>`,
			append(matchers, Type("result"), Has("{http://jabber.org/protocol/disco#items}query"))...)
		return Values(got, "query/item@jid")
	}
	are := func(got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const set = "query/{http://jabber.org/protocol/rsm}set"
	spans := func(index, first, last, count string) Matcher {
		return All(Has(set+"/first", first), Has(set+"/first@index", index), Has(set+"/last", last), Has(set+"/count", count))
	}
	are(list("", spans("0", jids[0], jids[2], "3")), jids...)
	are(list(page("<max>0</max>")))
	are(list(page("<max>2</max>"), spans("0", jids[0], jids[1], "3")), jids[:2]...)
	are(list(page("<max>12</max>"), spans("0", jids[0], jids[2], "3")), jids...)
	are(list(page("<max>1</max><after>"+jids[0]+"</after>"), spans("1", jids[1], jids[1], "3")), jids[1])
	are(list(page("<max>1</max><after>"+jids[1]+"</after>"), spans("2", jids[2], jids[2], "3")), jids[2])
	are(list(page("<max>1</max><after>"+jids[2]+"</after>"), Has(set+"/count", "3"), HasNot(set+"/first")))
	romeo.asks("get", s.server(), `<query xmlns='http://jabber.org/protocol/disco#items'>`+page("<after>nowhere</after>")+`</query>`,
		StanzaError("cancel", "item-not-found"))

	// Many more, of somebody who is asked anew.
	crowd := s.onIRCAt(s.stage.padua, "crowd")
	for i := range 107 {
		crowd.joins(s.room(fmt.Sprintf("#d%03d-", i)))
	}
	juliet := s.client("juliet")
	romeo = juliet
	if got := list("", Has(set+"/count", "110")); len(got) != 100 {
		t.Errorf("there are %d items on a page, want 100", len(got))
	}
	last := ""
	for i := 0; i < 110; i += 30 {
		limits := "<max>30</max>"
		if last != "" {
			limits += "<after>" + last + "</after>"
		}
		got := list(page(limits), Has(set+"/first@index", fmt.Sprint(i)), Has(set+"/count", "110"))
		if want := min(30, 110-i); len(got) != want {
			t.Errorf("there are %d items from %d on, want %d", len(got), i, want)
		}
		last = got[len(got)-1]
	}
}
