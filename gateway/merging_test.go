package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/store"
	"gatehouse/gateway/transport"
)

// fetches counts the questions that the network was asked.
func (w *world) fetches() int { return w.verona.callsOf("fetch") }

// pastStory is a story with a network that keeps history.
func pastStory(t *testing.T, tell func(t *testing.T, w *world, p *pastServer)) {
	t.Helper()
	archiveStory(t, func(t *testing.T, w *world) {
		time.Sleep(24 * time.Hour)
		p := w.verona.keeps()
		tell(t, w, p)
	})
}

// entersGarden joins a room that is heard from now on.
func (w *world) entersGarden(p *pastServer) {
	w.t.Helper()
	p.since[inGarden] = time.Now()
	w.joins(orchard, garden, "romeo")
}

// lives has juliet say things that the network keeps, too.
func (w *world) lives(p *pastServer, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.pass(time.Second)
		m := transport.Message{ID: transport.MessageID(text), Nick: "juliet", Text: text}
		w.verona.speaks(inGarden, m)
		m.Chat = inGarden
		p.said[inGarden] = append(p.said[inGarden], transport.HistoryItem{At: time.Now(), Event: transport.MessageReceived{Message: m}})
		w.Expect(Message(From(garden+"/juliet"), Body(text)))
	}
}

func countUp(prefix string, from, to int) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return strings.Join(all, " ")
}

func TestAnArchiveIsReadBackIntoTheHistoryOfTheNetwork(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now(), "m", 250)
		w.entersGarden(p)
		w.lives(p, "x", "y")
		w.same("the last page", w.reads(orchard, garden, "<max>4</max><before/>"), "m248 m249 x y …")
		asked := w.fetches()
		w.same("once more", w.reads(orchard, garden, "<max>4</max><before/>"), "m248 m249 x y …")
		w.same("questions for what is known", w.fetches()-asked, "0")
		var all []string
		before := ""
		for {
			page := w.reads(orchard, garden, "<max>60</max><before>"+before+"</before>")
			all = append(slices.Clone(page.texts), all...)
			if page.complete {
				break
			}
			if len(page.texts) == 0 {
				t.Fatal("a page without an end")
			}
			before = page.first
		}
		w.same("all of it, backwards", strings.Join(all, " "), countUp("m", 0, 249)+" x y")
		if n := w.fetches(); n > 6 {
			t.Errorf("%d questions for 250 messages", n)
		}
		asked = w.fetches()
		whole := w.reads(orchard, garden, "")
		w.same("from the start", whole, countUp("m", 0, 99)+" …")
		w.same("counted", whole.count, "252")
		w.same("questions", w.fetches()-asked, "0")
	})
}

func TestAnArchiveIsReadForwardsThroughTheHistoryOfTheNetwork(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now(), "m", 250)
		w.entersGarden(p)
		w.lives(p, "x")
		first := w.reads(orchard, garden, "<max>60</max>")
		w.same("the first page", first, countUp("m", 0, 59)+" …")
		w.same("not counted", first.count, "")
		all := slices.Clone(first.texts)
		for last := first.last; ; {
			page := w.reads(orchard, garden, "<max>60</max><after>"+last+"</after>")
			all = append(all, page.texts...)
			if page.complete {
				break
			}
			last = page.last
		}
		w.same("all of it, forwards", strings.Join(all, " "), countUp("m", 0, 249)+" x")
		if n := w.fetches(); n > 6 {
			t.Errorf("%d questions for 250 messages", n)
		}
	})
}

func TestAPartOfTheHistoryIsRead(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		now := time.Now().Truncate(time.Millisecond) // as the server tells it
		p.recall(inGarden, now, "m", 250)
		w.entersGarden(p)
		stamp := func(i int) string { return now.Add(time.Duration(i-250) * time.Second).UTC().Format(time.RFC3339Nano) }
		w.same("around one that is named", w.reads(orchard, garden, "", "ids=m100"), "m100")
		w.same("behind one that is named", w.reads(orchard, garden, "<max>3</max><after>m101</after>"), "m102 m103 m104 …")
		w.same("before one that is named", w.reads(orchard, garden, "<max>3</max><before>m30</before>"), "m27 m28 m29 …")
		w.same("between times", w.reads(orchard, garden, "", "start="+stamp(10), "end="+stamp(13)), "m10 m11 m12 m13")
		w.same("between names", w.reads(orchard, garden, "", "after-id=m200", "before-id=m203"), "m201 m202")
		w.same("by the one who said it", w.reads(orchard, garden, "<max>2</max><before/>", "with="+garden+"/juliet", "end="+stamp(50)), "m49 m50 …")
		w.same("one that nobody knows", w.reads(orchard, garden, "", "ids=m100 m251"), "item-not-found")
		w.same("until before all of it", w.reads(orchard, garden, "", "end="+stamp(-1)), "")
	})
}

func TestWhatHasNoNameIsNotReadTwice(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.entersGarden(p)
		say := func(text string) {
			w.pass(time.Second)
			m := transport.Message{Nick: "juliet", Text: text}
			w.verona.speaks(inGarden, m)
			m.Chat = inGarden
			p.said[inGarden] = append(p.said[inGarden], transport.HistoryItem{At: time.Now().Add(2 * time.Second), Event: transport.MessageReceived{Message: m}})
			w.Expect(Message(From(garden+"/juliet"), Body(text)))
		}
		for _, text := range []string{"a", "b", "b", "c"} {
			say(text)
		}
		p.since[inGarden] = time.Time{} // and nothing is known to be complete
		for range 3 {
			w.same("all", w.reads(orchard, garden, ""), "a b b c")
		}
		w.restarts()
		w.entersGarden(p)
		w.same("after a restart", w.reads(orchard, garden, ""), "a b b c")
	})
}

