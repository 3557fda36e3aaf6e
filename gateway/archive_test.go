package gateway_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

const (
	julia = "julia@example.org/tower" // another user of the gateway

	resultPath  = "{urn:xmpp:mam:2}result"
	messagePath = resultPath + "/{urn:xmpp:forward:0}forwarded/{jabber:client}message"
)

// A keeper says what is kept of each conversation.
type keeper struct {
	mu      sync.Mutex
	records map[transport.Address]transport.Record // what differs
	err     error
	hang    chan struct{} // the disk answers when it is closed
}

type keepingNetwork struct {
	*network
	*keeper
}

func (k *keeper) Records(_ string, at transport.Address) (transport.Record, error) {
	if k.hang != nil {
		<-k.hang
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	record, differs := k.records[at]
	if !differs {
		record = transport.Record{Keep: true, AtJoin: 20}
	}
	return record, k.err
}

func (k *keeper) set(at transport.Address, r transport.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records[at] = r
}

// archiveStory is a story with a network whose conversations are kept.
func archiveStory(t *testing.T, tell func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.path = filepath.Join(t.TempDir(), "gatehouse.db")
		w.keeping = &keeper{records: map[transport.Address]transport.Record{}}
		w.start()
		tell(t, w)
	})
}

// restarts the gateway.
func (w *world) restarts() {
	w.t.Helper()
	w.stop()
	w.settle()
	w.Skip()
	w.start()
}

// hears has juliet say things in the garden, a second after each other, which
// so many clients hear.
func (w *world) hears(clients int, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.pass(time.Second)
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: text})
		for range clients {
			w.Expect(Message(From(garden+"/juliet"), Body(text)))
		}
	}
}

// A page is what a query gave.
type page struct {
	texts, ids   []string
	complete     bool
	count, index string
	first, last  string
	forwarded    []stanza.Received
	refused      string // the condition
}

func (p page) String() string {
	if p.refused != "" {
		return p.refused
	}
	out := p.texts
	if !p.complete {
		out = append(slices.Clone(out), "…")
	}
	return strings.Join(out, " ")
}

// reads asks an archive. Set holds the fields of RSM, fields those of the form
// as "name=value".
func (w *world) reads(client, archive, set string, fields ...string) (p page) {
	w.t.Helper()
	form := ""
	for _, f := range append([]string{"FORM_TYPE=urn:xmpp:mam:2"}, fields...) {
		name, value, _ := strings.Cut(f, "=")
		form += fmt.Sprintf("<field var='%s'><value>%s</value></field>", name, strings.ReplaceAll(value, " ", "</value><value>"))
	}
	set, flip := strings.CutSuffix(set, "<flip-page/>")
	query := fmt.Sprintf("<query xmlns='urn:xmpp:mam:2' queryid='q'><x xmlns='jabber:x:data' type='submit'>%s</x><set xmlns='http://jabber.org/protocol/rsm'>%s</set>", form, set)
	if flip {
		query += "<flip-page/>"
	}
	w.asks(client, "set", archive, query+"</query>")
	for {
		r := w.Expect(From(archive), To(client))
		if r.Kind == stanza.IQ {
			p.finish(r)
			return p
		}
		if ids := Values(r, resultPath+"@queryid"); len(ids) != 1 || ids[0] != "q" {
			w.t.Fatalf("a result of the query %q", ids)
		}
		p.texts = append(p.texts, Values(r, messagePath+"/body")...)
		p.ids = append(p.ids, Values(r, resultPath+"@id")...)
		p.forwarded = append(p.forwarded, r)
	}
}

func (p *page) finish(r stanza.Received) {
	if r.Type == stanza.ErrorType {
		p.refused = string(r.ReadError().Condition)
		return
	}
	one := func(path string) string { return strings.Join(Values(r, "{urn:xmpp:mam:2}fin"+path), " ") }
	const set = "/{http://jabber.org/protocol/rsm}set"
	p.complete = one("@complete") == "true"
	p.count, p.index = one(set+"/count"), one(set+"/first@index")
	p.first, p.last = one(set+"/first"), one(set+"/last")
}

