package stanza_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gatehouse/component/stanza"
	"gatehouse/component/wire"
)

func parsed(t *testing.T, xml string) *wire.Element {
	t.Helper()
	in := wire.NewReader(strings.NewReader(`<stream:stream xmlns="jabber:component:accept" xmlns:stream="http://etherx.jabber.org/streams">`+xml), wire.DefaultLimits)
	if _, err := in.Open(); err != nil {
		t.Fatal(err)
	}
	e, err := in.Next()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPagesAreCutFromAList(t *testing.T) {
	list := []string{"a", "b", "c", "d", "e"}
	find := func(id string) (int, bool) { return slices.BinarySearch(list, id) }
	for _, tt := range []struct {
		name, set string
		want      string
		missing   bool
	}{
		{name: "nothing asked for in particular", set: ``, want: "abc"},
		{name: "fewer than the limit", set: `<max>2</max>`, want: "ab"},
		{name: "more than the limit", set: `<max>10</max>`, want: "abc"},
		{name: "only the count", set: `<max>0</max>`, want: ""},
		{name: "after one", set: `<after>b</after><max>2</max>`, want: "cd"},
		{name: "after the last", set: `<after>e</after><max>2</max>`, want: ""},
		{name: "after one that is not there", set: `<after>x</after>`, missing: true},
		{name: "before one", set: `<before>d</before><max>2</max>`, want: "bc"},
		{name: "before the first", set: `<before>a</before>`, want: ""},
		{name: "before one that is not there", set: `<before>x</before>`, missing: true},
		{name: "the last page", set: `<before/><max>2</max>`, want: "de"},
		{name: "between two", set: `<after>a</after><before>e</before><max>2</max>`, want: "cd"},
		{name: "between two that are the wrong way round", set: `<after>d</after><before>b</before>`, want: ""},
		{name: "from a place on", set: `<index>3</index><max>5</max>`, want: "de"},
		{name: "from a place behind the end", set: `<index>9</index>`, want: ""},
		{name: "numbers that are none", set: `<max>many</max><index>-1</index>`, want: "abc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := stanza.ReadPageRequest(parsed(t, `<query><set xmlns='`+stanza.ResultSetNamespace+`'>`+tt.set+`</set></query>`))
			if !ok {
				t.Fatal("there is no result set")
			}
			from, to, ok := p.Cut(len(list), 3, find)
			if ok == tt.missing {
				t.Fatalf("found: %v", ok)
			}
			var got string
			for _, s := range list[from:to] {
				got += s
			}
			if got != tt.want {
				t.Errorf("the page is %q, want %q", got, tt.want)
			}
		})
	}
	if _, ok := stanza.ReadPageRequest(parsed(t, `<query/>`)); ok {
		t.Error("a query without a result set has one")
	}
}

func TestPagesAreWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		page stanza.Page
		want string
	}{
		{"a page of a list that is known whole", stanza.Page{First: "a", Last: "c", Index: 0, Count: 5},
			`<first index="0">a</first><last>c</last><count>5</count>`},
		{"a page of a list whose length nobody knows", stanza.Page{First: "a", Last: "c", Index: -1, Count: -1}, `<first>a</first><last>c</last>`},
		{"an empty page", stanza.Page{Count: 5}, `<count>5</count>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w wire.Writer
			tt.page.WriteXML(&w)
			if got := w.Bytes(); !bytes.Contains(got, []byte(">"+tt.want+"</set>")) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