func TestAConversationIsReadWithWhatTheNetworkKeeps(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		const juliet = "juliet@" + verona
		p.since["juliet"] = time.Now()
		p.recall("juliet", time.Now(), "m", 3)
		p.said["juliet"][1].Own = true
		w.joins(orchard, balcony, "romeo")
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", ID: "x", Text: "x"}})
		w.Expect(Message(From(juliet), Body("x")))
		page := w.reads(orchard, juliet, "<max>10</max><before/>")
		w.same("with juliet", page, "m0 m1 m2 x")
		for i, from := range []string{juliet, romeo, juliet, juliet} {
			if wrong := Wrong(page.forwarded[i], Has(messagePath+"@from", from), Has(messagePath+"@type", "chat")); wrong != "" {
				t.Error(wrong)
			}
		}
		w.same("all", w.reads(orchard, verona, ""), "m0 m1 m2 x")
	})
}

func TestAReplyOfThePastIsAReply(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now(), "m", 2)
		said := p.said[inGarden][1].Event.(transport.MessageReceived)
		said.ReplyTo = &transport.Reply{ID: "m0"}
		p.said[inGarden][1].Event = said
		w.entersGarden(p)
		page := w.reads(orchard, garden, "<before/>")
		w.same("texts", fmt.Sprintf("%q", page.texts), `["m0" "> m0\nm1"]`)
		if wrong := Wrong(page.forwarded[1], Has(messagePath+"/{urn:xmpp:reply:0}reply@id", "m0"), Has(messagePath+"/reply@to", garden+"/juliet")); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestHistoryThatTheNetworkRefuses(t *testing.T) {
	for _, tt := range []struct {
		reason transport.Reason
		empty  string // what an archive without messages answers
	}{
		{transport.NotFound, "item-not-found"},
		{transport.Unexplained, "undefined-condition"},
		{transport.Unreachable, "remote-server-timeout"},
		{transport.BadRequest, "remote-server-timeout"},
		{transport.Unsupported, ""},
	} {
		pastStory(t, func(t *testing.T, w *world, p *pastServer) {
			p.err = because(tt.reason)
			w.entersGarden(p)
			w.same("nothing is there", w.reads(orchard, garden, ""), tt.empty)
			w.lives(p, "x")
			page := w.reads(orchard, garden, "<before/>")
			w.same("what is there", strings.Join(page.texts, " "), "x")
			if complete := tt.reason == transport.NotFound || tt.reason == transport.Unsupported; page.complete != complete {
				t.Errorf("reason %d: complete is %v", tt.reason, page.complete)
			}
		})
	}
}

func TestANetworkThatDoesNotAnswerAboutThePast(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.verona.ignores("fetch")
		w.entersGarden(p)
		w.lives(p, "x")
		w.asks(orchard, "set", garden, "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><before/></set></query>")
		w.pass(7 * time.Second)
		w.Expect(Message(From(garden), Has(messagePath+"/body", "x")))
		w.Expect(result(garden, orchard, Has("{urn:xmpp:mam:2}fin"), HasNot("fin@complete")))
	})
}

func TestWhatIsNotKeptIsNotFetched(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now(), "m", 3)
		w.keeping.set(inGarden, transport.Record{})
		w.entersGarden(p)
		asked := w.fetches()
		w.same("all", w.reads(orchard, garden, ""), "")
		w.same("questions", w.fetches()-asked, "0")
	})
}

func TestMoreIsSaidInAMillisecondThanAnAnswerHasPlaceFor(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.page = 10
		p.recall(inGarden, time.Now(), "m", 24)
		for i := range p.said[inGarden] {
			p.said[inGarden][i].At = p.said[inGarden][23].At
		}
		w.entersGarden(p)
		w.same("the last page", w.reads(orchard, garden, "<max>4</max><before/>"), "m20 m21 m22 m23 …")
		w.same("all", w.reads(orchard, garden, ""), countUp("m", 0, 23))
	})
}

// A countingStore counts how often the whole of a result was.
type countingStore struct {
	store.Store
	counted *atomic.Int64
}

type countingArchive struct {
	store.Archive
	counted *atomic.Int64
}

func (s countingStore) Archive() store.Archive { return countingArchive{s.Store.Archive(), s.counted} }

func (a countingArchive) Page(ctx context.Context, q store.ArchiveQuery) (store.ArchivePage, error) {
	if q.Counted {
		a.counted.Add(1)
	}
	return a.Archive.Page(ctx, q)
}

func TestAnArchiveIsCountedOnlyWhereItsNumberIsKnown(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		var counted atomic.Int64
		w.wraps = func(s store.Store) store.Store { return countingStore{s, &counted} }
		w.restarts()
		p.page = 10
		p.recall(inGarden, time.Now(), "m", 60)
		w.entersGarden(p)
		counted.Store(0)
		page := w.reads(orchard, garden, "<max>35</max>")
		w.same("a part", page, countUp("m", 0, 34)+" …")
		w.same("its number", page.count, "")
		w.same("how often it was counted", counted.Load(), "0")
		if w.fetches() < 3 {
			t.Error("the page was not fetched in several rounds")
		}
		page = w.reads(orchard, garden, "<max>70</max>")
		w.same("all", page, countUp("m", 0, 59))
		w.same("its number", page.count, "60")
		w.same("how often it was counted", counted.Load(), "1")
	})
}
