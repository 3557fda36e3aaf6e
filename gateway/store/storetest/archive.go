package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// When the archive's stories begin.
var curtain = time.Date(2024, 5, 1, 20, 0, 0, 123456000, time.UTC)

// line is one that juliet says in the garden, as a user sees it, so many
// milliseconds after the curtain rose.
func line(user, id string, after int) store.Archived {
	return store.Archived{
		Component: component, User: user, Chat: "#garden", ID: id, StanzaID: id, Nick: "juliet",
		Text: "line " + id, File: `{"URL":"` + id + `"}`, Beside: `{"Replaces":"` + id + `"}`, At: curtain.Add(time.Duration(after) * time.Millisecond),
	}
}

// all is the query for everything that a user saw in a chat.
func all(user string, chat transport.Address) store.ArchiveQuery {
	return store.ArchiveQuery{Component: component, User: user, Chat: chat, Max: 100, Counted: true}
}

func (w *world) page(q store.ArchiveQuery) store.ArchivePage {
	w.Helper()
	page, err := w.store.Archive().Page(w.Context(), q)
	w.must(err)
	return page
}

// ids gives the ids on a page, and a "…" where there is more.
func ids(p store.ArchivePage) string {
	var out []string
	for _, m := range p.Messages {
		out = append(out, m.ID)
	}
	if !p.Complete {
		out = append(out, "…")
	}
	return strings.Join(out, " ")
}

func archiveKeepsViewsApart(w *world) {
	a := w.store.Archive()
	for _, m := range []store.Archived{
		line(romeo, "a", 0), line(juliet, "a", 1), // the same, told twice
		line(juliet, "b", 2), // while romeo was away
		line(romeo, "c", 3), line(juliet, "c", 3),
	} {
		a.Add(m)
	}
	elsewhere := line(romeo, "d", 4)
	elsewhere.Component = "other.example.org"
	a.Add(elsewhere)
	whispered := line(romeo, "w", 5)
	whispered.Chat, whispered.Private = "nurse", true
	whispered.Component = "third.example.org"
	a.Add(whispered)
	for component, want := range map[string][]transport.Address{"third.example.org": {"nurse"}, "nowhere.example.org": nil} {
		chats, err := a.Chats(w.Context(), component, romeo)
		if err != nil || !slices.Equal(chats, want) {
			w.Errorf("chats on %s: %q, %v; want %q", component, chats, err, want)
		}
	}
	w.same("romeo's", ids(w.page(all(romeo, "#garden"))), "a c")
	w.same("juliet's", ids(w.page(all(juliet, "#garden"))), "a b c")
	w.same("a stranger's", ids(w.page(all("tybalt@example.org", "#garden"))), "")
	w.same("another room", ids(w.page(all(romeo, "#balcony"))), "")
	q := all(romeo, "#garden")
	for name, ask := range map[string]func(*store.ArchiveQuery){
		"after": func(q *store.ArchiveQuery) { q.After = "b" }, "before": func(q *store.ArchiveQuery) { q.Before = "b" },
		"after-id": func(q *store.ArchiveQuery) { q.AfterID = "b" }, "before-id": func(q *store.ArchiveQuery) { q.BeforeID = "b" },
		"ids": func(q *store.ArchiveQuery) { q.IDs = []string{"a", "b"} },
	} {
		q := q
		ask(&q)
		if _, err := a.Page(w.Context(), q); !errors.Is(err, store.ErrNotArchived) {
			w.Errorf("%s what the user never saw: %v", name, err)
		}
	}

	// A rival network can't put words under an id that others know.
	forged := line("tybalt@example.org", "a", 5)
	forged.Text = "a lie"
	a.Add(forged)
	w.same("the forger's text", w.page(all("tybalt@example.org", "#garden")).Messages[0].Text, "a lie")
	w.same("the others'", w.page(all(romeo, "#garden")).Messages[0].Text, "line a")
}

