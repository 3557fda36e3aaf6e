package gateway_test

import (
	"fmt"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

// loses the link for a while, in which a room says something.
func (w *world) loses(p *pastServer, meanwhile func()) {
	w.t.Helper()
	w.verona.tells(romeo, transport.LinkDown{Server: "verona", RetryIn: time.Second})
	w.pass(time.Minute)
	meanwhile()
	w.pass(time.Second)
	for chat := range p.since {
		p.since[chat] = time.Now()
	}
	w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
	w.verona.tells(romeo, w.verona.joined(inGarden, romeo))
}

// delayed are messages of the past, one after the other.
func (w *world) delayed(client string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.Expect(inRoom(client, garden, "juliet", text, Has("{urn:xmpp:delay}delay@from", garden), Has("stanza-id@id", text)))
	}
}

func TestWhatWasSaidWhileTheLinkWasLostIsShownOnce(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.entersGarden(p)
		w.lives(p, "a", "b")
		for round := range 2 {
			gap := fmt.Sprint("gap", round, "-")
			w.loses(p, func() { p.recall(inGarden, time.Now(), gap, 3) })
			w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
			w.Expect(subject(orchard, garden, ""))
			w.delayed(orchard, gap+"0", gap+"1", gap+"2")
		}
		w.lives(p, "c")
		w.verona.tells(romeo, w.verona.joined(inGarden, romeo)) // once more, for another client
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
		asked := w.fetches()
		w.same("the archive", w.reads(orchard, garden, "<before/>"), "a b gap0-0 gap0-1 gap0-2 gap1-0 gap1-1 gap1-2 c")
		w.same("questions", w.fetches()-asked, "0")
	})
}

func TestALongAbsenceIsCaughtUpWithUpToALimit(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.entersGarden(p)
		w.lives(p, "a")
		w.loses(p, func() {
			w.pass(time.Hour)
			p.recall(inGarden, time.Now(), "m", 730)
		})
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		for i := 230; i < 730; i++ {
			w.delayed(orchard, fmt.Sprint("m", i))
		}
		w.ExpectNothing()
		w.same("the rest is in the archive", w.reads(orchard, garden, "<max>2</max><before>m230</before>"), "m228 m229 …")
	})
}

func TestWhoJoinsIsShownWhatWasSaidSinceTheArchiveEnds(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.entersGarden(p)
		w.lives(p, "a")
		w.leaves(orchard, garden, "romeo")
		w.pass(time.Minute)
		w.Skip()
		p.recall(inGarden, time.Now(), "m", 30)
		w.restarts()
		p.since[inGarden] = time.Now()
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, garden)
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.delayed(orchard, "a")
		w.Expect(subject(orchard, garden, ""))
		for i := 10; i < 30; i++ { // as many as rooms show
			w.delayed(orchard, fmt.Sprint("m", i))
		}
		w.ExpectNothing()
		w.same("the archive", w.reads(orchard, garden, "<max>100</max><before/>", "with="+garden+"/juliet"), "a "+countUp("m", 0, 29))
	})
}

func TestWhoWantsNothingOfThePastIsShownNothing(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall(inGarden, time.Now(), "m", 3)
		p.since[inGarden] = time.Now()
		w.says(orchard, `<presence to='%s/romeo'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`, garden)
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.ExpectNothing()
		w.same("the archive", w.reads(orchard, garden, "<before/>"), "m0 m1 m2")
	})
}

func TestWhatIsNotKeptIsShownAllTheSame(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.keeping.set(inGarden, transport.Record{})
		w.entersGarden(p)
		w.lives(p, "a")
		w.loses(p, func() { p.recall(inGarden, time.Now(), "m", 2) })
		w.Expect(occupant(orchard, garden, "romeo", StatusCodes("110")))
		w.Expect(subject(orchard, garden, ""))
		w.delayed(orchard, "m0", "m1")
		w.ExpectNothing()
		w.same("the archive", w.reads(orchard, garden, ""), "")
	})
}

// private begins a story in which people on a server are heard from now on.
func (w *world) isUp(p *pastServer) {
	w.t.Helper()
	p.since["verona"] = time.Now()
	w.joins(orchard, balcony, "romeo")
	w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
	w.pass(time.Second)
}

func (w *world) late(from, text string) {
	w.t.Helper()
	w.Expect(Message(From(from), To(romeo), Type("chat"), Body(text), Has("{urn:xmpp:delay}delay@from", verona), Has("stanza-id@id", text)))
}

func TestMissedPrivateMessagesAreDeliveredOnce(t *testing.T) {
	const juliet, nurse = "juliet@" + verona, "nurse@" + verona
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		p.recall("juliet", time.Now().Add(-time.Hour), "before-", 2) // of before the user ever came
		w.isUp(p)
		w.ExpectNothing()
		away := func(name string) {
			p.recall("nurse", time.Now().Add(-20*time.Second), name+"n", 1)
			p.recall("juliet", time.Now(), name+"j", 3)
			said := p.said["juliet"]
			said[len(said)-2].Own = true // from another client
		}
		arrives := func(name string) {
			w.late(nurse, name+"n0")
			w.late(juliet, name+"j0")
			w.late(juliet, name+"j2")
		}
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", RetryIn: time.Second})
		w.pass(time.Minute)
		away("a")
		p.since["verona"] = time.Now()
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
		arrives("a")
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
		w.ExpectNothing()

		w.restarts()
		w.pass(time.Minute)
		away("b")
		w.isUp(p)
		arrives("b")
		w.ExpectNothing()
		w.same("the conversation", w.reads(orchard, juliet, "<before/>"), "before-0 before-1 aj0 aj1 aj2 bj0 bj1 bj2")
	})
}

func TestPrivateMessagesThatCanNotBeFetchedComeTheNextTime(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		w.isUp(p)
		w.verona.tells(romeo, transport.LinkDown{Server: "verona", RetryIn: time.Second})
		w.pass(time.Minute)
		p.recall("juliet", time.Now(), "m", 1)
		p.err = because(transport.Unexplained)
		p.since["verona"] = time.Now()
		w.verona.tells(romeo, transport.LinkUp{Server: "verona"})
		w.pass(time.Hour)
		w.ExpectNothing()
		p.err = nil
		w.restarts()
		w.isUp(p)
		w.late("juliet@"+verona, "m0")
		w.ExpectNothing()
	})
}

func TestOfServersThatWereHeardThoseHeardLastAreKnown(t *testing.T) {
	pastStory(t, func(t *testing.T, w *world, p *pastServer) {
		const most, heard = 64, 100
		w.joins(orchard, balcony, "romeo")
		name := func(i int) transport.Address { return transport.Address(fmt.Sprintf("server%03d", i)) }
		for i := range heard {
			p.since[name(i)] = time.Now()
			w.verona.tells(romeo, transport.LinkUp{Server: name(i)})
			w.pass(time.Second)
			w.verona.tells(romeo, transport.LinkDown{Server: name(i)})
			w.pass(time.Second)
		}
		w.Skip()
		known, err := w.store.Records(verona).OfUser(t.Context(), romeo, "heard")
		if err != nil || len(known) != most || known[0].Key != string(name(heard-most)) || known[most-1].Key != string(name(heard-1)) {
			t.Errorf("known are %d servers, %v: %v", len(known), err, known)
		}
	})
}