func (w *world) same(what string, got any, want string) {
	w.t.Helper()
	if g := fmt.Sprint(got); g != want {
		w.t.Errorf("%s: %q, want %q", what, g, want)
	}
}

func TestArchiveOfARoomIsReadInPages(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a", "b", "c", "d", "e")
		all := w.reads(orchard, garden, "")
		w.same("all", all, "a b c d e")
		w.same("all, counted", all.count+"/"+all.index+"/"+all.first+"/"+all.last, "5/0/"+all.ids[0]+"/"+all.ids[4])
		w.same("first page", w.reads(orchard, garden, "<max>2</max>"), "a b …")
		next := w.reads(orchard, garden, "<max>2</max><after>"+all.ids[1]+"</after>")
		w.same("next page", next, "c d …")
		w.same("its place", next.index, "2")
		w.same("the rest", w.reads(orchard, garden, "<max>2</max><after>"+all.ids[3]+"</after>"), "e")
		w.same("last page", w.reads(orchard, garden, "<max>2</max><before/>"), "d e …")
		flipped := w.reads(orchard, garden, "<max>2</max><before/><flip-page/>")
		w.same("flipped", flipped, "e d …")
		w.same("whose ends are the same", flipped.first+flipped.last, all.ids[3]+all.ids[4])
		w.same("the page before", w.reads(orchard, garden, "<max>2</max><before>"+all.ids[1]+"</before>"), "a")
		w.same("no messages", w.reads(orchard, garden, "<max>0</max><before/>"), "…")
		w.same("an unknown id", w.reads(orchard, garden, "<after>nobody</after>"), "item-not-found")
		w.same("between", w.reads(orchard, garden, "", "after-id="+all.ids[0], "before-id="+all.ids[3]), "b c")
		w.same("picked", w.reads(orchard, garden, "", "ids="+all.ids[3]+" "+all.ids[0]), "a d")
		w.same("picked, but one is not there", w.reads(orchard, garden, "", "ids="+all.ids[3]+" nobody"), "item-not-found")
		stamp := func(i int) string {
			return Values(all.forwarded[i], resultPath+"/forwarded/{urn:xmpp:delay}delay@stamp")[0]
		}
		w.same("from a time on", w.reads(orchard, garden, "", "start="+stamp(3)), "d e")
		w.same("until a time", w.reads(orchard, garden, "", "end="+stamp(1)), "a b")
		w.same("in the past", w.reads(orchard, garden, "", "end=1597-05-01T00:00:00Z"), "")
		w.same("in the future", w.reads(orchard, garden, "", "start=3016-06-07T00:00:00Z"), "")
		w.same("by the one who said it", w.reads(orchard, garden, "", "with="+garden+"/juliet"), "a b c d e")
		w.same("by another", w.reads(orchard, garden, "", "with="+garden+"/nurse"), "")
		w.same("with somebody elsewhere", w.reads(orchard, garden, "", "with="+romeo), "")
		w.same("a field that nobody knows", w.reads(orchard, garden, "", "colour=red"), "feature-not-implemented")
		w.same("a time that is none", w.reads(orchard, garden, "", "start=noon"), "bad-request")
		w.same("an address that is none", w.reads(orchard, garden, "", "with=@@"), "jid-malformed")
		w.same("another form", w.reads(orchard, garden, "", "FORM_TYPE=urn:xmpp:mam:1"), "bad-request")
	})
}