func archiveKeepsFields(w *world) {
	m := line(romeo, "a", 0)
	m.StanzaID, m.Origin, m.Occupant, m.Text = "m1", "o1", "occupant", "/me says *soft*\nand 🌹 <&>"
	w.store.Archive().Add(m)
	private := line(romeo, "b", 1)
	private.Chat, private.Nick, private.Private, private.Sent = "juliet", "", true, true
	w.store.Archive().Add(private)
	w.reopen()
	m.At, private.At = m.At.Local(), private.At.Local()
	private.Private = false // it shows by the query
	w.same("the room's", w.page(all(romeo, "#garden")).Messages, []store.Archived{m})
	w.same("the person's", w.page(all(romeo, "juliet")).Messages, []store.Archived{private})
}

func archiveKeepsOrder(w *world) {
	a := w.store.Archive()
	// They come at one time, but for juliet the second line is late.
	a.Add(line(romeo, "a", 0))
	a.Add(line(romeo, "b", 0))
	a.Add(line(romeo, "c", 0))
	a.Add(line(juliet, "a", 0))
	a.Add(line(juliet, "own", 1))
	a.Add(line(juliet, "b", 2))
	w.same("romeo's", ids(w.page(all(romeo, "#garden"))), "a b c")
	w.same("juliet's", ids(w.page(all(juliet, "#garden"))), "a own b")
	after := all(juliet, "#garden")
	after.After = "own"
	w.same("after juliet's own", ids(w.page(after)), "b")
	for i := range 3 {
		w.same("no two at one time", w.page(all(romeo, "#garden")).Messages[i].At.UnixMicro(), curtain.UnixMicro()+int64(i))
	}

	w.reopen()
	a = w.store.Archive()
	a.Add(line(romeo, "d", -1)) // the clock was set back a little
	late := line(romeo, "past", -10)
	late.Late = true
	a.Add(late)
	w.same("with what came late", ids(w.page(all(romeo, "#garden"))), "past a b c d")
}

func archivePages(w *world) {
	for i, id := range strings.Fields("a b c d e f g") {
		w.store.Archive().Add(line(romeo, id, i))
	}
	for _, tt := range []struct {
		name  string
		ask   func(*store.ArchiveQuery)
		want  string
		index int
	}{
		{"all", func(q *store.ArchiveQuery) {}, "a b c d e f g", 0},
		{"first page", func(q *store.ArchiveQuery) { q.Max = 3 }, "a b c …", 0},
		{"next page", func(q *store.ArchiveQuery) { q.Max = 3; q.After = "c" }, "d e f …", 3},
		{"last page but forwards", func(q *store.ArchiveQuery) { q.Max = 3; q.After = "f" }, "g", 6},
		{"behind the end", func(q *store.ArchiveQuery) { q.Max = 3; q.After = "g" }, "", -1},
		{"exactly the rest", func(q *store.ArchiveQuery) { q.Max = 3; q.After = "d" }, "e f g", 4},
		{"last page", func(q *store.ArchiveQuery) { q.Max = 3; q.Last = true }, "e f g …", 4},
		{"the page before", func(q *store.ArchiveQuery) { q.Max = 3; q.Before = "e" }, "b c d …", 1},
		{"the first page, backwards", func(q *store.ArchiveQuery) { q.Max = 3; q.Before = "b" }, "a", 0},
		{"nothing but the count", func(q *store.ArchiveQuery) { q.Max = 0 }, "…", -1},
		{"by place", func(q *store.ArchiveQuery) { q.Max = 2; q.Index = 4 }, "e f …", 4},
		{"between", func(q *store.ArchiveQuery) { q.After = "b"; q.Before = "e" }, "c d", 2},
		{"picked", func(q *store.ArchiveQuery) { q.IDs = []string{"f", "b", "f"} }, "b f", -1},
		{"picked, one page", func(q *store.ArchiveQuery) { q.IDs = []string{"f", "b", "d"}; q.Max = 2 }, "b d …", -1},
		{"picked, last page", func(q *store.ArchiveQuery) { q.IDs = []string{"f", "b", "d"}; q.Max = 2; q.Last = true }, "d f …", -1},
	} {
		q := all(romeo, "#garden")
		tt.ask(&q)
		page := w.page(q)
		w.same(tt.name, ids(page), tt.want)
		w.same(tt.name+": index", page.Index, tt.index)
		if len(q.IDs) == 0 {
			w.same(tt.name+": count", page.Count, 7)
		}
	}
	first, last, any, err := w.store.Archive().Ends(w.Context(), component, romeo, "#garden")
	w.must(err)
	w.same("the ends", fmt.Sprintln(first.ID, last.ID, any, first.At.Equal(curtain), last.At.Sub(first.At)), "a g true true 6ms\n")
	_, _, any, err = w.store.Archive().Ends(w.Context(), component, juliet, "#garden")
	w.must(err)
	w.same("the ends of nothing", any, false)
}

