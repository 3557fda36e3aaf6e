package stanza_test

import (
	"reflect"
	"testing"
	"time"

	"gatehouse/component/jid"
	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

// written is a payload as XML.
func written(p wire.Payload) string {
	var w wire.Writer
	p.WriteXML(&w)
	return string(w.Bytes())
}

func TestArchiveQueriesAreRead(t *testing.T) {
	at := time.Date(2010, 8, 7, 0, 0, 0, 500_000_000, time.UTC)
	for _, tt := range []struct {
		name, query string
		want        stanza.ArchiveQuery
		problem     stanza.Condition
	}{
		{name: "for everything", query: `<query xmlns='urn:xmpp:mam:2' queryid='f27'/>`,
			want: stanza.ArchiveQuery{ID: "f27", Page: stanza.PageRequest{Max: -1, Index: -1}}},
		{name: "for a part", query: `<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>
			<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>
			<field var='start'><value>2010-08-07T00:00:00.5Z</value></field><field var='end'><value>2010-08-07T02:00:00.5+02:00</value></field>
			<field var='with'><value>juliet@capulet.lit</value></field><field var='ids'><value>a</value><value>b</value></field>
			<field var='after-id'><value>c</value></field><field var='before-id'><value>d</value></field>
			</x><set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set><flip-page/></query>`,
			want: stanza.ArchiveQuery{With: "juliet@capulet.lit", Start: at, End: at, IDs: []string{"a", "b"}, AfterID: "c", BeforeID: "d",
				Page: stanza.PageRequest{Max: 10, Index: -1, Last: true}, Flip: true}},
		{name: "with a time that is none", query: `<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data'><field var='end'><value>noon</value></field></x></query>`,
			problem: stanza.BadRequest},
		{name: "with a field that nobody knows", query: `<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data'><field var='{urn:x}y'><value>z</value></field></x></query>`,
			problem: stanza.FeatureNotImplemented},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, problem := stanza.ReadArchiveQuery(parsed(t, tt.query))
			if tt.problem != "" {
				if problem == nil || problem.Condition != tt.problem {
					t.Errorf("the problem is %v, want %s", problem, tt.problem)
				}
				return
			}
			q.Start, q.End = q.Start.UTC(), q.End.UTC()
			if problem != nil || !reflect.DeepEqual(q, tt.want) {
				t.Errorf("%+v, %v, want %+v", q, problem, tt.want)
			}
		})
	}
}

// The example of XEP-0313 §7.1.2, but for what is not ours.
func TestArchiveResultsAreWritten(t *testing.T) {
	result := stanza.ArchiveResult{
		QueryID: "g27", ID: "34482-21985-73620", At: time.Date(2002, 10, 13, 23, 58, 37, 0, time.UTC),
		Message: stanza.Stanza{
			Kind: stanza.Message, Header: stanza.Header{
				From: jid.JID{Local: "coven", Domain: "chat.shakespeare.lit", Resource: "firstwitch"}, Type: stanza.Groupchat, ID: "162BEBB1",
			},
			Payloads: []wire.Payload{stanza.Body("Thrice the brinded cat hath mew'd.")},
		},
	}
	for _, tt := range []struct {
		name    string
		payload wire.Payload
		want    string
	}{
		{"a result", result, `<result xmlns="urn:xmpp:mam:2" queryid="g27" id="34482-21985-73620"><forwarded xmlns="urn:xmpp:forward:0">` +
			`<delay xmlns="urn:xmpp:delay" stamp="2002-10-13T23:58:37.000000Z"/>` +
			`<message xmlns="jabber:client" from="coven@chat.shakespeare.lit/firstwitch" type="groupchat" id="162BEBB1">` +
			`<body>Thrice the brinded cat hath mew'd.</body></message></forwarded></result>`},
		{"the end", stanza.ArchiveFin{Complete: true, Page: stanza.Page{First: "a", Last: "b", Index: 0, Count: 2}},
			`<fin xmlns="urn:xmpp:mam:2" complete="true"><set xmlns="http://jabber.org/protocol/rsm"><first index="0">a</first><last>b</last><count>2</count></set></fin>`},
		{"the end of a page", stanza.ArchiveFin{Page: stanza.Page{Index: -1, Count: -1}},
			`<fin xmlns="urn:xmpp:mam:2"><set xmlns="http://jabber.org/protocol/rsm"/></fin>`},
		{"an empty archive", stanza.ArchiveEnds{}, `<metadata xmlns="urn:xmpp:mam:2"/>`},
	} {
		if got := written(tt.payload); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
	about := stanza.Stanza{Kind: stanza.Message, Payloads: []wire.Payload{result}}
	if about.Matters() || !result.Message.Matters() {
		t.Error("a result is kept for another stream, or a message is not")
	}
}