func TestArchivedMessageIsWhatWasShownLive(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='%s' type='groupchat' id='m1'><body>/me *waves*</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>`, garden)
		own := w.Expect(inRoom(orchard, garden, "romeo", "/me *waves*"))
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: "O Romeo", ID: "msgid-1", Sender: "account juliet"})
		theirs := w.Expect(inRoom(orchard, garden, "juliet", "O Romeo", Has("stanza-id@id", "msgid-1")))
		w.says(orchard, `<message to='%s' type='groupchat' id='m2'><body>one&#10;two</body></message>`, garden)
		w.Expect(inRoom(orchard, garden, "romeo", "one", ID("m2")))
		w.Expect(inRoom(orchard, garden, "romeo", "two"))
		w.restarts()
		p := w.reads(orchard, garden, "")
		w.same("the archive", p, "/me *waves* O Romeo one two")
		for i, live := range []stanza.Received{own, theirs} {
			all := []Matcher{
				From(garden), ID("*"), Type(""),
				Has(messagePath+"@type", "groupchat"),
				Has(resultPath+"@id", Values(live, "{urn:xmpp:sid:0}stanza-id@id")...),
			}
			for _, path := range []string{"@from", "@id", "/{urn:xmpp:sid:0}stanza-id@id", "/{urn:xmpp:sid:0}stanza-id@by", "/{urn:xmpp:occupant-id:0}occupant-id@id"} {
				all = append(all, Has(messagePath+path, Values(live, strings.TrimPrefix(path, "/"))...))
			}
			if to := Values(p.forwarded[i], messagePath+"@to"); len(to) > 0 {
				t.Errorf("it is to %s", to)
			}
			if wrong := Wrong(p.forwarded[i], all...); wrong != "" {
				t.Error(wrong)
			}
		}
		w.same("the sender's own id", Values(p.forwarded[0], messagePath+"/origin-id@id"), "[o1]")
	})
}

func TestNobodyReadsWhatTheyWereNotThereFor(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		say := func(id string) {
			w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Text: id, ID: transport.MessageID(id)})
			w.settle()
		}
		say("a")
		w.joins(julia, garden, "julia")
		say("b")
		w.leaves(orchard, garden, "romeo")
		w.pass(5 * time.Second)
		say("c")
		w.Skip()
		w.same("romeo's", w.reads(orchard, garden, ""), "a b")
		w.same("julia's", w.reads(julia, garden, ""), "b c")
		w.same("julia asks for what only romeo saw", w.reads(julia, garden, "", "ids=a"), "item-not-found")
		w.same("a stranger's", w.reads("mercutio@example.org/tomb", garden, ""), "")
		w.asks(tybalt, "set", garden, "<query xmlns='urn:xmpp:mam:2'/>")
		w.Expect(answer(garden, tybalt, StanzaError("auth", "forbidden")))
	})
}

func TestArchiveTellsHowFarItReachesAndWhatItCanBeAskedFor(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.asks(orchard, "get", garden, "<metadata xmlns='urn:xmpp:mam:2'/>")
		w.Expect(result(garden, orchard, Has("{urn:xmpp:mam:2}metadata"), HasNot("metadata/start")))
		w.hears(1, "a", "b")
		ids := w.reads(orchard, garden, "").ids
		w.asks(orchard, "get", garden, "<metadata xmlns='urn:xmpp:mam:2'/>")
		w.Expect(result(garden, orchard, Has("metadata/start@id", ids[0]), Has("metadata/end@id", ids[1]), Has("metadata/end@timestamp", "*")))
		w.asks(orchard, "get", garden, "<query xmlns='urn:xmpp:mam:2'/>")
		w.Expect(result(garden, orchard, Has("query/{jabber:x:data}x@type", "form"), Has("query/x/field@var", "with"),
			Has("query/x/field@var", "ids"), Has("query/x/field/{http://jabber.org/protocol/xdata-validate}validate/open")))
		w.asks(orchard, "get", garden, "<prefs xmlns='urn:xmpp:mam:2'/>")
		w.Expect(answer(garden, orchard, StanzaError("cancel", "feature-not-implemented"), Has("error/text", "*")))
		w.asks(orchard, "set", garden, "<prefs xmlns='urn:xmpp:mam:2' default='never'/>")
		w.Expect(answer(garden, orchard, StanzaError("cancel", "feature-not-implemented")))
		w.asks(orchard, "set", garden+"/juliet", "<query xmlns='urn:xmpp:mam:2'/>")
		w.Expect(answer(garden+"/juliet", orchard, StanzaError("cancel", "feature-not-implemented")))

		const info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
		for address, offers := range map[string]bool{
			garden: true, "juliet@" + verona: true, verona: true, "verona@" + verona: false, garden + "/juliet": false, phone: false, phones: false,
		} {
			w.asks(orchard, "get", address, info)
			got := Values(w.Expect(result(address, orchard)), "query/feature@var")
			if slices.Contains(got, "urn:xmpp:mam:2") != offers || slices.Contains(got, "urn:xmpp:mam:2#extended") != offers {
				t.Errorf("%s offers %q", address, got)
			}
		}
	})
}