func archiveLimits(w *world) {
	for i, id := range strings.Fields("a b c d e") {
		m := line(romeo, id, i)
		if id > "c" {
			m.Nick = "benvolio"
		}
		w.store.Archive().Add(m)
	}
	at := func(ms int) time.Time { return curtain.Add(time.Duration(ms) * time.Millisecond) }
	for _, tt := range []struct {
		name string
		ask  func(*store.ArchiveQuery)
		want string
		of   int
	}{
		{"from a time on", func(q *store.ArchiveQuery) { q.Start = at(1) }, "b c d e", 4},
		{"from just behind it", func(q *store.ArchiveQuery) { q.Start = at(1).Add(time.Microsecond) }, "c d e", 3},
		{"until a time", func(q *store.ArchiveQuery) { q.End = at(1) }, "a b", 2},
		{"within a time", func(q *store.ArchiveQuery) { q.Start = at(1); q.End = at(3) }, "b c d", 3},
		{"in a time when nothing was said", func(q *store.ArchiveQuery) { q.Start = at(1000) }, "", 0},
		{"after one", func(q *store.ArchiveQuery) { q.AfterID = "b" }, "c d e", 3},
		{"before one, which pages forwards", func(q *store.ArchiveQuery) { q.BeforeID = "d"; q.Max = 2 }, "a b …", 3},
		{"between two", func(q *store.ArchiveQuery) { q.AfterID = "a"; q.BeforeID = "d" }, "b c", 2},
		{"by nick", func(q *store.ArchiveQuery) { q.Nick = "benvolio"; q.Max = 1 }, "d …", -1},
		{"everything together", func(q *store.ArchiveQuery) { q.Nick = "benvolio"; q.Start = at(4); q.AfterID = "a"; q.Last = true }, "e", -1},
	} {
		q := all(romeo, "#garden")
		tt.ask(&q)
		page := w.page(q)
		w.same(tt.name, ids(page), tt.want)
		w.same(tt.name+": count", page.Count, tt.of)
	}
}

func archiveImports(w *world) {
	a := w.store.Archive()
	a.Add(line(romeo, "c", 0))
	var past []store.Archived
	for i := range 5000 {
		m := line(romeo, fmt.Sprintf("p%04d", i), 0)
		m.At, m.Late = curtain.Add(-time.Hour).Truncate(time.Second), true
		past = append(past, m)
	}
	past = append(past, line(romeo, "c", 0))
	added, err := a.Import(w.Context(), past)
	w.must(err)
	w.same("added", added, 5000)
	added, err = a.Import(w.Context(), past)
	w.must(err)
	w.same("added again", added, 0)
	q := all(romeo, "#garden")
	q.Max, q.Last = 3, true
	page := w.page(q)
	w.same("the end", ids(page), "p4998 p4999 c …")
	w.same("count", page.Count, 5001)
}