func TestPrivateConversationsAreReadOneByOneAndAllTogether(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		const juliet, nurse = "juliet@" + verona, "nurse@" + verona
		say := func(to, id, text string) {
			w.says(orchard, `<message to='%s' type='chat' id='%s'><body>%s</body><origin-id xmlns='urn:xmpp:sid:0' id='o-%[2]s'/></message>`, to, id, text)
			w.settle()
		}
		say(juliet, "m1", "soft")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: "who?"}})
		live := w.Expect(Message(From(juliet), To(romeo), Body("who?"), Has("stanza-id@by", juliet)))
		say(nurse, "m2", "hush")
		w.joins(orchard, garden, "romeo")
		w.verona.enters(inGarden, member("juliet"))
		w.Expect(occupant(orchard, garden, "juliet"))
		say(garden+"/juliet", "m3", "aside")
		w.hears(1, "aloud")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "verona", Text: "the console"}})
		w.Expect(Message(From("verona@"+verona), Body("the console"), HasNot("stanza-id")))

		p := w.reads(orchard, juliet, "")
		w.same("with juliet", p, "soft who? aside")
		w.same("the id shown live", p.ids[1], Values(live, "stanza-id@id")[0])
		for _, tt := range []struct {
			i                    int
			from, to, id, origin string
		}{{0, romeo, juliet, "m1", "o-m1"}, {1, juliet, romeo, live.ID, ""}} {
			all := []Matcher{Has(messagePath+"@from", tt.from), Has(messagePath+"@to", tt.to), Has(messagePath+"@id", tt.id), Has(messagePath+"@type", "chat")}
			if tt.origin != "" {
				all = append(all, Has(messagePath+"/origin-id@id", tt.origin))
			}
			if wrong := Wrong(p.forwarded[tt.i], all...); wrong != "" {
				t.Error(wrong)
			}
		}
		w.same("all", w.reads(orchard, verona, ""), "soft who? hush aside")
		w.same("all of them with the nurse", w.reads(orchard, verona, "", "with="+nurse), "hush")
		w.same("all of them with a room", w.reads(orchard, verona, "", "with="+garden), "")
		w.same("with somebody elsewhere", w.reads(orchard, verona, "", "with=paris@example.org"), "")
		w.same("juliet's with the user", w.reads(orchard, juliet, "", "with="+romeo), "soft who? aside")
		w.same("juliet's with the nurse", w.reads(orchard, juliet, "", "with="+nurse), "")
		w.same("another user's", w.reads(julia, verona, ""), "")
		w.same("the room's", w.reads(orchard, garden, ""), "aloud")
	})
}

func TestClientAsksForAllItsRoomsAtOnce(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.hears(1, "a")
		const rooms = 100
		for i := range rooms {
			w.says(orchard, `<iq to='%s' type='set' id='%d'><query xmlns='urn:xmpp:mam:2'/></iq>`, garden, i)
		}
		for i := range rooms {
			w.Expect(Message(To(orchard), Has(messagePath+"/body", "a")))
			w.Expect(IQ(To(orchard), Type("result"), ID(fmt.Sprint(i))))
		}
		w.ExpectNothing()
	})
}

func TestFloodOfQueriesIsAnsweredOnceEach(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		const asked = 700
		for i := range asked {
			w.says(orchard, `<iq to='%s' type='set' id='%d'><query xmlns='urn:xmpp:mam:2'/></iq>`, garden, i)
		}
		answered := map[string]bool{}
		for range asked {
			r := w.Expect(IQ(To(orchard)))
			if r.Type == stanza.ErrorType && r.ReadError().Condition != stanza.ResourceConstraint {
				t.Fatalf("query %s is refused for %s", r.ID, r.ReadError().Condition)
			}
			answered[r.ID] = true
		}
		if len(answered) != asked {
			t.Errorf("%d of %d queries were answered", len(answered), asked)
		}
		w.ExpectNothing()
	})
}