func archiveKeepsTheFutureFree(w *world) {
	a := w.store.Archive()
	said := func(user string, chat transport.Address, id string, at time.Time, late bool) {
		m := line(user, id, 0)
		m.Chat, m.At, m.Late = chat, at, late
		a.Add(m)
	}
	now := time.Now()
	said(romeo, "#garden", "a", now.Add(50*time.Minute), true)
	w.page(all(romeo, "#garden")) // it is written
	said(romeo, "#garden", "b", now, false)
	said(juliet, "#balcony", "c", now, false)
	w.same("the order", ids(w.page(all(romeo, "#garden"))), "a b")
	for _, m := range append(w.page(all(romeo, "#garden")).Messages, w.page(all(juliet, "#balcony")).Messages...) {
		if m.At.After(time.Now().Add(time.Second)) {
			w.Errorf("%s was said at %v, which is still to come", m.ID, m.At)
		}
	}
}

func archivePrivate(w *world) {
	a := w.store.Archive()
	said := func(user string, with transport.Address, id string, after int) {
		m := line(user, id, after)
		m.Chat, m.Nick, m.Private = with, "", true
		a.Add(m)
	}
	said(romeo, "juliet", "a", 0)
	said(romeo, "nurse", "b", 0)
	a.Add(line(romeo, "room", 1))
	said(romeo, "juliet", "c", 2)
	said(juliet, "romeo", "d", 3)
	w.same("all", ids(w.page(all(romeo, ""))), "a b c")
	w.same("with juliet", ids(w.page(all(romeo, "juliet"))), "a c")
	var chats []transport.Address
	for _, m := range w.page(all(romeo, "")).Messages {
		chats = append(chats, m.Chat)
	}
	w.same("with whom", chats, []transport.Address{"juliet", "nurse", "juliet"})
	q := all(romeo, "")
	q.After = "a"
	w.same("after one", ids(w.page(q)), "b c")
}

// Whoever saw how a message was taken back reads that with it, by whatever name.
func archiveTellsWhatWasTakenBack(w *world) {
	a := w.store.Archive()
	said := line(romeo, "a", 0)
	said.StanzaID, said.Origin = "stanza", "origin"
	taken := func(user, id, of string, after int) store.Archived {
		m := line(user, id, after)
		m.Retracts, m.Text, m.Beside = of, "", `{"Retracts":{"ID":"`+of+`"}}`
		return m
	}
	for _, m := range []store.Archived{
		said, line(juliet, "b", 1), line(romeo, "b", 1),
		taken(romeo, "r1", "a", 2), taken(romeo, "r2", "origin", 3), taken(romeo, "r3", "stanza", 4), taken(romeo, "r4", "r4", 5),
		taken(juliet, "r5", "b", 6),
	} {
		a.Add(m)
	}
	elsewhere := taken(romeo, "r6", "b", 7)
	elsewhere.Chat = "#balcony"
	a.Add(elsewhere)
	told := func(user string, q store.ArchiveQuery) string {
		var all []string
		for _, m := range w.page(q).Messages {
			one := m.ID
			for _, r := range m.Retractions {
				one += " " + r.ID + r.Beside
			}
			all = append(all, one)
		}
		return strings.Join(all, "; ")
	}
	w.same("romeo's", told(romeo, all(romeo, "#garden")),
		`a r1{"Retracts":{"ID":"a"}} r2{"Retracts":{"ID":"origin"}} r3{"Retracts":{"ID":"stanza"}}; b; r1; r2; r3; r4`)
	w.same("juliet's", told(juliet, all(juliet, "#garden")), `b r5{"Retracts":{"ID":"b"}}; r5`)
	one := all(romeo, "#garden")
	one.IDs = []string{"a"}
	w.same("by its name", told(romeo, one), `a r1{"Retracts":{"ID":"a"}} r2{"Retracts":{"ID":"origin"}} r3{"Retracts":{"ID":"stanza"}}`)
}
